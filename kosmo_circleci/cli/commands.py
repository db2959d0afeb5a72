"""The table of commands, and the group that loads one when it is named."""

import importlib
from typing import TYPE_CHECKING, Final

import click

from kosmo_circleci.cli.names import SHORT_NAMES, full_name, short_name
from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> (module, function, one line about it). Only the command that runs is imported.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "integrations:lua": ("script.lua", "lua", "Run a Lua workflow against CircleCI."),
    "integrations:call": ("call.call", "call", "Call one function."),
    "integrations:circleci": ("call.call", "circleci", "Call one function: the short form."),
    "integrations:docs": ("docs", "docs", "Print a documentation page."),
    "integrations:search": ("docs", "search", "Find functions by meaning."),
    "integrations:list": ("docs", "list_functions", "List every function."),
    "integrations:schema": ("docs", "schema", "Print a function's JSON Schema."),
    "integrations:check": ("check", "check", "Check Lua workflows without running them."),
    "integrations:test": ("testing.command", "test", "Run tests of Lua workflows."),
    "integrations:types": ("types", "types", "Write definitions for editors and linters."),
    "workflows:list": ("workflows", "list_workflows", "List the ready-made workflows."),
    "workflows:show": ("workflows", "show_workflow", "Print the source of a workflow."),
    "workflows:trust": ("workflows", "trust_workflow", "Let a workflow of this project run."),
    "runs:list": ("runs", "list_runs", "List the runs of a journal."),
    "runs:show": ("runs", "show_run", "Show a recorded run, and what to do next."),
    "runs:export": ("runs", "export_run", "Write a recorded run as JSON Lines."),
    "runs:prune": ("runs", "prune_runs", "Delete the old runs of a journal."),
    "login": ("accounts.login", "login", "Sign in with a browser."),
    "logout": ("accounts.login", "logout", "Remove a stored token."),
    "integrations:configure": ("accounts.configure", "configure", "Set token, URL or policy."),
    "integrations:fields": ("accounts.fields", "fields", "List what can be configured."),
    "integrations:status": ("accounts.status", "status", "Show accounts, sources and policy."),
    "integrations:doctor": ("accounts.doctor", "doctor", "Diagnose the connection, step by step."),
    "circleci:simulate": ("simulate", "simulate", "Serve a simulated CircleCI over HTTP."),
    "mcp:list": ("mcp.servers", "list_servers", "List the configured MCP servers."),
    "mcp:trust": ("mcp.servers", "trust", "Let an MCP server of this project run."),
    "mcp:tools": ("mcp.tools", "tools", "List the tools of MCP servers."),
    "mcp:schema": ("mcp.tools", "schema", "Print a tool's JSON Schema."),
    "mcp:call": ("mcp.tools", "call", "Call one tool of an MCP server."),
    "mcp:lua": ("mcp.lua", "lua", "Run a Lua script with MCP tools only."),
    "mcp:serve": ("mcp.serve", "serve", "Serve CircleCI to an MCP client."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
}

# A command that is in no group is shown under OTHER.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Run": (
        "integrations:lua",
        "integrations:call",
        "integrations:circleci",
        "circleci:simulate",
    ),
    "Look up": (
        "integrations:docs",
        "integrations:search",
        "integrations:list",
    ),
    "Scripts and recorded runs": (
        "integrations:check",
        "integrations:test",
        "integrations:types",
        "integrations:schema",
        "workflows:list",
        "workflows:show",
        "workflows:trust",
        "runs:list",
        "runs:show",
        "runs:export",
        "runs:prune",
    ),
    "Set up": (
        "login",
        "logout",
        "integrations:configure",
        "integrations:fields",
        "integrations:status",
        "integrations:doctor",
        "completion",
    ),
    "Model Context Protocol": (
        "mcp:list",
        "mcp:trust",
        "mcp:tools",
        "mcp:schema",
        "mcp:call",
        "mcp:lua",
        "mcp:serve",
    ),
}
OTHER: Final = "Other commands"

NAMES_ONLY: Final = frozenset({"Scripts and recorded runs", "Model Context Protocol"})
"""The groups of which `kosmo --help` shows the names alone: it is to fit a screen."""


class Commands(click.Group):
    """Loads a command when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for _, names in grouped() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        name = full_name(name)
        return load(name) if name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        unknown = full_name(name) not in COMMANDS
        if unknown and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"There is no command '{name}'.{_suggestion(name)}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        names = [*SHORT_NAMES, *self.list_commands(ctx)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=COMMANDS[full_name(name)][2])
            for name in names
            if name.startswith(incomplete)
        ] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in grouped():
            with formatter.section(title):
                if title in NAMES_ONLY:
                    formatter.write_text(", ".join(names))
                else:
                    # One width for all groups: click would align each group on its own.
                    formatter.write_dl([_row(name) for name in names], col_max=_FIRST_COLUMN)


_SHORT_WIDTH: Final = max(map(len, SHORT_NAMES))
_FIRST_COLUMN: Final = _SHORT_WIDTH + 2 + max(map(len, COMMANDS))


def _row(name: str) -> tuple[str, str]:
    names = f"{short_name(name) or '':<{_SHORT_WIDTH}}  {name}"
    return names.ljust(_FIRST_COLUMN), COMMANDS[name][2]


def load(name: str) -> click.Command:
    """Return the command of that full name; `KeyError` for a name that is not in the table."""
    module, function, _ = COMMANDS[name]
    command: click.Command = getattr(
        importlib.import_module(f"kosmo_circleci.cli.{module}"), function
    )
    return command


def grouped() -> list[tuple[str, list[str]]]:
    """Return (title, names) of every group that has a command, in the order of `kosmo --help`."""
    groups = [
        (title, [name for name in names if name in COMMANDS]) for title, names in GROUPS.items()
    ]
    placed = {name for _, names in groups for name in names}
    groups.append((OTHER, [name for name in COMMANDS if name not in placed]))
    return [(title, names) for title, names in groups if names]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="kosmo")
@click.pass_context
def kosmo(context: click.Context) -> None:
    """Drive CircleCI from a script or an AI agent, in Lua.

    \b
    Examples:
      kosmo run --simulate --eval 'dump(app.integrations.circleci.get_current_user())'
      kosmo run workflow.lua --arg branch=main --json
      kosmo search "cancel a running job"
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _suggestion(name: str) -> str:
    import difflib

    # `kosmo lua`, `kosmo schema`: the part behind the colon is what people remember.
    tails = {full.rpartition(":")[2]: full for full in reversed(COMMANDS)}
    if name in tails:
        return f" Did you mean '{tails[name]}'?"
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    near = near or [tails[each] for each in difflib.get_close_matches(name, tails, n=1)]
    return f" Did you mean '{near[0]}'?" if near else ""
