"""The table of commands, and the group that loads one when it is named."""

import importlib
from typing import Final

import click

from kosmo_circleci.version import __version__

# name -> (module, function, line of `kosmo --help`). Only the command that runs is imported.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "integrations:lua": ("lua", "lua", "Run a Lua workflow against CircleCI."),
    "integrations:call": ("call", "call", "Call one function."),
    "integrations:circleci": ("call", "circleci", "Call one function: the short form."),
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


def _suggestion(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else "See 'kosmo --help'."
