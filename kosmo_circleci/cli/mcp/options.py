"""What the commands about MCP servers share."""

from typing import TYPE_CHECKING, Any, Final

import click

from kosmo_circleci.errors import KosmoError
from kosmo_circleci.wording import shorten

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic for type checkers only: older versions have no such class

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


class Address(ParamType):
    """`[HOST:]PORT` -> (host, port); loopback unless a host is named."""

    name = "[HOST:]PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            self.fail(f"'{value}' is not [HOST:]PORT; write for example 8080", param, ctx)
        return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)
