"""integrations:docs, :search, :list, :schema — what can be known without a token."""

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import find
from kosmo_circleci.catalog.schema import described_schema
from kosmo_circleci.cli.offers import function_names, page_names
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.docs import pages, render
from kosmo_circleci.docs import search as doc_search


@click.command("integrations:docs")
@click.argument("page", default="circleci", shell_complete=page_names)
@json_option
def docs(page: str, as_json: bool) -> None:
    """Print the documentation page PAGE (default: the CircleCI guide).

    \b
    Examples:
      kosmo integrations:docs
      kosmo integrations:docs circleci.trigger_pipeline
      kosmo integrations:docs errors --json
    """
    text = pages.read(page, load_catalog())
    emit(text, {"success": True, "page": page, "text": text}, as_json)


@click.command("integrations:search")
@click.argument("query", nargs=-1, required=True)
@json_option
def search(query: tuple[str, ...], as_json: bool) -> None:
    """Find functions by what they do: at most ten, best first.

    \b
    Examples:
      kosmo integrations:search "cancel a running job"
      kosmo integrations:search add a secret to a context
    """
    words = " ".join(query)
    text = doc_search.search(words, load_catalog())
    found = doc_search.ranked(words, load_catalog())[:10]
    emit(text, {"success": True, "query": words, "functions": list(found)}, as_json)


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
                "path": each.path,
                "description": each.summary,
            }
            for each in functions
        ],
    }
    emit("\n".join(map(render.line, functions)), value, as_json)


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
    emit(jsonvalue.encode(described, pretty=True), described, as_json)
