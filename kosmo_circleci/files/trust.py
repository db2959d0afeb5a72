"""Which of a project's files the user has trusted, kept as fingerprints.

A repository can bring along MCP servers and workflows; none of them runs before the user
trusts it. Trust is kept by path and name, with a fingerprint of all that decides what happens, so
that a change asks again.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.atomic import exclusive, replace_file

State: TypeAlias = Literal["trusted", "untrusted", "changed"]

REASONS: Mapping[State, str] = {
    "untrusted": "has not been trusted yet",
    "changed": "has changed since it was trusted",
}


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file `{"version": 1, "trusted": {source: {name: fingerprint}}}` of the user's.

    `things` (`MCP servers`) and `command` (`kosmo mcp:trust NAME`) are for messages.
    """

    path: Path
    things: str
    command: str

    def state(self, source: str, name: str, fingerprint: str) -> State:
        """Return whether it may run: trusted, never trusted, or changed since it was."""
        trusted = self._read().get(source, {}).get(name)
        if trusted is None:
            return "untrusted"
        return "trusted" if trusted == fingerprint else "changed"

    def trust(self, source: str, name: str, fingerprint: str) -> None:
        """Remember it as it is now. Raises `ConfigurationError`."""
        with self._changing() as trusted:
            trusted.setdefault(source, {})[name] = fingerprint

    def forget(self, source: str, name: str) -> bool:
        """Withdraw the trust; return whether there was any. Raises `ConfigurationError`."""
        with self._changing() as trusted:
            return trusted.get(source, {}).pop(name, None) is not None

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
                str(file): {str(name): str(mark) for name, mark in names.items()}
                for file, names in trusted.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigurationError(
                f"{self.path} cannot be read as the list of trusted {self.things}; remove it and "
                f"trust the {self.things.rpartition(' ')[2]} again with `{self.command}`."
            ) from None


def _encoded(trusted: Mapping[str, Mapping[str, str]]) -> bytes:
    value = {"version": 1, "trusted": trusted}
    return f"{json.dumps(value, indent=2, sort_keys=True)}\n".encode()
