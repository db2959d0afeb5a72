"""One MCP server as a configuration file describes it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from kosmo_circleci.wording import printable

Scope: TypeAlias = Literal["project", "user"]
Transport: TypeAlias = Literal["stdio", "http"]


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The `envFile` of a server, read once: what is shown and hashed is what is used.

    `name` is the path as written, `sha256` the hash of the content in hex digits. Where the file
    cannot be read, `fault` says why, as the end of a sentence.
    """

    name: str
    path: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    sha256: str | None = None
    fault: str | None = None


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
    env_file: EnvFile | None = None
    cwd: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    fault: str | None = None

    @property
    def where(self) -> str:
        """How an error about this server begins: its file and its name."""
        return printable(f"{self.source}: MCP server '{self.name}'")

    def target(self) -> str:
        """Return what is started or connected to, on one line: quoted as for a shell, `${VAR}` as
        written, control characters as escapes.
        """
        if self.transport == "http":
            return printable(self.url)
        if not self.command:
            return ""
        words = (self.command, *self.args)
        return printable(" ".join(word if _is_plain(word) else shlex.quote(word) for word in words))


def _is_plain(word: str) -> bool:
    # `shlex.quote` would quote "${VAR}" and the like too, where no quotes are needed to read it.
    return bool(word) and not any(char.isspace() or char in "'\"\\" for char in word)
