"""Workflows by name: the package's, the user's own, and the project's, which need trust."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.errors import ConfigurationError, PermissionDenied, UsageError
from kosmo_circleci.files.bounded import read_bounded
from kosmo_circleci.files.trust import REASONS, State, TrustFile
from kosmo_circleci.wording import nearest, printable, shorten
from kosmo_circleci.workflows.fingerprint import fingerprint, loads_modules
from kosmo_circleci.workflows.header import Header, parse

Origin: TypeAlias = Literal["shipped", "user", "project"]

_TESTS: Final = "_test.lua"
"""How the names of their tests end, for `kosmo integrations:test`."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_COMMENT: Final = re.compile(r"^--+\s*(.+)$", re.MULTILINE)


class Workflow(NamedTuple):
    """A workflow file: its name, where it comes from, and its path."""

    name: str
    origin: Origin
    path: Path

    def code(self) -> str:
        """Return the file's text. Raises `UsageError` for one that cannot be read."""
        try:
            return read_bounded(self.path).decode("utf-8", "surrogateescape")
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}.") from None

    def may_load(self, code: str) -> bool:
        """Say whether it may load the modules of its folder.

        Trust in a project's workflow covers them only where the text says `require`.
        """
        return self.origin != "project" or loads_modules(code)

    def described(self, code: str | None = None) -> "Described":
        """Return what the file says. Raises `UsageError` for one that cannot be read as it is.

        `code` is its text where that has been read already.
        """
        code = self.code() if code is None else code
        header = parse(code, str(self.path))
        first = _FIRST_COMMENT.search(code)
        return Described(header.description or (first[1].strip() if first else ""), header, code)


class Described(NamedTuple):
    """What a workflow file says: its sentence, its header, its whole text."""

    description: str
    header: Header
    code: str


class Ignored(NamedTuple):
    """A file that is not offered, and why."""

    origin: Origin
    path: Path
    reason: str


class Library:
    """The workflows of some folders, in order: a name belongs to the first folder that has it."""

    def __init__(self, folders: Iterable[tuple[Origin, Path]], trusted: TrustFile) -> None:
        """Look into the folders, once. `trusted` has the project's workflows that may run."""
        self._trusted = trusted
        self._workflows: dict[str, Workflow] = {}
        self.ignored: list[Ignored] = []
        for origin, folder in folders:
            for path in sorted(folder.glob("*.lua")):
                if not path.name.endswith(_TESTS):
                    self._add(Workflow(path.stem, origin, path))

    def _add(self, workflow: Workflow) -> None:
        # Names that differ by case alone would be taken for each other.
        first = self._workflows.get(workflow.name.casefold())
        if not _NAME.fullmatch(workflow.name):
            reason = "its name needs to be letters, digits and _"
        elif not workflow.path.is_file():
            reason = "it is not a file that can be read"
        elif first is not None:
            reason = f"the {first.origin} workflow '{first.name}' has that name"
        else:
            self._workflows[workflow.name.casefold()] = workflow
            return
        self.ignored.append(Ignored(workflow.origin, workflow.path, reason))

    def workflows(self) -> tuple[Workflow, ...]:
        """Return every workflow, by name."""
        return tuple(sorted(self._workflows.values(), key=lambda each: each.name))

    def documented(self) -> tuple[Workflow, ...]:
        """Return the workflows that have a page: all but the project's that are not trusted.

        What a repository says of its workflows would be read by agents, as if it were ours.
        """
        return tuple(each for each in self.workflows() if self._may_be_read(each))

    def find(self, name: str) -> Workflow:
        """Return the workflow of that name. Raises `UsageError` with the nearest one."""
        workflow = self._workflows.get(name.casefold())
        if workflow is None or workflow.name != name:
            near = nearest(name, [each.name for each in self._workflows.values()])
            hint = f"Did you mean '{near}'? " if near else ""
            raise UsageError(
                f"There is no workflow '{printable(shorten(name))}'. {hint}"
                "See 'kosmo workflows:list'."
            )
        return workflow

    def state(self, workflow: Workflow, code: str | None = None) -> State:
        """Return whether a workflow may run with this text (None: the file's).

        Raises `UsageError` and `ConfigurationError`.
        """
        if workflow.origin != "project":
            return "trusted"
        mark = fingerprint(workflow.path, workflow.code() if code is None else code)
        return self._trusted.state(str(workflow.path.parent), workflow.name, mark)

    def check(self, workflow: Workflow, code: str) -> None:
        """Raise `PermissionDenied` unless the workflow may run with this text."""
        state = self.state(workflow, code)
        if state == "trusted":
            return
        name = workflow.name
        raise PermissionDenied(
            f"The workflow '{name}' of {printable(str(workflow.path.parent))} {REASONS[state]}, so "
            f"it was not run. Read it with `kosmo workflows:show {name}`, then run `kosmo "
            f"workflows:trust {name}`, or use --trust-workflows for one run."
        )

    def trust(self, workflow: Workflow) -> None:
        """Remember the workflow as it is now. Raises `UsageError` and `ConfigurationError`."""
        mark = fingerprint(workflow.path, workflow.code())
        self._trusted.trust(str(workflow.path.parent), workflow.name, mark)

    def forget(self, workflow: Workflow) -> bool:
        """Withdraw the trust; return whether there was any. Raises `ConfigurationError`."""
        return self._trusted.forget(str(workflow.path.parent), workflow.name)

    def _may_be_read(self, workflow: Workflow) -> bool:
        try:
            return self.state(workflow) == "trusted"
        except (UsageError, ConfigurationError):
            return False
