"""integrations:docs, :search, :list, :schema — what needs no token."""

import os
import re
import sys
from typing import Final

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import find
from kosmo_circleci.catalog.schema import described_schema
from kosmo_circleci.cli import terminal
from kosmo_circleci.cli.markdown import show_page
from kosmo_circleci.cli.offers import function_names, page_names
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.cli.workflows import library
from kosmo_circleci.docs import pages, render
from kosmo_circleci.docs import search as doc_search

_LINE: Final = re.compile(r"^(\S+) \((read|write|helper|workflow|guide)\)", re.MULTILINE)


@click.command("integrations:docs")
@click.argument("page", default="circleci", shell_complete=page_names)
@json_option
def docs(page: str, as_json: bool) -> None:
    """Print the documentation page PAGE (default: the CircleCI guide).

    On a terminal the page is laid out, and shown by $PAGER where that is set; elsewhere it is
    Markdown. NO_COLOR and CLICOLOR=0 leave out the colours.

    \b
    Examples:
      kosmo integrations:docs
      kosmo integrations:docs circleci.trigger_pipeline
      kosmo integrations:docs errors --json
    """
    text = pages.read(page, load_catalog(), library().documented())
    if as_json:
        emit("", {"success": True, "page": page, "text": text}, as_json)
    else:
        show_page(text)


@click.command("integrations:search")
@click.argument("query", nargs=-1, required=True)
@json_option
def search(query: tuple[str, ...], as_json: bool) -> None:
    """Find functions, helpers and workflows by what they do: at most ten, best first.

    \b
    Examples:
      kosmo integrations:search "cancel a running job"
      kosmo integrations:search add a secret to a context
    """
    words = " ".join(query)
    workflows = library().documented()
    text = doc_search.search(words, load_catalog(), workflows=workflows)
    names = doc_search.ranked(words, load_catalog(), workflows)[: doc_search.MAX_LINES]
    if as_json:
        functions: list[jsonvalue.JsonValue] = [each for each in names if each in load_catalog()]
        pages_: list[jsonvalue.JsonValue] = [each for each in names if each not in load_catalog()]
        emit(
            "",
            {"success": True, "query": words, "functions": functions, "pages": pages_},
            as_json,
        )
    else:
        terminal.show_in_pager(_coloured(text))


@click.command("integrations:list")
@json_option
def list_functions(as_json: bool) -> None:
    """List every function with read or write and one sentence.

    \b
    Examples:
      kosmo integrations:list
      kosmo integrations:list --json | jq -r '.functions[] | select(.kind == "write") | .name'
    """
    functions = list(load_catalog().functions())
    value: jsonvalue.JsonValue = {
        "success": True,
        "functions": [
            {
                "name": each.name,
                "tool": each.tool_name,
                "kind": each.kind,
                "method": each.method,
                "path": each.documented_path,
                "description": each.summary,
            }
            for each in functions
        ],
    }
    if as_json:
        emit("", value, as_json)
    else:
        terminal.show_in_pager(_coloured("\n".join(map(render.line, functions))))


@click.command("integrations:schema")
@click.argument("function", shell_complete=function_names)
@json_option
def schema(function: str, as_json: bool) -> None:
    """Print the JSON Schema of FUNCTION's arguments.

    \b
    Examples:
      kosmo integrations:schema trigger_pipeline
      kosmo integrations:schema circleci.create_webhook --json
    """
    described = described_schema(find(load_catalog(), function), load_catalog())
    emit(jsonvalue.encode(described, pretty=True), {"success": True} | described, as_json)


def _coloured(text: str) -> str:
    """Return the lines of a list with the names set off, where the terminal has colours."""
    if not terminal.wants_colour(sys.stdout, os.environ):
        return text
    return _LINE.sub(
        lambda line: (
            f"{click.style(line[1], bold=True)} "
            f"({click.style(line[2], fg='yellow' if line[2] == 'write' else 'green')})"
        ),
        text,
    )
