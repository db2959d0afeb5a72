"""workflows:list, :show — the ready-made workflows, and `--workflow NAME`."""

import os
from typing import TYPE_CHECKING

import click

from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable
from kosmo_circleci.workflows.library import SHIPPED, USER, Library, Workflow

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def library() -> Library:
    """Return the package's workflows and those of the user's configuration folder."""
    from kosmo_circleci.docs import guides
    from kosmo_circleci.folders import home_folder, user_folder

    own = user_folder(os.environ, home_folder(os.environ))
    return Library([(SHIPPED, guides.folder() / "workflows"), (USER, own / "workflows")])


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
    """List the ready-made workflows, and your own in kosmo/workflows of your configuration folder.

    \b
    Examples:
      kosmo workflows:list
      kosmo run --workflow why_did_it_fail --simulate
    """
    listed = library().workflows()
    lines = [f"{each.name} ({each.origin}): {printable(each.description())}" for each in listed]
    rows: list[JsonValue] = [
        {"name": each.name, "origin": each.origin, "description": each.description()}
        for each in listed
    ]
    emit("\n".join(lines), {"success": True, "workflows": rows}, as_json)


@click.command("workflows:show")
@click.argument("name", shell_complete=workflow_names)
@json_option
def show_workflow(name: str, as_json: bool) -> None:
    """Print the source of the workflow NAME.

    \b
    Examples:
      kosmo workflows:show why_did_it_fail
      kosmo workflows:show deploy_and_wait > my_deploy.lua
    """
    workflow = library().find(name)
    emit(workflow.code(), _described(workflow), as_json)


def _described(workflow: Workflow) -> JsonValue:
    header = workflow.header()
    return {
        "success": True,
        "name": workflow.name,
        "description": workflow.description(),
        "args": [each.to_json() for each in header.arguments],
        "writes": None if header.writes is None else list(header.writes),
        "source": workflow.code(),
    }
