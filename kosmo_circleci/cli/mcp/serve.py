"""mcp:serve — the bridge as an MCP server for any client."""

import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

import click

from kosmo_circleci.cli.mcp.options import Address
from kosmo_circleci.cli.options import Seconds, Size
from kosmo_circleci.errors import ConfigurationError, UsageError
from kosmo_circleci.limits import Limits
from kosmo_circleci.telemetry.tracing import traced_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_circleci.agent.clients import Client
    from kosmo_circleci.agent.executions import ServeOptions, Write
    from kosmo_circleci.agent.server import Context, ToolServer
    from kosmo_circleci.agent.tool_result import Tools


@click.command("mcp:serve")
@click.option(
    "--write",
    type=click.Choice(["deny", "ask", "allow"]),
    default="deny",
    help="Writes, whatever the configuration says; ask: the client's user. Default deny.",
)
@click.option("--simulate", is_flag=True, help="Every script talks to the embedded simulator.")
@click.option(
    "--expose",
    type=click.Choice(["lua", "functions"]),
    default="lua",
    help="Three tools for scripts, or one tool per function. Default lua.",
)
@click.option(
    "--http",
    type=Address(),
    metavar="[HOST:]PORT",
    help="Streamable HTTP; each request brings its own token. Default: stdio.",
)
@click.option(
    "--shared-token", is_flag=True, help="Over HTTP: use this server's token for requests without."
)
@click.option("--account", default="default", metavar="NAME", help="Account of the functions.")
@click.option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Record every run in DIR, so that one that failed can be resumed.",
)
@click.option("--memory-limit", type=Size(), default="128M", help="Lua memory. Default 128M.")
@click.option("--cpu-limit", type=Seconds(), default="30", help="CPU time of a script. Default 30.")
@click.option(
    "--timeout", type=Seconds(), help="Wall clock of a call. Default 300, for a task 3600."
)
@click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    help="Tell of a failure to start in one JSON object.",
)
def serve(
    write: str,
    simulate: bool,
    expose: str,
    http: tuple[str, int] | None,
    shared_token: bool,
    account: str,
    journal: Path | None,
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
) -> int:
    """Serve CircleCI to MCP clients: over standard input and output, or HTTP.

    The client starts this command; 'kosmo integrations:docs mcp' has the configuration to paste
    into it. Each script runs in a process of its own, with the limits given here.

    \b
    Examples:
      kosmo mcp:serve
      kosmo mcp:serve --write=allow --account work
      kosmo mcp:serve --simulate --expose=functions
      kosmo mcp:serve --http 8080
    """
    from kosmo_circleci.agent.executions import CALL_S, TASK_S, ServeOptions

    limits = Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout or CALL_S)
    if journal is not None:
        _make_folder(journal)
    options = ServeOptions(
        cast("Write", write), simulate, account, limits, journal, timeout or TASK_S
    )
    if http is None and shared_token:
        raise UsageError("--shared-token goes with --http: over stdio there is one client.")
    offer = _Offer(options, expose)
    with traced_process():
        if http is not None:
            return _serve_http(offer, http, shared_token)
        return _serve_stdio(offer)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot record runs in {folder}: {error.strerror or error}. Name a folder that can be "
            "made, or is there."
        ) from None


class _Offer(NamedTuple):
    """What a server was started with: `expose` is `lua` or `functions`."""

    options: "ServeOptions"
    expose: str

    def server(self, client_of: "Callable[[Context], Client] | None" = None) -> "ToolServer":
        """Return the server; `client_of` tells who sent a request, where that differs."""
        from kosmo_circleci.agent.running_call import ActiveTime
        from kosmo_circleci.agent.server import ToolServer
        from kosmo_circleci.agent.tasks import TaskLimits

        tools, instructions = self._tools()
        timeout_s = self.options.limits.timeout_s
        assert timeout_s is not None
        return ToolServer(
            tools,
            lambda: ActiveTime(timeout_s),
            instructions,
            client_of,
            TaskLimits(run_s=self.options.task_timeout_s),
        )

    def _tools(self) -> tuple["Tools", str]:
        """Return what is offered, and the instructions to it."""
        from kosmo_circleci.agent.code_tools import INSTRUCTIONS, SIMULATED, CodeTools
        from kosmo_circleci.agent.executions import Executions
        from kosmo_circleci.agent.workflows import WorkflowSource
        from kosmo_circleci.cli.workflows import library

        simulate = self.options.simulate
        account = self.options.account
        source = WorkflowSource(library, lambda: _here(account, simulate))
        executions = Executions(self.options, source)
        warning = SIMULATED if simulate else ""
        if self.expose == "functions":
            from kosmo_circleci.agent.function_tools import FunctionTools

            return FunctionTools(executions), warning.strip()
        return CodeTools(executions), warning + INSTRUCTIONS


def _here(account: str, simulate: bool) -> Mapping[str, str]:
    from kosmo_circleci.cli.script.defaults import CheckoutDefaults

    return CheckoutDefaults(account, simulate=simulate)()


def _serve_stdio(offer: _Offer) -> int:
    _load_sdk()
    from kosmo_circleci.agent.serving import serve_stdio

    return serve_stdio(offer.server(), *_take_streams())


def _serve_http(offer: _Offer, address: tuple[str, int], shared: bool) -> int:
    _load_sdk()
    from kosmo_circleci.agent.http import PATH, client_of_request, listening_socket, serve_http

    host, port = address
    try:
        listener = listening_socket(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Name another port, or 0 "
            "for a free one."
        ) from None
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Serving MCP at http://{shown}:{listener.getsockname()[1]}{PATH}", err=True)
    return serve_http(offer.server(client_of_request(shared)), listener, shared=shared)


def _load_sdk() -> None:
    # What the SDK makes while it is imported stays; looking through it for garbage takes a tenth
    # of the time a client waits for the first answer.
    gc.disable()
    try:
        import kosmo_circleci.agent.server  # noqa: F401
    except ImportError as error:
        from kosmo_circleci.mcp_client.servers import need_sdk

        need_sdk("kosmo mcp:serve")
        raise ConfigurationError(
            f"kosmo mcp:serve needs the MCP package 2.3 or later; what is installed cannot be used "
            f"({error}). Run: pip install 'kosmo-circleci[mcp]'"
        ) from None
    finally:
        gc.freeze()
        gc.enable()


def _take_streams() -> tuple[BinaryIO, int]:
    """Return what the messages come from and go to, out of reach of everything else.

    Standard output now leads to standard error: a stray `print` would break the conversation.
    """
    sys.stdout.flush()
    reading, writing = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    os.close(nowhere)
    return reading, writing
