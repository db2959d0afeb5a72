"""The servers of one run: started when they are first used, stopped with it.

All share one event loop on one thread, started with the first of them. Callers wait on their own
threads, so that several calls may be in flight at once.
"""

import asyncio
import contextlib
import importlib.util
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError as CallCancelled
from concurrent.futures import Future
from typing import Any, Final

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError, NetworkError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.mcp_client.launch import Launch, Timeouts
from kosmo_circleci.mcp_client.session import CLOSE_S, Connection

_LOOK_EVERY_S: Final = 0.05
_STACK_BYTES: Final = 8 * 1024 * 1024  # importing pydantic models nests deeply


class Servers:
    """The servers of one run, each started when it is first used."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: dict[str, Connection] = {}
        self._closed = False

    def request(
        self, launch: Launch, method: str, params: Mapping[str, Any], deadline: Deadline, mask: Mask
    ) -> JsonValue:
        """Return the result of one MCP request as JSON; lists come whole, not in pages.

        Raises `ConfigurationError` when the server cannot be started, `NetworkError` when it dies,
        floods or does not answer in time, `ServerError` for its own errors, and the deadline's
        reason when the run ends first.
        """
        for secret in launch.secrets:
            mask.add(secret)
        loop = self._running_loop()
        future = asyncio.run_coroutine_threadsafe(self._perform(launch, method, params), loop)
        try:
            return _wait(future, deadline)
        except KosmoError as error:
            error.message = mask.text(error.message)
            error.args = (error.message,)
            raise

    def close(self) -> None:
        """Stop every server and the thread. Takes at most about two seconds."""
        with self._lock:
            loop, thread, self._closed = self._loop, self._thread, True
            self._loop = None
        if loop is None or thread is None:
            return
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._stop_all(), loop).result(CLOSE_S)
        for connection in list(self._connections.values()):
            connection.kill()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(1.0)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise NetworkError("The run has ended, and its MCP servers with it.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                before = threading.stack_size(_STACK_BYTES)
                try:
                    self._thread = threading.Thread(
                        target=_serve, args=(self._loop,), name="kosmo-mcp", daemon=True
                    )
                    self._thread.start()
                finally:
                    threading.stack_size(before)
            return self._loop

    async def _perform(self, launch: Launch, method: str, params: Mapping[str, Any]) -> JsonValue:
        connection = self._connections.get(launch.name)
        if connection is None or connection.ended:
            need_sdk(f"The MCP server '{launch.name}'")
            connection = Connection(launch, self._timeouts)
            self._connections[launch.name] = connection
        return await connection.request(method, params)

    async def _stop_all(self) -> None:
        stops = (connection.stop() for connection in self._connections.values())
        await asyncio.gather(*stops, return_exceptions=True)


def need_sdk(what: str) -> None:
    """Raise `ConfigurationError` if the extra `mcp`, which `what` needs, is not installed."""
    try:
        is_installed = importlib.util.find_spec("mcp") is not None
    except ValueError:
        is_installed = False
    if not is_installed:
        raise ConfigurationError(
            f"{what} needs the MCP package, which is not installed; run: "
            "pip install 'kosmo-circleci[mcp]'"
        )


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    # Faults of a server's stream reach the caller as errors; stderr belongs to the script.
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        loop.run_forever()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.wait(pending, timeout=0.2) if pending else asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _wait(future: "Future[JsonValue]", deadline: Deadline) -> JsonValue:
    while True:
        try:
            return future.result(_LOOK_EVERY_S)
        except TimeoutError:
            if future.done():
                raise
            reason = deadline.reason()
            if reason is not None:
                future.cancel()
                raise reason from None
        except CallCancelled:
            deadline.check()
            raise NetworkError("The MCP call was cancelled.") from None
        except BaseException:
            future.cancel()
            raise
