"""The ready-made workflows as a server offers them: by name, to a tool, and as prompts."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.docs import guides
from kosmo_circleci.errors import UsageError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.workflows.header import Header, Here, parse
from kosmo_circleci.workflows.library import SHIPPED, Library, Workflow

_ON_A_COMMAND_LINE = " Give it with --arg"


def _shipped() -> Library:
    return Library([(SHIPPED, guides.folder() / "workflows")])


def _nowhere() -> Mapping[str, str]:
    return {}


class WorkflowSource(NamedTuple):
    """Where workflows come from, and what the git checkout says that their defaults name."""

    library: Callable[[], Library] = _shipped
    here: Here = _nowhere


SHIPPED_ONLY: Final = WorkflowSource()


class Workflows:
    """The workflows of one server. Over HTTP a client has those of the package, and no checkout."""

    def __init__(self, source: WorkflowSource, simulate: bool) -> None:
        self._source = source
        self._simulate = simulate

    def offered_to(self, client: Client) -> list[Workflow]:
        """Return the workflows of `client`, by name; one whose header is wrong is left out."""
        return [each for each in self._of(client) if _is_sound(each)]

    def find(self, name: str, client: Client) -> Workflow:
        """Return a workflow. Raises `ValidationError` with the nearest name."""
        try:
            workflow = self._source.library().find(name)
        except UsageError as error:
            message = error.message.replace("See 'kosmo workflows:list'.", "").strip()
            raise ValidationError(message) from None
        if workflow not in self._of(client):
            raise ValidationError(f"There is no workflow '{name}' for clients over HTTP.")
        return workflow

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

    def _of(self, client: Client) -> list[Workflow]:
        return [
            each
            for each in self._source.library().workflows()
            if each.origin == SHIPPED or not client.is_remote
        ]


def _is_sound(workflow: Workflow) -> bool:
    try:
        workflow.header()
    except UsageError:
        return False
    return True
