"""mcp:serve — the bridge as an MCP server for any client."""

import os
import sys
from typing import TYPE_CHECKING, BinaryIO, Literal

import click

from kosmo_circleci.cli.options import Seconds, Size
from kosmo_circleci.limits import Limits

if TYPE_CHECKING:
    from kosmo_circleci.agent.executions import ServeOptions
    from kosmo_circleci.agent.tool_result import Tools


@click.command("mcp:serve")
@click.option(
    "--write",
    type=click.Choice(["deny", "allow"]),
    default="deny",
    help="What happens to writes, whatever the configuration says. Default deny.",
)
@click.option("--simulate", is_flag=True, help="Every script talks to the embedded simulator.")
@click.option(
    "--expose",
    type=click.Choice(["lua", "functions"]),
    default="lua",
    help="Three tools for scripts, or one tool per function. Default lua.",
)
@click.option("--account", default="default", metavar="NAME", help="Account of the functions.")
@click.option("--memory-limit", type=Size(), default="128M", help="Lua memory. Default 128M.")
@click.option("--cpu-limit", type=Seconds(), default="30", help="CPU time of a script. Default 30.")
@click.option("--timeout", type=Seconds(), default="300", help="Wall clock of a call. Default 300.")
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
    account: str,
    memory_limit: int,
    cpu_limit: float,
    timeout: float,
) -> int:
    """Serve CircleCI to an MCP client over standard input and output.

    The client starts this command; 'kosmo integrations:docs mcp' has the configuration to paste
    into it. Each script runs in a process of its own, with the limits given here.

    \b
    Examples:
      kosmo mcp:serve
      kosmo mcp:serve --write=allow --account work
      kosmo mcp:serve --simulate --expose=functions
    """
    from kosmo_circleci.agent.executions import ServeOptions

    limits = Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout)
    policy: Literal["deny", "allow"] = "allow" if write == "allow" else "deny"
    options = ServeOptions(policy, simulate, account, limits)
    _serve(options, *_tools(options, expose))
    return 0


def _tools(options: "ServeOptions", expose: str) -> tuple["Tools", str]:
    """Return what is offered, and the instructions to it."""
    from kosmo_circleci.agent.code_tools import INSTRUCTIONS, SIMULATED, CodeTools
    from kosmo_circleci.agent.executions import Executions

    executions = Executions(options)
    warning = SIMULATED if options.simulate else ""
    if expose == "functions":
        from kosmo_circleci.agent.function_tools import FunctionTools

        return FunctionTools(executions), warning.strip()
    return CodeTools(executions), warning + INSTRUCTIONS


def _serve(options: "ServeOptions", tools: "Tools", instructions: str) -> None:
    from kosmo_circleci.agent.mcp_server import McpServer
    from kosmo_circleci.deadline import Deadline

    reading, writing = _take_streams()
    McpServer(
        tools,
        lambda line: _write(writing, line),
        new_deadline=lambda: Deadline(options.limits.timeout_s),
        instructions=instructions,
    ).serve(reading)


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


def _write(descriptor: int, line: bytes) -> None:
    data = memoryview(line)
    while data:
        data = data[os.write(descriptor, data) :]
