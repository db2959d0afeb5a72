"""Configuration files -> the MCP servers there are, first file that names a server wins.

In this order: `.mcp.json`, `.vscode/mcp.json` and `.cursor/mcp.json` of the project, then
`kosmo/mcp.json` in the user's configuration folder. The project is the current folder, or the
nearest one above it inside the same git repository that has such a file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.mcp_client import jsonc

PROJECT_FILES: Final = (".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json")
_MAX_BYTES: Final = 1024 * 1024

Scope: TypeAlias = Literal["project", "user"]
Transport: TypeAlias = Literal["stdio", "http"]


@dataclass(frozen=True, slots=True)
class Server:
    """One server as its file describes it; `${VAR}` not yet replaced.

    `folder` is where a relative `cwd` starts, and `${workspaceFolder}`. `timeout_s` bounds one
    call. `fault` says why the entry cannot be used; the rest of the file stays usable.
    """

    name: str
    source: Path
    scope: Scope
    folder: Path
    transport: Transport = "stdio"
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    env_file: str | None = None
    cwd: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    fault: str | None = None

    def target(self) -> str:
        """Return what is started or connected to, on one line, `${VAR}` as written."""
        return self.url if self.transport == "http" else " ".join((self.command, *self.args))


def user_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder `kosmo` in the user's configuration folder."""
    if environ.get("XDG_CONFIG_HOME"):
        return Path(environ["XDG_CONFIG_HOME"]) / "kosmo"
    if os.name == "nt" and environ.get("APPDATA"):
        return Path(environ["APPDATA"]) / "kosmo"
    return home / ".config" / "kosmo"


def load(environ: Mapping[str, str], home: Path, start: Path) -> dict[str, Server]:
    """Return every server that is not disabled, by name; `start` is the current folder.

    Raises `ConfigurationError` for a file that is no JSON object of servers, naming file and line.
    """
    servers: dict[str, Server] = {}
    disabled: set[str] = set()
    project = project_folder(start)
    places: list[tuple[Path, Scope, Path]] = [
        (project / name, "project", project) for name in PROJECT_FILES
    ]
    places.append((user_folder(environ, home) / "mcp.json", "user", start))
    for path, scope, folder in places:
        for name, entry in _entries(path).items():
            if name in servers or name in disabled:
                continue
            if isinstance(entry, dict) and _is_disabled(entry):
                disabled.add(name)
            else:
                servers[name] = _server(name, entry, path, scope, folder)
    return servers


def project_folder(start: Path) -> Path:
    """Return the folder whose files count for `start`."""
    above = [start, *start.parents]
    roots = [folder for folder in above if (folder / ".git").exists()]
    if not roots:
        return start
    inside = above[: above.index(roots[0]) + 1]
    return next((folder for folder in inside if _has_servers(folder)), start)


def _has_servers(folder: Path) -> bool:
    return any((folder / name).is_file() for name in PROJECT_FILES)


def _entries(path: Path) -> Mapping[str, JsonValue]:
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MiB; that is no list of MCP servers")
    try:
        value = jsonc.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8") from None
    except jsonc.JsoncError as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        raise ConfigurationError(f"{where}: not JSON: {error.reason}") from None
    return _servers_of(value, path)


def _servers_of(value: JsonValue, path: Path) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ConfigurationError(f'{path}: must be an object such as {{"mcpServers": {{…}}}}')
    found: dict[str, JsonValue] = {}
    for key in ("mcpServers", "servers"):
        entries = value.get(key, {})
        if not isinstance(entries, dict):
            raise ConfigurationError(f"{path}: '{key}' must be an object of servers by name")
        found = entries | found
    return found


def _is_disabled(entry: Mapping[str, JsonValue]) -> bool:
    return entry.get("disabled") is True or entry.get("enabled") is False


def _server(name: str, entry: JsonValue, path: Path, scope: Scope, folder: Path) -> Server:
    bare = Server(name, path, scope, folder)
    if not isinstance(entry, dict):
        return _faulty(bare, "must be an object with 'command' or 'url'")
    try:
        return _described(bare, entry)
    except ValueError as error:
        return _faulty(bare, str(error))


def _described(bare: Server, entry: Mapping[str, JsonValue]) -> Server:
    kind = entry.get("type", "http" if "url" in entry else "stdio")
    timeout_s = _milliseconds(entry)
    if kind in ("http", "streamable-http", "streamableHttp", "streamable_http"):
        return Server(
            bare.name,
            bare.source,
            bare.scope,
            bare.folder,
            "http",
            url=_url(entry),
            headers=_texts(entry, "headers"),
            timeout_s=timeout_s,
        )
    if kind == "sse":
        raise ValueError("the transport 'sse' is not supported; use the server's 'http' address")
    if kind != "stdio":
        raise ValueError(f'\'type\' must be "stdio" or "http", not {kind!r}')
    if not isinstance(entry.get("command"), str) or not entry["command"]:
        raise ValueError("'command' is missing; it takes the program to start, as a string")
    return Server(
        bare.name,
        bare.source,
        bare.scope,
        bare.folder,
        command=str(entry["command"]),
        args=_args(entry),
        env=_texts(entry, "env"),
        env_file=_text(entry, "envFile"),
        cwd=_text(entry, "cwd"),
        timeout_s=timeout_s,
    )


def _faulty(bare: Server, fault: str) -> Server:
    where = f"{bare.source}: MCP server '{bare.name}': {fault}."
    return Server(bare.name, bare.source, bare.scope, bare.folder, fault=where)


def _url(entry: Mapping[str, JsonValue]) -> str:
    url = entry.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "${")):
        raise ValueError("'url' must be an http:// or https:// address")
    return url


def _text(entry: Mapping[str, JsonValue], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{key}' must be a string")
    return value


def _args(entry: Mapping[str, JsonValue]) -> tuple[str, ...]:
    args = entry.get("args", [])
    if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
        raise ValueError("'args' must be an array of strings")
    return tuple(str(each) for each in args)


def _texts(entry: Mapping[str, JsonValue], key: str) -> dict[str, str]:
    values = entry.get(key) or {}
    if not isinstance(values, dict):
        raise ValueError(f"'{key}' must be an object of strings")
    texts: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"'{key}.{name}' must be a string")
        texts[name] = str(value)
    return texts


def _milliseconds(entry: Mapping[str, JsonValue]) -> float | None:
    timeout = entry.get("timeout")
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise ValueError("'timeout' must be a number of milliseconds greater than 0")
    return timeout / 1000
