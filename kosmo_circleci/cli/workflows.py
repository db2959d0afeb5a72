"""workflows:list, :show, :trust — the ready-made workflows, and `--workflow NAME`."""

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.errors import UsageError
from kosmo_circleci.files.folders import current_folder, home_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kosmo_circleci.workflows.library import Library, Workflow

_TRUST: Final = "A workflow of a project runs after 'kosmo workflows:trust NAME'."


def library() -> "Library":
    """Return the package's workflows, those of the user's configuration folder, the project's."""
    from kosmo_circleci.workflows.sources import open_library

    return open_library(os.environ, home_folder(os.environ), current_folder())


def permit(workflow: "Workflow", code: str, trust_anyway: bool) -> bool:
    """Raise `PermissionDenied` unless a workflow may run with this text.

    With `trust_anyway` it may; True means that it is not trusted.
    """
    ready_made = library()
    if trust_anyway:
        return ready_made.state(workflow, code) != "trusted"
    ready_made.check(workflow, code)
    return False


def workflow_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the names of the workflows."""
    from click.shell_completion import CompletionItem

    names = (each.name for each in library().workflows())
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("workflows:list")
@json_option
def list_workflows(as_json: bool) -> None:
    """List the ready-made workflows, your own, and those of the project.

    Your own are in kosmo/workflows of your configuration folder, a project's in .kosmo/workflows of
    the current folder or one above it in the repository; those run once they are trusted.

    \b
    Examples:
      kosmo workflows:list
      kosmo run --workflow why_did_it_fail --simulate
    """
    ready_made = library()
    rows = [_row(ready_made, each) for each in ready_made.workflows()]
    lines = [_line(row) for row in rows]
    if any(row["trust"] != "trusted" for row in rows):
        lines += ["", _TRUST]
    ignored: list[JsonValue] = []
    for each in ready_made.ignored:
        path = printable(str(each.path))
        lines.append(f"ignored: {path}: {each.reason}.")
        ignored.append({"path": str(each.path), "origin": each.origin, "reason": each.reason})
    value: JsonValue = {"success": True, "workflows": list(rows), "ignored": ignored}
    emit("\n".join(lines), value, as_json)


@click.command("workflows:show")
@click.argument("name", shell_complete=workflow_names)
@json_option
def show_workflow(name: str, as_json: bool) -> None:
    """Print the source of the workflow NAME.

    \b
    Examples:
      kosmo workflows:show why_did_it_fail
      kosmo workflows:show deploy_and_wait > my_deploy.lua
      kosmo workflows:show approve --json | jq '{origin, trust, args, writes}'
    """
    ready_made = library()
    workflow = ready_made.find(name)
    code = workflow.code()
    value: JsonValue = {
        "success": True,
        "name": workflow.name,
        **_description(workflow, code),
        "source": code,
        "origin": workflow.origin,
        "trust": ready_made.state(workflow, code),
        "path": str(workflow.path),
    }
    emit(_shown(code), value, as_json)


def _description(workflow: "Workflow", code: str) -> dict[str, JsonValue]:
    """Return what a workflow says of itself; `fault` where its header cannot be read."""
    try:
        described = workflow.described(code)
    except UsageError as error:
        return {"description": "", "args": [], "writes": None, "fault": error.message}
    writes = described.header.writes
    return {
        "description": described.description,
        "args": [each.to_json() for each in described.header.arguments],
        "writes": None if writes is None else list(writes),
    }


@click.command("workflows:trust")
@click.argument("name", shell_complete=workflow_names)
@click.option("--forget", is_flag=True, help="Withdraw the trust.")
@json_option
def trust_workflow(name: str, forget: bool, as_json: bool) -> None:
    """Let the workflow NAME of this project run, as it is now.

    Any change to its text, or to a module it may load, asks again. The shipped workflows and your
    own need no trust. Read it first.

    \b
    Examples:
      kosmo workflows:show nightly
      kosmo workflows:trust nightly
      kosmo workflows:trust nightly --forget
    """
    ready_made = library()
    workflow = ready_made.find(name)
    if workflow.origin != "project":
        owner = "shipped" if workflow.origin == "shipped" else "your own"
        text = f"{name} is {owner} and needs no trust."
    elif forget:
        had = ready_made.forget(workflow)
        text = f"{name} is not trusted any more." if had else f"{name} was not trusted."
    else:
        header = workflow.described().header
        ready_made.trust(workflow)
        writes = "it does not say" if header.writes is None else ", ".join(header.writes) or "none"
        path = printable(str(workflow.path))
        text = f"{name} may run from now on: {path}\n  writes: {printable(writes)}"
    value: JsonValue = {"success": True, "name": name, "trust": ready_made.state(workflow)}
    emit(text, value, as_json)


def _shown(code: str) -> str:
    """Return a source as a terminal may show it: trust is decided by what is seen there."""
    if not sys.stdout.isatty():
        return code
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in code.split("\n"))


def _row(ready_made: "Library", workflow: "Workflow") -> dict[str, JsonValue]:
    """Return a workflow as the list has it; `fault` where its header cannot be read."""
    row: dict[str, JsonValue] = {"name": workflow.name, "origin": workflow.origin}
    try:
        row["description"] = workflow.described().description
        row["trust"] = ready_made.state(workflow)
    except UsageError as error:
        row |= {"description": "", "trust": "untrusted", "fault": error.message}
    return row


def _line(row: dict[str, JsonValue]) -> str:
    trust = "" if row["trust"] == "trusted" else f", {row['trust']}"
    about = f"cannot be used: {row['fault']}" if "fault" in row else str(row["description"])
    return f"{row['name']} ({row['origin']}{trust}): {printable(about)}"
