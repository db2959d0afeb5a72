"""Server -> what is really started: variables replaced, environment put together."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.mcp_client.config import Server

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAME: Final = re.compile(r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.S)
_SECRET_NAMES: Final = re.compile(r"secret|token|password|credential|auth|api[-_]?key|key$", re.I)

# A server gets no variable it was not given, or every token in the environment would reach it.
_INHERITED_ON_WINDOWS: Final = (
    "APPDATA HOMEDRIVE HOMEPATH LOCALAPPDATA PATH PATHEXT PROCESSOR_ARCHITECTURE PROGRAMFILES "
    "SYSTEMDRIVE SYSTEMROOT TEMP TMP USERNAME USERPROFILE"
)
_INHERITED_ELSEWHERE: Final = (
    "HOME LOGNAME PATH SHELL TERM USER LANG LC_ALL LC_CTYPE TZ TMPDIR XDG_CACHE_HOME "
    "XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR SSL_CERT_FILE SSL_CERT_DIR "
    "NODE_EXTRA_CA_CERTS VIRTUAL_ENV NVM_DIR"
)
INHERITED: Final = tuple(
    (_INHERITED_ON_WINDOWS if os.name == "nt" else _INHERITED_ELSEWHERE).split()
)
"""The variables a server over stdio inherits."""


@dataclass(frozen=True, slots=True)
class StdioLaunch:
    """A program to start. `env` is its whole environment."""

    name: str
    command: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class HttpLaunch:
    """An address to connect to."""

    name: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout_s: float | None = None


Launch: TypeAlias = StdioLaunch | HttpLaunch


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until a server has answered `initialize`, and for one call of it."""

    start_s: float = 60.0
    call_s: float = 120.0


def resolve(server: Server, environ: Mapping[str, str], home: Path) -> Launch:
    """Return what to start or connect to.

    `${VAR}`, `${env:VAR}`, either with `:-default`, `${workspaceFolder}`,
    `${workspaceFolderBasename}` and `${userHome}` are replaced everywhere. `secrets` are the values
    of variables, headers and settings that are named like one. Raises `ConfigurationError`.
    """
    if server.fault is not None:
        raise ConfigurationError(server.fault)
    fill = _Filling(server, environ, home)
    if server.transport == "http":
        headers = {name: fill.text(value) for name, value in server.headers.items()}
        return HttpLaunch(
            server.name, fill.text(server.url), headers, fill.secrets(headers), server.timeout_s
        )
    given = {name: fill.text(value) for name, value in server.env.items()}
    if server.env_file is not None:
        given = _read_env_file(fill, server.env_file) | given
    inherited = {name: environ[name] for name in INHERITED if name in environ}
    return StdioLaunch(
        server.name,
        fill.text(server.command),
        tuple(fill.text(each) for each in server.args),
        inherited | given,
        str(server.folder / fill.text(server.cwd or ".")),
        fill.secrets(given),
        server.timeout_s,
    )


class _Filling:
    def __init__(self, server: Server, environ: Mapping[str, str], home: Path) -> None:
        self.server = server
        self._environ = environ
        self._places = {
            "workspaceFolder": str(server.folder),
            "workspaceFolderBasename": server.folder.name,
            "userHome": str(home),
            "pathSeparator": os.sep,
            "/": os.sep,
        }
        self._secrets: set[str] = set()

    def text(self, text: str) -> str:
        return _VARIABLE.sub(self._value, text)

    def secrets(self, named: Mapping[str, str]) -> tuple[str, ...]:
        own = {value for name, value in named.items() if _SECRET_NAMES.search(name)}
        # "Bearer abc": the scheme is no secret, and what follows is one on its own too.
        own |= {value.split(" ", 1)[1] for value in own if value.startswith(("Bearer ", "Basic "))}
        return tuple(sorted(self._secrets | own))

    def fail(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.server.source}: MCP server '{self.server.name}': {what}")

    def _value(self, found: re.Match[str]) -> str:
        inside = found[1]
        if inside in self._places and inside not in self._environ:
            return self._places[inside]
        if inside.startswith("input:"):
            raise self.fail(
                f"{found[0]} asks a person, which only an editor can do; use ${{env:NAME}} and set "
                "the variable."
            )
        parsed = _NAME.fullmatch(inside)
        if parsed is None:
            raise self.fail(f"{found[0]} is not known; write ${{VAR}} or ${{VAR:-default}}.")
        value = self._environ.get(parsed["name"], "")
        if value:
            if _SECRET_NAMES.search(parsed["name"]):
                self._secrets.add(value)
            return value
        if parsed["default"] is not None:
            return parsed["default"]
        if parsed["name"] in self._environ:
            return ""
        raise self.fail(
            f"the environment variable {parsed['name']} is not set. Set it, or give a default: "
            f"${{{parsed['name']}:-…}}."
        )


def _read_env_file(fill: _Filling, name: str) -> dict[str, str]:
    path = fill.server.folder / fill.text(name)
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise fill.fail(f"envFile {path} cannot be read.") from None
    values: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[name.strip()] = value[1:-1] if quoted else value
    return values
