"""mcp:list, :trust — which MCP servers there are, and which of them may run."""

import os

import click

from kosmo_circleci.cli.mcp import description
from kosmo_circleci.cli.mcp.external import configured_functions
from kosmo_circleci.cli.mcp.options import NO_SERVERS, server_names
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.folders import home_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.mcp_client.trust import trust_store
from kosmo_circleci.wording import printable


@click.command("mcp:list")
@json_option
def list_servers(as_json: bool) -> None:
    """List the MCP servers, what they run, and whether they may. Starts none.

    \b
    Examples:
      kosmo mcp:list
      kosmo mcp:list --json | jq -r '.servers[] | select(.trust != "trusted") | .name'
    """
    functions = configured_functions()
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
    emit("\n".join(lines) or NO_SERVERS, {"success": True, "servers": described}, as_json)


@click.command("mcp:trust")
@click.argument("name", shell_complete=server_names)
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
    lua_name, server = configured_functions().server(name)
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
