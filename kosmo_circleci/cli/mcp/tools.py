"""mcp:tools, :schema, :call — the tools of MCP servers, one at a time."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.context import RunContext
from kosmo_circleci.cli.mcp.external import ExternalOptions, run_external
from kosmo_circleci.cli.mcp.options import NO_SERVERS, force_option, server_names, trust_option
from kosmo_circleci.cli.mcp.tool_words import Words
from kosmo_circleci.cli.options import Seconds
from kosmo_circleci.cli.outcome import show
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.mcp_client.functions import McpFunctions
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.wording import printable, printable_lines

_STARTED_AT_ONCE: Final = 8


@click.command("mcp:tools")
@click.argument("server", required=False, shell_complete=server_names)
@force_option
@trust_option
@json_option
def tools(server: str | None, force: bool, trust_mcp: bool, as_json: bool) -> int:
    """List the tools of SERVER, or of every server; starts them.

    A server whose tools cannot be listed is named with the reason, and the others are listed.

    \b
    Examples:
      kosmo mcp:tools
      kosmo mcp:tools github --json | jq -r '.tools[].path'
    """
    work = _list_all if server is None else partial(_list_one, server)
    run = run_external(work, ExternalOptions(force, trust_mcp))
    if run.error is not None:
        return _answer(run, as_json, str)
    listings = run.result
    errors = [each for each in listings if "error" in each]
    value: dict[str, JsonValue] = {
        "success": not errors or len(errors) < len(listings),
        "tools": [tool for each in listings for tool in each.get("tools", [])],
    }
    emit(_listing_text(listings), value | ({"errors": list(errors)} if errors else {}), as_json)
    return 0 if value["success"] else 1


@click.command("mcp:schema")
@click.argument("tool", metavar="SERVER.TOOL")
@force_option
@trust_option
@json_option
def schema(tool: str, force: bool, trust_mcp: bool, as_json: bool) -> int:
    """Print the JSON Schema of the arguments of SERVER.TOOL.

    \b
    Examples:
      kosmo mcp:schema time.convert_time
    """

    def work(functions: McpFunctions, context: RunContext) -> JsonValue:
        return functions.tool(tool, context)[1].schema

    run = run_external(work, ExternalOptions(force, trust_mcp))
    return _answer(run, as_json, lambda value: jsonvalue.encode(value, pretty=True))


@click.command("mcp:call", context_settings={"ignore_unknown_options": True})
@click.argument("tool", metavar="SERVER.TOOL")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[JSON] [--KEY=VALUE]")
@force_option
@trust_option
@click.option("--timeout", type=Seconds(), help="Wall clock of the call. Default: none.")
@json_option
def call(
    tool: str,
    words: tuple[str, ...],
    force: bool,
    trust_mcp: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Call SERVER.TOOL and print its answer.

    Arguments are a JSON object ("-": from standard input; @FILE: from a file), flags named like the
    tool's parameters, or both; a flag wins. A flag's text becomes what the tool's schema takes:
    --dry-run is true, --dry-run=no false, --ids=1 --ids=2 a list, --filter.name=x a key.

    \b
    Examples:
      kosmo mcp:call time.get_current_time --timezone=Europe/London
      kosmo mcp:call files.search '{"pattern": "*.lua"}' --max-results=5 --json
      kosmo mcp:call notes.create @note.json --force
    """
    given = Words(words)

    def work(functions: McpFunctions, context: RunContext) -> JsonValue:
        arguments = given.arguments(functions.tool(tool, context)[1])
        return functions.call("mcp.call", [tool, dict(arguments)], context)

    run = run_external(work, ExternalOptions(force, trust_mcp, timeout))
    if as_json:
        show(run, True)
        return run.exit_code
    return _answer(run, False, _shown_value)


def _list_one(server: str, functions: McpFunctions, context: RunContext) -> JsonValue:
    tools = functions.tools(server, context).values()
    return [{"server": server, "tools": [each.to_json() for each in tools]}]


def _list_all(functions: McpFunctions, context: RunContext) -> JsonValue:
    names = list(functions.servers())
    with ThreadPoolExecutor(_STARTED_AT_ONCE) as pool:
        listings = list(pool.map(partial(_listing, functions, context), names))
    context.deadline.check()  # the user's interrupt is not a server's fault
    return listings


def _listing(functions: McpFunctions, context: RunContext, server: str) -> JsonValue:
    try:
        tools = functions.tools(server, context).values()
    except KosmoError as error:
        return {"server": server, "error": error.message, "error_type": error.error_type}
    return {"server": server, "tools": [each.to_json() for each in tools]}


def _listing_text(listings: list[dict[str, Any]]) -> str:
    lines = []
    for each in listings:
        if "error" in each:
            lines.append(f"app.mcp.{each['server']}: error: {printable(each['error'])}")
        lines += map(_tool_line, each.get("tools", []))
    return "\n".join(lines) if lines or listings else NO_SERVERS


def _tool_line(tool: Mapping[str, str]) -> str:
    about = tool["description"].strip().partition("\n")[0] or tool["title"]
    return f"{tool['path']} ({tool['kind']}): {printable(about)}".rstrip(": ")


def _answer(run: Run, as_json: bool, text: Callable[[Any], str]) -> int:
    if run.error is not None and as_json:
        fault: JsonValue = {"success": False, "error": run.error, "error_type": run.error_type}
        click.echo(jsonvalue.encode(fault))
    elif run.error is not None:
        click.echo(f"error: {printable_lines(run.error)}", err=True)
    else:
        emit(text(run.result), run.result, as_json)
    return run.exit_code


def _shown_value(value: JsonValue) -> str:
    return value if isinstance(value, str) else jsonvalue.encode(value, pretty=True)
