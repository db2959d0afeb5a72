"""integrations:call and its short form integrations:circleci — one function, one answer."""

import contextlib
import os
import select
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import Resolved, find, resolve
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli import ask, offers
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.call import call_arguments
from kosmo_circleci.cli.call.all_pages import call_all, check_has_pages
from kosmo_circleci.cli.call.dry_run import shown_request
from kosmo_circleci.cli.call.envelope import call_envelope, call_fields
from kosmo_circleci.cli.call.outcome import run_call
from kosmo_circleci.cli.options import KeyValue
from kosmo_circleci.cli.outcome import show_error, write_text
from kosmo_circleci.cli.output import json_option, show_warnings
from kosmo_circleci.cli.output_options import ResultOutput, result_options, shown_as_table
from kosmo_circleci.cli.script.execution import TerminalListener
from kosmo_circleci.cli.script.signals import interrupted_at_once
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.runtime import Runtime

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_F = TypeVar("_F", bound=Callable[..., Any])

_WAIT_FOR_NEEDED_S: Final = 10.0
"""How long a pipe may keep a call waiting whose required parameters are still missing."""

_WAIT_FOR_OPTIONAL_S: Final = 0.2

_FUNCTION_IN_LINE: Final = "kosmo_circleci.cli.call.function"
_WIDEST_HELP: Final = 100


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of the command line: all but FUNCTION and its arguments."""

    account: str | None
    force: bool
    simulate: bool
    dry_run: bool
    all_pages: bool
    as_json: bool
    output: ResultOutput

    @classmethod
    def checked(
        cls, format_: str | None, columns: str | None, jq: str | None, **rest: Any
    ) -> "CallOptions":
        """Return the options. Raises `UsageError` where two of them exclude each other."""
        if rest["dry_run"] and (format_ or jq):
            raise UsageError("--dry-run shows a request, which --format and --jq do not apply to.")
        output = ResultOutput.checked(format_, columns, jq, as_json=rest["as_json"])
        return cls(output=output, **rest)


def _call_options(command: _F) -> _F:
    for option in reversed(
        (
            click.argument("function", shell_complete=offers.function_names),
            click.argument(
                "words",
                nargs=-1,
                type=click.UNPROCESSED,
                metavar="[JSON] [--KEY=VALUE]",
                shell_complete=offers.parameter_values,
            ),
            click.option(
                "--arg",
                "args",
                multiple=True,
                type=KeyValue(),
                help="An argument, taken literally: no @FILE.",
            ),
            click.option(
                "--dry-run", is_flag=True, help="Show the request, secrets masked; send nothing."
            ),
            click.option(
                "--all", "all_pages", is_flag=True, help="Follow the pages: the items of all."
            ),
            click.option("--force", is_flag=True, help="Lift the read/write permission policy."),
            click.option(
                "--account",
                metavar="NAME",
                shell_complete=offers.account_names,
                help="Account to use. Default: default.",
            ),
            click.option("--simulate", is_flag=True, help="Talk to the embedded simulator."),
            json_option,
            result_options,
        )
    ):
        command = option(command)
    return command


class CallCommand(click.Command):
    """Takes the parameters of a function as further options, and shows them: `FUNCTION --help`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_FUNCTION_IN_LINE] = self._function_in(ctx, args)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        function = ctx.meta.get(_FUNCTION_IN_LINE)
        if function is None:
            return super().get_help(ctx)
        from kosmo_circleci.cli.call.function_help import function_help

        width = min(ctx.terminal_width or shutil.get_terminal_size().columns, _WIDEST_HELP)
        return function_help(find(load_catalog(), function), ctx.command_path, width)

    def _function_in(self, ctx: click.Context, args: list[str]) -> str | None:
        """Return the word FUNCTION of the line, which `--help` is handled too early to see."""
        try:
            values, _, _ = self.make_parser(ctx).parse_args(list(args))
        except click.UsageError:
            return None
        function = values.get("function")
        return function if isinstance(function, str) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        return offers.parameter_flags(ctx, incomplete) + super().shell_complete(ctx, incomplete)


_SETTINGS: Final = {"ignore_unknown_options": True}


@click.command("integrations:call", cls=CallCommand, context_settings=_SETTINGS)
@_call_options
@click.pass_obj
def call(
    app: App,
    /,
    function: str,
    words: tuple[str, ...],
    args: tuple[tuple[str, str], ...],
    **rest: Any,
) -> int:
    """Call FUNCTION and print its answer as JSON.

    Arguments are a JSON object ("-" or a pipe: from standard input; @FILE: from a file), flags
    named like the parameters, or both; a flag wins. A flag's text becomes what the parameter takes:

    \b
      integer, boolean   --job-number=12  --from-failed  --verify-tls=no
      array              repeat the flag, or --branches='["a", "b"]'
      object             JSON, or key by key: --parameters.deploy=true
      any                --config-yaml=@config.yml reads a file, @- standard input

    \b
    Examples:
      kosmo integrations:call get_project --project-slug=gh/acme/web
      kosmo integrations:call trigger_pipeline '{"project_slug": "gh/acme/web"}' --dry-run
      echo '{"pipeline_id": "5034460f-…"}' | kosmo integrations:call get_pipeline --json
      kosmo integrations:call work.list_contexts --owner-slug=gh/acme
    """
    return _carry_out(app, function, words, args, CallOptions.checked(**rest))


