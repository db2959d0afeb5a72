"""Workflow files as pages: `workflows.NAME`."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from kosmo_circleci.errors import UsageError
from kosmo_circleci.wording import printable
from kosmo_circleci.workflows.header import Argument
from kosmo_circleci.workflows.library import Described, Workflow
from kosmo_circleci.workflows.sources import shipped

PREFIX: Final = "workflows."

PAGE_BYTES: Final = 16 * 1024
"""A page has the whole file. What does not fit is cut at the end of a line, and the page tells."""

_ORIGINS: Final = {
    "shipped": "kosmo-circleci itself",
    "user": "your configuration folder",
    "project": "this project, trusted",
}
_PLACEHOLDERS: Final[dict[str, str]] = {"integer": "1", "number": "1", "boolean": "true"}


class WorkflowPage(NamedTuple):
    """A workflow as the documentation has it: `name` is the page's, `keywords` for the search."""

    name: str
    sentence: str
    keywords: str


def pages(workflows: Sequence[Workflow] | None) -> tuple[WorkflowPage, ...]:
    """Return the pages of the workflows that can be read (None: of the shipped ones)."""
    return tuple(_page_of(workflow, described) for workflow, described in _described(workflows))


def line(page: WorkflowPage) -> str:
    """Return one line: `workflows.why_did_it_fail (workflow): Why did …`."""
    return f"{page.name} (workflow): {page.sentence}"


def read(name: str, workflows: Sequence[Workflow] | None) -> str | None:
    """Return the page of a workflow as Markdown, or None where there is none of that name.

    `name` is `workflows.NAME` or NAME, in any case.
    """
    folded = name.removeprefix(PREFIX).casefold()
    for workflow, described in _described(workflows):
        if workflow.name.casefold() == folded:
            return _text(workflow, described)
    return None


def _described(
    workflows: Sequence[Workflow] | None,
) -> Iterator[tuple[Workflow, Described]]:
    for each in shipped() if workflows is None else workflows:
        try:
            yield each, _described_once(each) if each.origin == "shipped" else each.described()
        except UsageError:
            continue  # `kosmo workflows:list` says what is wrong with it


@cache
def _described_once(workflow: Workflow) -> Described:
    """Return what a file of the package says: it does not change while this process runs."""
    return workflow.described()


def _page_of(workflow: Workflow, described: Described) -> WorkflowPage:
    arguments = described.header.arguments
    words = " ".join(f"{each.name.replace('_', ' ')} {each.description}" for each in arguments)
    sentence = printable(" ".join(described.description.split()))
    return WorkflowPage(PREFIX + workflow.name, sentence, words)


def _text(workflow: Workflow, described: Described) -> str:
    header = described.header
    head = f"""# {PREFIX}{workflow.name}

{described.description}

- Run it: `{example(workflow.name, header.arguments)}`
- {writes(header.writes)}
- From: {_ORIGINS[workflow.origin]}

## Arguments

{_table(header.arguments)}

## Source

"""
    left = PAGE_BYTES - len(head.encode("utf-8", "replace"))
    return head + _source(described.code, workflow.name, left)


def example(name: str, arguments: Sequence[Argument]) -> str:
    """Return a command that runs a workflow, with the arguments it must have."""
    required = "".join(
        f" --arg {each.name}={_placeholder(each)}" for each in arguments if each.required
    )
    return f"kosmo run --workflow {name}{required}"


def writes(names: Sequence[str] | None) -> str:
    """Return a sentence about what a workflow may change."""
    if names is None:
        return "Writes: it does not say (`--plan FILE` shows them without sending one)"
    if not names:
        return "Writes: none"
    listed = ", ".join(f"`{name}`" for name in names)
    return f"Writes: {listed} (`--plan FILE` shows them without sending one)"


def _placeholder(argument: Argument) -> str:
    return _PLACEHOLDERS.get(argument.type, "'{}'" if argument.type == "json" else "…")


def _table(arguments: Sequence[Argument]) -> str:
    if not arguments:
        return "None declared: `--arg KEY=VALUE` gives strings in `args`."
    rows = ["| Argument | Type | Required | Description |", "| --- | --- | --- | --- |"]
    return "\n".join([*rows, *map(_row, arguments)])


def _row(argument: Argument) -> str:
    parts = [argument.description] if argument.description else []
    if argument.default is not None:
        parts.append(f"Default `{argument.default}`.")
    about = " ".join(parts).replace("|", "\\|")
    required = "yes" if argument.required else "no"
    return f"| {argument.name} | {argument.type} | {required} | {about} |"


def _source(code: str, name: str, left_bytes: int) -> str:
    text = code.encode("utf-8", "replace").decode()
    note = ""
    if len(text.encode()) > left_bytes:
        beginning = text.encode()[: max(0, left_bytes - 200)].decode("utf-8", "ignore")
        text = beginning[: beginning.rfind("\n") + 1]
        note = f"\nThe file is longer: `kosmo workflows:show {name}` has all of it.\n"
    return f"```lua\n{text.rstrip()}\n```\n{note}"
