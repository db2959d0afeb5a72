"""mcp:list, :trust, :tools, :schema, :call, :lua — the tools of MCP servers."""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.mcp import description
from kosmo_circleci.cli.offers import files
from kosmo_circleci.cli.options import KeyValue, Seconds, eval_option, limit_options
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.cli.script.execution import read_source, run_script, show
from kosmo_circleci.config.accounts import home_folder
from kosmo_circleci.errors import ConfigurationError, KosmoError, UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.mcp_client.functions import McpFunctions
from kosmo_circleci.mcp_client.trust import trust_store
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_CALL_SCRIPT: Final = Path(__file__).parent / "mcp_call.lua"
_NONE: Final = (
    "No MCP server is configured. Add one to .mcp.json, .vscode/mcp.json or .cursor/mcp.json of "
    "the project, or to kosmo/mcp.json in your configuration folder; see "
    "'kosmo integrations:docs mcp'."
)


def _server_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    try:
        servers = _functions().servers()
    except KosmoError:
        return []
    return [
        CompletionItem(name, help=shorten(server.target()) or None)
        for name, server in servers.items()
        if name.startswith(incomplete) and server.fault is None
    ]


force_option = click.option("--force", is_flag=True, help="Lift the read/write permission policy.")


@click.command("mcp:list")
@json_option
def list_servers(as_json: bool) -> None:
    """List the MCP servers, what they run, and whether they may. Starts none.

    \b
    Examples:
      kosmo mcp:list
      kosmo mcp:list --json | jq -r '.servers[] | select(.trust != "trusted") | .name'
    """
    functions = _functions()
    listing = functions.listing()
    rows = [(str(each["name"]), str(each["trust"]), str(each["transport"])) for each in listing]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = []
    for row, server in zip(rows, functions.servers().values(), strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{cells}  {server.target()}  ({printable(str(server.source))})")
        lines += description.settings(server)
        if server.fault:
            lines.append(f"  cannot be used: {server.fault}")
    if any(each["trust"] != "trusted" for each in listing):
        lines += ["", "A server runs after 'kosmo mcp:trust NAME'."]
    described: list[JsonValue] = [
        each | description.to_json(server)
        for each, server in zip(listing, functions.servers().values(), strict=True)
    ]
    emit("\n".join(lines) or _NONE, {"success": True, "servers": described}, as_json)


@click.command("mcp:trust")
@click.argument("name", shell_complete=_server_names)
@click.option("--forget", is_flag=True, help="Withdraw the trust.")
@json_option
def trust(name: str, forget: bool, as_json: bool) -> None:
    """Let the server NAME of this project run, as it is described now.

    Any change to its command, arguments, variables, envFile, folder or address asks again. Servers
    of your own configuration folder need no trust.

    \b
    Examples:
      kosmo mcp:trust github
      kosmo mcp:trust github --forget
    """
    lua_name, server = _functions().server(name)
    store = trust_store(os.environ, home_folder(os.environ))
    if forget:
        had = store.forget(server)
        text = f"{lua_name} is not trusted any more." if had else f"{lua_name} was not trusted."
    elif server.scope == "user":
        text = f"{lua_name} is a server of your own configuration folder and needs no trust."
    elif server.fault is not None:
        raise ConfigurationError(server.fault)
    else:
        store.trust(server)
        text = "\n".join([f"{lua_name} may run from now on:", *description.lines(server)])
    value: JsonValue = {"success": True, "name": lua_name, "trust": store.state(server)}
    emit(text, value, as_json)


@click.command("mcp:tools")
@click.argument("server", required=False, shell_complete=_server_names)
@force_option
@json_option
@click.pass_obj
def tools(app: App, server: str | None, force: bool, as_json: bool) -> int:
    """List the tools of SERVER, or of every server; starts them.

    \b
    Examples:
      kosmo mcp:tools
      kosmo mcp:tools github --json | jq -r '.tools[].path'
    """
    args = {} if server is None else {"server": server}
    run = _ask(app, "return mcp.tools(args.server)", args, force=force)
    if run.error is not None or not as_json:
        return _answer(run, as_json, lambda found: "\n".join(map(_tool_line, found)) or _NONE)
    emit("", {"success": True, "tools": run.result}, True)
    return 0


@click.command("mcp:schema")
@click.argument("tool", metavar="SERVER.TOOL")
@force_option
@json_option
@click.pass_obj
def schema(app: App, tool: str, force: bool, as_json: bool) -> int:
    """Print the JSON Schema of the arguments of SERVER.TOOL.

    \b
    Examples:
      kosmo mcp:schema time.convert_time
    """
    run = _ask(app, "return mcp.schema(args.tool)", {"tool": tool}, force=force)
    return _answer(run, as_json, lambda found: jsonvalue.encode(found, pretty=True))


@click.command("mcp:call", context_settings={"ignore_unknown_options": True})
@click.argument("tool", metavar="SERVER.TOOL")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[JSON] [--KEY=VALUE]")
@force_option
@click.option("--timeout", type=Seconds(), help="Wall clock of the call. Default: none.")
@json_option
@click.pass_obj
def call(
    app: App, tool: str, words: tuple[str, ...], force: bool, timeout: float | None, as_json: bool
) -> int:
    """Call SERVER.TOOL and print its answer.

    Arguments are a JSON object ("-": from standard input; @FILE: from a file), flags named like the
    tool's parameters, or both; a flag wins. A flag's text becomes what the tool's schema wants.

    \b
    Examples:
      kosmo mcp:call time.get_current_time --timezone=Europe/London
      kosmo mcp:call files.search '{"pattern": "*.lua"}' --max-results=5 --json
      kosmo mcp:call notes.create @note.json --force
    """
    given, flags = _arguments(words)
    args = {"tool": tool, "given": given, "flags": jsonvalue.encode(flags)}
    run = _ask(app, _CALL_SCRIPT.read_text("utf-8"), args, force=force, timeout_s=timeout)
    if as_json:
        show(run, True)
        return run.exit_code
    return _answer(run, False, _shown_value)


@click.command("mcp:lua")
@click.argument("file", required=False, shell_complete=files)
@eval_option
@json_option
@force_option
@click.option("--arg", "args", multiple=True, type=KeyValue(), help="A string in the table args.")
@limit_options
@click.pass_obj
def lua(
    app: App,
    file: str | None,
    code: str | None,
    as_json: bool,
    force: bool,
    args: tuple[tuple[str, str], ...],
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
) -> int:
    """Run a Lua script with app.mcp and mcp, without app.integrations: FILE, --eval, or stdin (-).

    \b
    Examples:
      kosmo mcp:lua -e 'dump(mcp.servers())'
      kosmo mcp:lua -e 'return app.mcp.time.get_current_time({timezone = "UTC"})'
      kosmo mcp:lua report.lua --arg since=2026-01-01 --json
    """
    source = read_source(file, code)
    settings = RunSettings(
        name=source.name,
        force=force,
        args=dict(args),
        limits=Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout),
        integrations=False,
        pretty=not as_json,
        keep_output=as_json,
    )
    message = RunMessage(source.code, settings, RuntimeSettings())
    run = run_script(app, message, as_json=as_json)
    show(run, as_json)
    return run.exit_code


