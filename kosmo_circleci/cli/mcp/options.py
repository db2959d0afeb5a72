"""What the commands about MCP servers share."""

from typing import TYPE_CHECKING, Final

import click

from kosmo_circleci.errors import KosmoError
from kosmo_circleci.wording import shorten

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NO_SERVERS: Final = (
    "No MCP server is configured. Add one to .mcp.json, .vscode/mcp.json or .cursor/mcp.json of "
    "the project, or to kosmo/mcp.json in your configuration folder; see "
    "'kosmo integrations:docs mcp'."
)

force_option = click.option("--force", is_flag=True, help="Lift the read/write permission policy.")
trust_option = click.option(
    "--trust-mcp", is_flag=True, help="Let MCP servers run that are not trusted."
)


def server_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Offer the servers that can be used, with what each one runs."""
    from click.shell_completion import CompletionItem

    from kosmo_circleci.cli.mcp.external import configured_functions

    try:
        servers = configured_functions().servers()
    except KosmoError:
        return []
    return [
        CompletionItem(name, help=shorten(server.target()) or None)
        for name, server in servers.items()
        if name.startswith(incomplete) and server.fault is None
    ]
