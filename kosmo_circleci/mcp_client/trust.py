"""Which of a project's servers may run: those whose description the user has seen and accepted.

A repository can put any command into `.mcp.json`. What was trusted is kept as a fingerprint of the
whole description, so that a changed one asks again. Servers of the user's own folder need no trust.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kosmo_circleci.atomic import exclusive, replace_file
from kosmo_circleci.errors import ConfigurationError, PermissionDenied
from kosmo_circleci.folders import user_folder
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.mcp_client.server import Server

State: TypeAlias = Literal["trusted", "untrusted", "changed"]


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The file `mcp-trust.json` in the user's folder: {"trusted": {file: {name: fingerprint}}}."""

    path: Path

    def state(self, server: Server) -> State:
        """Return whether `server` may run: trusted, never trusted, or changed since it was."""
        if server.scope == "user":
            return "trusted"
        trusted = self._read().get(str(server.source), {}).get(server.name)
        if trusted is None:
            return "untrusted"
        return "trusted" if trusted == fingerprint(server) else "changed"

    def check(self, server: Server) -> None:
        """Raise `PermissionDenied` unless `server` may run."""
        state = self.state(server)
        if state == "trusted":
            return
        why = (
            "has changed since it was trusted" if state == "changed" else "has not been trusted yet"
        )
        raise PermissionDenied(
            f"The MCP server '{server.name}' of {server.source} {why}, so it was not started. Look "
            f"at it with `kosmo mcp:list`, then run `kosmo mcp:trust {server.name}`, or use "
            "--trust-mcp (Python: trust_mcp=True) for one run.",
            function_name=f"app.mcp.{server.name}",
        )

    def trust(self, server: Server) -> None:
        """Remember the server as it is now described. Raises `ConfigurationError`."""
        with self._changing() as trusted:
            trusted.setdefault(str(server.source), {})[server.name] = fingerprint(server)

    def forget(self, server: Server) -> bool:
        """Withdraw the trust; return whether there was any. Raises `ConfigurationError`."""
        with self._changing() as trusted:
            return trusted.get(str(server.source), {}).pop(server.name, None) is not None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, dict[str, str]]]:
        """Give the list to change; at the end of the block the file holds it."""
        try:
            with exclusive(self.path):
                before, trusted = self._read(), self._read()
                yield trusted
                if trusted != before:
                    replace_file(self.path, _encoded(trusted))
        except OSError as error:
            raise ConfigurationError(f"{self.path}: {error.strerror or error}") from None

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            value: Any = json.loads(self.path.read_text("utf-8"))
            trusted = value["trusted"]
            return {
                str(file): {str(name): str(mark) for name, mark in servers.items()}
                for file, servers in trusted.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigurationError(
                f"{self.path} cannot be read as the list of trusted MCP servers; remove it and "
                "trust the servers again with `kosmo mcp:trust NAME`."
            ) from None


def _encoded(trusted: Mapping[str, Mapping[str, str]]) -> bytes:
    value = {"version": 1, "trusted": trusted}
    return f"{json.dumps(value, indent=2, sort_keys=True)}\n".encode()


def trust_store(environ: Mapping[str, str], home: Path) -> TrustStore:
    """Return the user's store."""
    return TrustStore(user_folder(environ, home) / "mcp-trust.json")


def fingerprint(server: Server) -> str:
    """Return a SHA-256 over everything that decides what runs and where it came from.

    Values of `env` and `headers` count as written, before `${VAR}` is replaced, and an `envFile`
    with its content: `NODE_OPTIONS` can carry code as well as a command can.
    """
    description: dict[str, JsonValue] = {
        "file": str(server.source),
        "name": server.name,
        "transport": server.transport,
        "command": server.command,
        "args": list(server.args),
        "env": dict(server.env),
        "env_file": None if server.env_file is None else server.env_file.name,
        "cwd": server.cwd,
        "url": server.url,
        "headers": dict(server.headers),
    }
    if server.env_file is not None:
        description["env_file_sha256"] = server.env_file.sha256
    return hashlib.sha256(encode(description, sort_keys=True).encode("utf-8")).hexdigest()
