"""Configuration files -> the configured MCP servers; the first file that names a server wins.

In this order: `.mcp.json`, `.vscode/mcp.json` and `.cursor/mcp.json` of the project, then
`kosmo/mcp.json` in the user's configuration folder. The project is the current folder, or the
nearest one above it inside the same git repository that has such a file.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.bounded import read_bounded
from kosmo_circleci.files.folders import project_folder, user_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.mcp_client import jsonc
from kosmo_circleci.mcp_client.env_file import read_env_file
from kosmo_circleci.mcp_client.server import Scope, Server
from kosmo_circleci.mcp_client.variables import Variables
from kosmo_circleci.wording import printable, shorten

PROJECT_FILES: Final = (".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json")

MAX_NAME_CHARACTERS: Final = 128
"""How long the name of a server may be."""


def load(environ: Mapping[str, str], home: Path, start: Path) -> dict[str, Server]:
    """Return every server that is not disabled, by name; `start` is the current folder.

    Raises `ConfigurationError`, naming file and line, for a file that is not a JSON object of
    servers.
    """
    servers: dict[str, Server] = {}
    disabled: set[str] = set()
    project = project_folder(start, _has_servers)
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
                bare = Server(name, path, scope, folder)
                servers[name] = _server(bare, entry, environ, home)
    return servers


def _has_servers(folder: Path) -> bool:
    return any((folder / name).is_file() for name in PROJECT_FILES)


def _entries(path: Path) -> Mapping[str, JsonValue]:
    try:
        raw = read_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or 'cannot be read'}") from None
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
    servers: dict[str, JsonValue] = {}
    for key in ("mcpServers", "servers"):
        entries = value.get(key, {})
        if not isinstance(entries, dict):
            raise ConfigurationError(f"{path}: '{key}' must be an object of servers by name")
        servers = entries | servers
    return servers


def _is_disabled(entry: Mapping[str, JsonValue]) -> bool:
    return entry.get("disabled") is True or entry.get("enabled") is False


def _server(bare: Server, entry: JsonValue, environ: Mapping[str, str], home: Path) -> Server:
    try:
        return _described(bare, entry, environ, home)
    except ValueError as error:
        return replace(bare, fault=f"{bare.where}: {printable(str(error))}.")


def _described(bare: Server, entry: JsonValue, environ: Mapping[str, str], home: Path) -> Server:
    _check_name(bare.name)
    if not isinstance(entry, dict):
        raise ValueError("must be an object with 'command' or 'url'")
    kind = entry.get("type", "http" if "url" in entry else "stdio")
    timed = replace(bare, timeout_s=_milliseconds(entry))
    if kind in ("http", "streamable-http", "streamableHttp", "streamable_http"):
        headers = _texts(entry, "headers")
        return replace(timed, transport="http", url=_url(entry), headers=headers)
    if kind == "sse":
        raise ValueError("the transport 'sse' is not supported; use the server's 'http' address")
    if kind != "stdio":
        raise ValueError(f'\'type\' must be "stdio" or "http", not {shorten(repr(kind))}')
    if not isinstance(entry.get("command"), str) or not entry["command"]:
        raise ValueError("'command' is missing; it takes the program to start, as a string")
    file_name = _text(entry, "envFile")
    variables = Variables(bare.where, bare.folder, environ, home)
    return replace(
        timed,
        command=str(entry["command"]),
        args=_args(entry),
        env=_texts(entry, "env"),
        env_file=None if file_name is None else read_env_file(file_name, variables),
        cwd=_text(entry, "cwd"),
    )


def _check_name(name: str) -> None:
    if not name or not name.isprintable():
        raise ValueError("the name of a server is text without control characters")
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValueError(f"the name of a server has at most {MAX_NAME_CHARACTERS} characters")


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
