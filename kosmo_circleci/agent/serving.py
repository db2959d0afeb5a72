"""Serving until the client goes, or a signal ends the process."""

import logging
import signal
import threading
from typing import BinaryIO

import anyio

from kosmo_circleci.agent.server import ToolServer
from kosmo_circleci.agent.stdio import stdio_streams


def serve_stdio(server: ToolServer, reading: BinaryIO, writing: int) -> int:
    """Serve one client over a file and a descriptor; return the exit code of the process."""
    _silence_sdk()
    return anyio.run(_serve_stdio, server, reading, writing)


async def _serve_stdio(server: ToolServer, reading: BinaryIO, writing: int) -> int:
    code = 0
    async with anyio.create_task_group() as group:

        async def watch_signals() -> None:
            nonlocal code
            code = await exit_code_of_signal()
            group.cancel_scope.cancel()

        if threading.current_thread() is threading.main_thread():
            group.start_soon(watch_signals)
        async with stdio_streams(reading, writing) as (read_stream, write_stream):
            options = server.sdk.create_initialization_options()
            await server.sdk.run(read_stream, write_stream, options)
        group.cancel_scope.cancel()
    await server.close()
    return code


async def exit_code_of_signal() -> int:
    """Wait for SIGTERM or SIGINT, and return the exit code that stands for it.

    A second one ends the process at once. For the main thread only.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        return 128 + await anext(aiter(signals))


def _silence_sdk() -> None:
    # It logs what a client does wrong, which the client is told as well; without a handler of the
    # program's own, Python would write that to stderr.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
