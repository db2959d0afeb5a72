"""What decides what a server runs, for the person who decides whether it may.

Nothing is left out but the literal values of secret-looking names; as text, nothing in it can steer
the terminal.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import MASK, names_a_secret
from kosmo_circleci.mcp_client.server import EnvFile, Server
from kosmo_circleci.wording import printable

_LABEL_WIDTH: Final = 7


def lines(server: Server) -> list[str]:
    """Return the whole description as text: file, address or command, folder and `settings`."""
    first = [_line("file", printable(str(server.source)))]
    if server.transport == "http":
        return [*first, _line("address", server.target()), *settings(server)]
    folder = [] if server.cwd is not None else [_line("folder", printable(str(server.folder)))]
    return [*first, _line("command", server.target()), *folder, *settings(server)]


def settings(server: Server) -> list[str]:
    """Return as text what an entry says beside its address or command; often nothing."""
    folder = [] if server.cwd is None else [printable(str(server.folder / server.cwd))]
    return [
        *_labelled("folder", iter(folder)),
        *_labelled("env", _shown(server.env, "=")),
        *_labelled("envFile", _env_file_lines(server.env_file)),
        *_labelled("headers", _shown(server.headers, ": ")),
    ]


def to_json(server: Server) -> dict[str, JsonValue]:
    """Return {command, args, folder, env, env_file} of a program, {url, headers} of an address.

    `env_file` is null or {path, sha256, variables}; `sha256` is null where it cannot be read.
    """
    if server.transport == "http":
        return {"url": server.url, "headers": dict(_masked(server.headers))}
    return {
        "command": server.command,
        "args": list(server.args),
        "folder": str(server.folder / (server.cwd or ".")),
        "env": dict(_masked(server.env)),
        "env_file": None if server.env_file is None else _env_file_json(server.env_file),
    }


def _env_file_json(file: EnvFile) -> dict[str, JsonValue]:
    return {
        "path": str(file.path),
        "sha256": file.sha256,
        "variables": dict(_masked(file.variables)),
    }


def _env_file_lines(file: EnvFile | None) -> Iterator[str]:
    if file is None:
        return
    state = "cannot be read" if file.sha256 is None else f"sha256 {file.sha256[:16]}"
    yield f"{printable(file.name)} ({state})"
    yield from _shown(file.variables, "=")


def _shown(values: Mapping[str, str], separator: str) -> Iterator[str]:
    for name, value in _masked(values).items():
        yield f"{printable(name)}{separator}{printable(value)}"


def _masked(values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: str) -> str:
    # A reference tells where a secret comes from, and is not one itself.
    if not value or "${" in value or not names_a_secret(name):
        return value
    return f"{MASK} ({len(value)} characters)"


def _labelled(label: str, texts: Iterator[str]) -> list[str]:
    return [_line("" if index else label, text) for index, text in enumerate(texts)]


def _line(label: str, text: str) -> str:
    return f"  {label.ljust(_LABEL_WIDTH)}  {text}"
