"""The ready-made workflows as a server offers them: by name, to a tool, and as prompts."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.errors import UsageError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.workflows.header import Header, Here, parse
from kosmo_circleci.workflows.library import Described, Library, Workflow
from kosmo_circleci.workflows.sources import shipped_library

_ON_A_COMMAND_LINE: Final = " Give it with --arg"
_SEE_LIST: Final = "See 'kosmo workflows:list'."
_NEAREST: Final = "Did you mean"


def _nowhere() -> Mapping[str, str]:
    return {}


class WorkflowSource(NamedTuple):
    """Where workflows come from, and what the git checkout says that their defaults name."""

    library: Callable[[], Library] = shipped_library
    here: Here = _nowhere


SHIPPED_ONLY: Final = WorkflowSource()


class ReadyMade:
    """The workflows of one server. Over HTTP a client has those of the package, and no checkout."""

    def __init__(self, source: WorkflowSource, simulate: bool) -> None:
        self._source = source
        self._simulate = simulate

    def offered_to(self, client: Client) -> list[tuple[Workflow, Described]]:
        """Return the workflows of `client`, by name.

        Left out are those of the project that are not trusted, and those with a wrong header.
        """
        described = []
        for each in self._source.library().documented():
            if _may_have(client, each):
                try:
                    described.append((each, each.described()))
                except UsageError:
                    continue
        return described

    def read(self, name: str, client: Client) -> Described:
        """Return what a workflow says, and its text, which may run.

        Raises `ValidationError` with the nearest name, and `PermissionDenied` for a workflow of the
        project that is not trusted.
        """
        library = self._source.library()
        try:
            workflow = library.find(name)
            if not _may_have(client, workflow):
                raise UsageError(f"There is no workflow '{name}' for clients over HTTP.")
            described = workflow.described()
        except UsageError as error:
            message = error.message.replace(_SEE_LIST, "").strip()
            if _NEAREST not in message:
                names = ", ".join(workflow.name for workflow, _ in self.offered_to(client))
                message += f" There are: {names}."
            raise ValidationError(message) from None
        library.check(workflow, described.code)
        return described

    def header(self, code: str, name: str) -> Header:
        """Return what a script says of itself. Raises `ValidationError` for a wrong header."""
        try:
            return parse(code, name)
        except UsageError as error:
            raise ValidationError(error.message) from None

    def bound(
        self, header: Header, arguments: Mapping[str, JsonValue], client: Client
    ) -> dict[str, JsonValue]:
        """Return the `args` of a script: checked, converted, with defaults.

        Raises `ValidationError` for an unknown or missing one, and one of another type.
        """
        try:
            return header.bound(arguments, self.here_for(client))
        except UsageError as error:
            message = error.message.partition(_ON_A_COMMAND_LINE)[0]
            raise ValidationError(message) from None

    def here_for(self, client: Client) -> Here:
        """Return what tells the checkout that `client` works in; remote ones work elsewhere."""
        return _nowhere if client.is_remote and not self._simulate else self._source.here


def _may_have(client: Client, workflow: Workflow) -> bool:
    return workflow.origin == "shipped" or not client.is_remote
