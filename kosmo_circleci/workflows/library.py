"""Ready-made workflows by name: the package's, and the user's own."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from kosmo_circleci.errors import UsageError
from kosmo_circleci.wording import nearest, printable, shorten
from kosmo_circleci.workflows.header import Header, parse

SHIPPED: Final = "shipped"
USER: Final = "user"

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_FIRST_COMMENT: Final = re.compile(r"^--+\s*(.+)$", re.MULTILINE)


class Workflow(NamedTuple):
    """A workflow file: its name, where it comes from (`shipped` or `user`), and its path."""

    name: str
    origin: str
    path: Path

    def code(self) -> str:
        """Return the file's text. Raises `UsageError` for one that cannot be read."""
        try:
            return self.path.read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}.") from None

    def header(self) -> Header:
        """Return what the file says of itself. Raises `UsageError` for a header that is wrong."""
        return parse(self.code(), str(self.path))

    def description(self) -> str:
        """Return the header's description, else the first comment of the file."""
        code = self.code()
        described = parse(code, str(self.path)).description
        first = _FIRST_COMMENT.search(code)
        return described or (first[1].strip() if first else "")


class Library:
    """The workflows of some folders, in order: a name belongs to the first folder that has it."""

    def __init__(self, folders: Iterable[tuple[str, Path]]) -> None:
        self._workflows: dict[str, Workflow] = {}
        for origin, folder in folders:
            for path in sorted(folder.glob("*.lua")):
                if _NAME.fullmatch(path.stem) and path.is_file():
                    self._workflows.setdefault(path.stem, Workflow(path.stem, origin, path))

    def workflows(self) -> tuple[Workflow, ...]:
        """Return every workflow, by name."""
        return tuple(self._workflows[name] for name in sorted(self._workflows))

    def find(self, name: str) -> Workflow:
        """Return the workflow of that name. Raises `UsageError` with the nearest one."""
        workflow = self._workflows.get(name)
        if workflow is None:
            near = nearest(name, self._workflows)
            hint = f"Did you mean '{near}'? " if near else ""
            raise UsageError(
                f"There is no workflow '{printable(shorten(name))}'. {hint}"
                "See 'kosmo workflows:list'."
            )
        return workflow