@click.command("integrations:circleci", cls=CallCommand, context_settings=_SETTINGS)
@_call_options
@click.pass_obj
def circleci(
    app: App,
    /,
    function: str,
    words: tuple[str, ...],
    args: tuple[tuple[str, str], ...],
    **rest: Any,
) -> int:
    """Call FUNCTION of CircleCI: the short form of integrations:call.

    Flags are the parameters, with - or _; see 'kosmo integrations:call --help' for how their text
    is read, and 'kosmo integrations:docs circleci.FUNCTION' for what there is.

    \b
    Examples:
      kosmo integrations:circleci get_current_user
      kosmo integrations:circleci list_project_pipelines --project-slug=gh/acme/web --branch=main
      kosmo integrations:circleci rerun_workflow --workflow-id=5034460f-… --from-failed --force
      printf %s "$KEY" | kosmo integrations:circleci create_project_env_var \\
        --project-slug=gh/acme/web --name=API_KEY --value=@- --force
    """
    return _carry_out(app, function, words, args, CallOptions.checked(**rest))


def _carry_out(
    app: App,
    spelling: str,
    words: Sequence[str],
    args: Sequence[tuple[str, str]],
    options: CallOptions,
) -> int:
    function, account = _function(spelling, options.account)
    arguments = _arguments(function, words, args)
    if options.all_pages:
        check_has_pages(function)
        if not options.dry_run:
            run = call_all(
                app,
                function,
                arguments,
                account=account,
                force=options.force,
                simulate=options.simulate,
            )
            return _show(run, options)
    runtime = Runtime(simulate=options.simulate)
    with contextlib.closing(runtime):
        if options.dry_run:
            return _show_request(runtime, function, arguments, account, options)
        show_warnings(lambda: runtime.configuration)
        with interrupted_at_once():
            run = run_call(
                runtime,
                Resolved(function, account),
                arguments,
                force=options.force,
                listener=TerminalListener(asker=ask.asker()),
            )
    return _show(run, options)


def _function(spelling: str, account: str | None) -> Resolved:
    """Return the function, and the account: named by option or inside `work.get_pipeline`."""
    return resolve(load_catalog(), spelling, account)


def _arguments(
    function: Function, words: Sequence[str], args: Sequence[tuple[str, str]]
) -> dict[str, JsonValue]:
    split = call_arguments.split(function, words)
    mistake = call_arguments.misspelt_option(function, split.flags, call_arguments.OPTIONS)
    if mistake is not None:
        raise UsageError(mistake)
    arguments = call_arguments.typed(function, split.flags, _read_text)
    arguments |= call_arguments.typed(function, args, None)
    text = split.json_text
    if text is not None and text.startswith("@"):
        return call_arguments.object_of(_read_text(text[1:]), text) | arguments
    if text == "-":
        return _piped(sys.stdin.buffer.read()) | arguments
    if text is not None:
        return call_arguments.object_of(text, "The JSON argument") | arguments
    return _piped(_waiting_input(function, arguments)) | arguments


def _piped(data: bytes) -> dict[str, JsonValue]:
    text = data.decode("utf-8", "surrogateescape")
    return call_arguments.object_of(text, "Standard input") if text.strip() else {}


def _waiting_input(function: Function, arguments: dict[str, JsonValue]) -> bytes:
    """Return what is piped to standard input if the call can use it, else nothing.

    A call that has what it needs leaves the pipe alone: in a shell's `while read` loop it belongs
    to the loop. One that lacks something waits for the pipe, but not for ever: an agent's or a CI
    runner's standard input may be a pipe that is never written to.
    """
    lacks_required = call_arguments.lacks_required(function, arguments)
    if not lacks_required and arguments:
        return b""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return b""
    if stat.S_ISREG(mode):
        return sys.stdin.buffer.read()
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return b""
    wait_s = _WAIT_FOR_NEEDED_S if lacks_required else _WAIT_FOR_OPTIONAL_S
    if os.name == "posix" and not select.select([sys.stdin], [], [], wait_s)[0]:
        return b""
    return sys.stdin.buffer.read() if lacks_required or os.name == "posix" else b""


def _read_text(name: str) -> str:
    if name == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        # `echo` and a person at a keyboard end with a newline that does not belong to the value.
        return text.removesuffix("\n").removesuffix("\r")
    try:
        return Path(name).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(
            f"@{name}: {error.strerror or 'cannot be read'}. "
            "For a value that starts with @, write --arg KEY=VALUE."
        ) from None


def _show_request(
    runtime: Runtime,
    function: Function,
    arguments: dict[str, JsonValue],
    account: str,
    options: CallOptions,
) -> int:
    request = shown_request(runtime, function, arguments, account)
    if options.as_json:
        run = Run(
            success=True,
            result_json=jsonvalue.encode(request.to_json()),
            simulated=options.simulate,
        )
        click.echo(call_envelope(run, dry_run=True))
    else:
        click.echo(request.to_text())
    return 0


def _show(run: Run, options: CallOptions) -> int:
    """Write what the call returned, and return the exit code."""
    if options.as_json and options.output.jq is not None:
        options.output.write(call_fields(run))
    elif options.as_json:
        click.echo(call_envelope(run))
    elif run.error is not None:
        show_error(run)
    elif not options.output.is_default:
        options.output.write(run.result)
    elif isinstance(run.result, str):
        write_text(run.result)
    elif not shown_as_table(lambda: run.result):
        click.echo(jsonvalue.encode(run.result, pretty=True))
    return run.exit_code
