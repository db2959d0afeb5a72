"""The command `kosmo`: commands loaded by name, errors turned into words and exit codes."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.version import __version__

# name -> (module, function, line of `kosmo --help`). Only the command that runs is imported.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "integrations:lua": ("lua", "lua", "Run a Lua workflow against CircleCI."),
    "integrations:docs": ("docs", "docs", "Print a documentation page."),
    "integrations:search": ("docs", "search", "Find functions by meaning."),
    "integrations:list": ("docs", "list_functions", "List every function."),
    "integrations:schema": ("docs", "schema", "Print the JSON Schema of a function's arguments."),
}


class Commands(click.Group):
    """Loads a command when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[name]
        command: click.Command = getattr(
            importlib.import_module(f"kosmo_circleci.cli.{module}"), function
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"There is no command '{name}'. {_suggestion(name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kosmo")
def kosmo() -> None:
    """Drive CircleCI from a script or an AI agent, in Lua.

    \b
    Examples:
      kosmo integrations:lua --simulate --eval 'dump(app.integrations.circleci.get_current_user())'
      kosmo integrations:lua workflow.lua --arg branch=main --json
      kosmo integrations:search "cancel a running job"
      kosmo integrations:docs circleci.trigger_pipeline
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 1 the work failed, 2 usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _speak_utf8()
    try:
        code = kosmo.main(given, prog_name="kosmo", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        _usage_error(error, given)
        code = 2
    except click.ClickException as error:
        _report(error.format_message(), "usage", given)
        code = 2
    except KosmoError as error:
        _report(error.message, error.error_type, given)
        code = error.exit_code
    except BrokenPipeError:
        # The reader has gone (`| head`): nobody is left to be told, and Python would still try.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (KeyboardInterrupt, click.Abort):
        _report("Interrupted by Ctrl-C.", "interrupted", given)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _usage_error(error: click.UsageError, given: list[str]) -> None:
    message = error.format_message()
    if error.ctx is not None and "--json" not in given:
        message += f"\nSee '{error.ctx.command_path} --help'."
    _report(message, "usage", given)


def _report(message: str, error_type: str, given: list[str]) -> None:
    if "--json" not in given:
        click.echo(f"error: {message}", err=True)
        return
    if "integrations:lua" in given[:1]:
        from kosmo_circleci.envelope import failure

        click.echo(failure(message, error_type, simulated="--simulate" in given).to_json())
    else:
        fault: jsonvalue.JsonValue = {"success": False, "error": message, "error_type": error_type}
        click.echo(jsonvalue.encode(fault))


def _suggestion(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else "See 'kosmo --help'."


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
