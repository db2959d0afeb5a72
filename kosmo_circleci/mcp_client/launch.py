"""Server -> what is started or connected to: variables replaced, environment assembled."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.mcp_client.server import Server
from kosmo_circleci.mcp_client.variables import Variables

INHERITED: Final = (
    *("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV", "NVM_DIR"),
)
"""The variables of this process that a server over stdio inherits; no other, or every token in the
environment would reach it.
"""


@dataclass(frozen=True, slots=True)
class StdioLaunch:
    """A program to start. `env` is its whole environment.

    `search_path` is where a command without a folder is looked up. It is this process's PATH: the
    entry's own is for the server, and would choose the program that `mcp:list` does not show.
    """

    name: str
    command: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    search_path: str
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
    variables = Variables(server.where, server.folder, environ, home)
    if server.transport == "http":
        headers = {name: variables.expand(value) for name, value in server.headers.items()}
        url = variables.expand(server.url)
        return HttpLaunch(server.name, url, headers, variables.secrets(headers), server.timeout_s)
    own = _own_environment(server, variables)
    inherited = {name: environ[name] for name in INHERITED if name in environ}
    return StdioLaunch(
        server.name,
        variables.expand(server.command),
        tuple(variables.expand(each) for each in server.args),
        inherited | own,
        str(server.folder / variables.expand(server.cwd or ".")),
        environ.get("PATH", os.defpath),
        variables.secrets(own),
        server.timeout_s,
    )


def _own_environment(server: Server, variables: Variables) -> dict[str, str]:
    own = {name: variables.expand(value) for name, value in server.env.items()}
    if server.env_file is None:
        return own
    if server.env_file.fault is not None:
        raise ConfigurationError(server.env_file.fault)
    return dict(server.env_file.variables) | own