def _functions() -> McpFunctions:
    return McpFunctions(os.environ, home_folder(os.environ), Path.cwd())


def _ask(
    app: App, code: str, args: Mapping[str, str], *, force: bool, timeout_s: float | None = None
) -> Run:
    settings = RunSettings(
        name="mcp",
        force=force,
        args=args,
        limits=Limits(timeout_s=timeout_s),
        integrations=False,
    )
    run = run_script(app, RunMessage(code, settings, RuntimeSettings()), as_json=True)
    # The lines of a script the user has not written say nothing.
    return run._replace(error=run.error and re.sub(r"^mcp:\d+: ", "", run.error))


def _answer(run: Run, as_json: bool, text: Callable[[Any], str]) -> int:
    if run.error is not None and as_json:
        fault: JsonValue = {"success": False, "error": run.error, "error_type": run.error_type}
        click.echo(jsonvalue.encode(fault))
    elif run.error is not None:
        click.echo(f"error: {run.error}", err=True)
    else:
        emit(text(run.result), run.result, as_json)
    return run.exit_code


def _shown_value(value: JsonValue) -> str:
    return value if isinstance(value, str) else jsonvalue.encode(value, pretty=True)


def _tool_line(tool: Mapping[str, str]) -> str:
    about = tool["description"].strip().partition("\n")[0] or tool["title"]
    return f"{tool['path']} ({tool['kind']}): {about}".rstrip(": ")


def _arguments(words: Sequence[str]) -> tuple[str, list[JsonValue]]:
    """Return the JSON object's text, and the flags as [key, text]."""
    given: str | None = None
    flags: list[JsonValue] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            key, equals, text = word[2:].partition("=")
            if not equals:
                text = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
            flags.append([key, text])
        elif given is None:
            given = _object_text(word)
        else:
            raise UsageError(f"'{word}' is one word too many: give one JSON object, and flags.")
    return given or "{}", flags


def _object_text(word: str) -> str:
    text = word
    if word == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    elif word.startswith("@"):
        try:
            text = Path(word[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise UsageError(f"{word}: {reason}.") from None
    try:
        value = jsonvalue.decode(text)
    except JsonError as error:
        raise UsageError(f"The arguments are not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise UsageError("The arguments are no JSON object; write for example '{\"name\": 1}'.")
    return text
