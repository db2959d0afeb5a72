"""The ready-made workflows as prompts: what a model is told to run, and what a person may choose.

Knows nothing of the protocol; `prompting` speaks it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.executions import Executions
from kosmo_circleci.agent.suggestions import Suggestions
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.workflows.header import Argument, Header
from kosmo_circleci.workflows.library import Described

_HERE: Final = "@here."
_BOOLEANS: Final = ("true", "false")


class PromptArgument(NamedTuple):
    """One argument of a prompt."""

    name: str
    description: str
    required: bool


class Prompt(NamedTuple):
    """A prompt, as a list shows it."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]


class Prompts:
    """The prompts of one server. Blocking; safe for several threads."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions
        self._suggestions = Suggestions(executions)

    def list_for(self, client: Client) -> list[Prompt]:
        """Return a prompt for each workflow of `client`, by name."""
        offered = self._executions.ready_made.offered_to(client)
        return [_prompt(workflow.name, described, client) for workflow, described in offered]

    def text(self, name: str, arguments: Mapping[str, str], client: Client) -> str:
        """Return what the model is told. Raises `ValidationError` and `PermissionDenied`.

        Arguments left empty count as not given: forms send every field.
        """
        ready_made = self._executions.ready_made
        described = ready_made.read(name, client)
        values: dict[str, JsonValue] = {key: text for key, text in arguments.items() if text}
        bound = ready_made.bound(described.header, values, client)
        call: dict[str, JsonValue] = {"code": "", "workflow": name, "args": bound}
        parts = [
            f"Run the ready-made workflow '{name}': {described.description}",
            f"Call the tool execute_lua once, with exactly these arguments:\n\n{encode(call)}",
            self._about_writes(described.header),
            "Then tell me what came out, in words: the answer is in 'result', and what was printed "
            "in 'output'. If it fails, say why, and follow 'rerun'.",
            "This is its source, if you need to know what it does:",
            f"```lua\n{described.code.rstrip()}\n```\n",
        ]
        return "\n\n".join(filter(None, parts))

    def complete(
        self, name: str, argument: str, beginning: str, others: Mapping[str, str], client: Client
    ) -> list[str]:
        """Return values of an argument that begin so; `others` are the arguments chosen before.

        Raises `ValidationError` for an unknown workflow.
        """
        header = self._executions.ready_made.read(name, client).header
        declared = {each.name: each for each in header.arguments}
        if argument not in declared:
            return []
        values = self._values(declared, argument, others, client)
        return [each for each in values if each.lower().startswith(beginning.lower())]

    def _values(
        self,
        declared: Mapping[str, Argument],
        argument: str,
        others: Mapping[str, str],
        client: Client,
    ) -> list[str]:
        if declared[argument].type == "boolean":
            return [*_BOOLEANS]
        if argument in ("project", "project_slug"):
            return self._suggestions.projects(client)
        if argument != "branch":
            return []
        for name in ("project", "project_slug"):
            if name in declared:
                project = others.get(name) or self._default(declared[name], client)
                return self._suggestions.branches(project, client) if project else []
        return []

    def _default(self, argument: Argument, client: Client) -> str | None:
        if argument.default is None or not argument.default.startswith(_HERE):
            return argument.default
        here = self._executions.ready_made.here_for(client)()
        return here.get(argument.default.removeprefix(_HERE))

    def _about_writes(self, header: Header) -> str:
        if header.writes == ():
            return ""
        write = self._executions.options.write
        named = "" if header.writes is None else f": {', '.join(header.writes)}"
        if write == "deny":
            return (
                f'It may write{named}. This server refuses writes: with "simulate": true it is a '
                "rehearsal."
            )
        condition = ", and I am asked before each" if write == "ask" else ""
        return f"It may write{named}{condition}."


def _prompt(name: str, described: Described, client: Client) -> Prompt:
    arguments = tuple(
        PromptArgument(
            each.name,
            _described(each),
            each.required or ((each.default or "").startswith(_HERE) and client.is_remote),
        )
        for each in described.header.arguments
    )
    title = name.replace("_", " ").capitalize()
    return Prompt(name, title, described.description, arguments)


def _described(argument: Argument) -> str:
    """Return an argument's description, with its type and default where they say something."""
    notes = [] if argument.type == "string" else [argument.type]
    if argument.default is not None:
        of_checkout = argument.default.startswith(_HERE)
        shown = "of the git checkout" if of_checkout else argument.default
        notes.append(f"default: {shown}")
    noted = f"({', '.join(notes)})" if notes else ""
    return " ".join(filter(None, (argument.description, noted)))
