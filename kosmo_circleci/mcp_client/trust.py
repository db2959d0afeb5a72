"""Which of a project's servers may run: those whose description the user has seen and accepted.

A repository can put any command into `.mcp.json`. What was trusted is kept as a fingerprint of the
whole description, so that a changed one asks again. Servers of the user's own folder need no trust.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kosmo_circleci.errors import PermissionDenied
from kosmo_circleci.files.folders import user_folder
from kosmo_circleci.files.trust import REASONS, State, TrustFile
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.mcp_client.server import Server


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The servers in the file `mcp-trust.json` of the user's folder."""

    path: Path

    def state(self, server: Server) -> State:
        """Return whether `server` may run: trusted, never trusted, or changed since it was."""
        if server.scope == "user":
            return "trusted"
        return self._file().state(str(server.source), server.name, fingerprint(server))

    def check(self, server: Server) -> None:
        """Raise `PermissionDenied` unless `server` may run."""
        state = self.state(server)
        if state == "trusted":
            return
        raise PermissionDenied(
            f"The MCP server '{server.name}' of {server.source} {REASONS[state]}, so it was not "
            f"started. Look at it with `kosmo mcp:list`, then run `kosmo mcp:trust {server.name}`, "
            "or use --trust-mcp (Python: trust_mcp=True) for one run.",
            function_name=f"app.mcp.{server.name}",
        )

    def trust(self, server: Server) -> None:
        """Remember the server as it is now described. Raises `ConfigurationError`."""
        self._file().trust(str(server.source), server.name, fingerprint(server))

    def forget(self, server: Server) -> bool:
        """Withdraw the trust; return whether there was any. Raises `ConfigurationError`."""
        return self._file().forget(str(server.source), server.name)

    def _file(self) -> TrustFile:
        return TrustFile(self.path, "MCP servers", "kosmo mcp:trust NAME")


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
