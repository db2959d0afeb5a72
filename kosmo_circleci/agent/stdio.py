"""The SDK's messages over standard input and output: bounded lines in, whole lines out.

The SDK's own transport reads lines of any length, leaves a malformed one without an answer, lets a
second request take the id of one in flight, and its threads hold up the exit of the process. Here
both threads are daemons, and what is wrong with a line is answered.
"""

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any, BinaryIO, Final

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)

from kosmo_circleci import jsonvalue
from kosmo_circleci.jsonvalue import JsonError

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

GRACE_S: Final = 2.0
"""How long calls may take to end by themselves once the input has ended."""


@contextlib.asynccontextmanager
async def stdio_streams(reading: BinaryIO, writing: int) -> AsyncIterator[tuple[Any, Any]]:
    """Yield the streams that the SDK's `Server.run` takes, over a file and a descriptor.

    The read stream ends with the input, after `GRACE_S` at most for what is in flight, or when
    the output is not read any more.
    """
    incoming, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write_stream, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    loop = asyncio.get_running_loop()
    writer, in_flight = _Writer(writing), _InFlight()

    def read() -> None:
        with contextlib.suppress(_ClosedError):
            for line in _lines(reading):
                _take(line, writer, in_flight, lambda message: _pass(loop, incoming, message))
            in_flight.wait(GRACE_S)
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(incoming.close)

    async def write() -> None:
        async for each in outgoing:
            try:
                await asyncio.wrap_future(writer.put(each.message))
            except OSError:
                incoming.close()  # the answers are not read any more
                return
            if isinstance(each.message, JSONRPCResponse | JSONRPCError):
                in_flight.remove(each.message.id)

    threading.Thread(target=read, name="kosmo-mcp-read", daemon=True).start()
    writing_task = loop.create_task(write())
    try:
        yield read_stream, write_stream
        # What was answered last is still on its way.
        await asyncio.wait({writing_task}, timeout=GRACE_S)
    finally:
        writing_task.cancel()
        for stream in (incoming, read_stream, write_stream, outgoing):
            stream.close()
        writer.end()


class _ClosedError(Exception):
    """The conversation has ended."""


class _Writer:
    """Writes whole lines, in order, on a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.SimpleQueue[tuple[bytes, Future[None]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="kosmo-mcp-write", daemon=True).start()

    def put(self, message: JSONRPCMessage) -> "Future[None]":
        """Write a message; the future fails with `OSError` when the reader has gone."""
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
        done: Future[None] = Future()
        self._lines.put((text.encode("utf-8", "replace") + b"\n", done))
        return done

    def end(self) -> None:
        """Let the thread end once everything is written."""
        self._lines.put(None)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            text, done = line
            try:
                data = memoryview(text)
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                if done.set_running_or_notify_cancel():
                    done.set_exception(error)
            else:
                # Nobody waits for it any more once a signal has ended the server.
                if done.set_running_or_notify_cancel():
                    done.set_result(None)


class _InFlight:
    """The ids of requests that are not answered yet."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ids: set[str] = set()

    def add(self, request_id: str | int) -> bool:
        """Take note of a request; False if another one of this id is in flight."""
        with self._changed:
            if str(request_id) in self._ids:
                return False
            self._ids.add(str(request_id))
            return True

    def remove(self, request_id: str | int | None) -> None:
        """Forget a request that was answered, or never will be."""
        with self._changed:
            self._ids.discard(str(request_id))
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until nothing is in flight, but not longer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._ids, seconds)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a stream; one that is longer than any message may be comes cut."""
    while line := stream.readline(MAX_MESSAGE_BYTES + 1):
        rest = line
        while len(line) > MAX_MESSAGE_BYTES and rest and not rest.endswith(b"\n"):
            rest = stream.readline(1 << 20)
        if line.strip():
            yield line


def _take(
    line: bytes,
    writer: _Writer,
    in_flight: _InFlight,
    pass_on: Callable[[JSONRPCMessage], None],
) -> None:
    try:
        message = _parsed(line)
        if isinstance(message, JSONRPCRequest) and not in_flight.add(message.id):
            raise _Refusal(INVALID_REQUEST, "the id is in use by another call", message.id)
    except _Refusal as refusal:
        writer.put(refusal.answer)
        return
    pass_on(message)
    if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
        # A request that the client has cancelled is not answered.
        in_flight.remove((message.params or {}).get("requestId"))


def _pass(loop: asyncio.AbstractEventLoop, incoming: Any, message: JSONRPCMessage) -> None:
    sending = incoming.send(SessionMessage(message))
    try:
        # Waiting until it is received slows down a client that floods.
        asyncio.run_coroutine_threadsafe(sending, loop).result()
    except BaseException:
        sending.close()
        raise _ClosedError from None


class _Refusal(Exception):
    def __init__(self, code: int, message: str, request_id: str | int | None = None) -> None:
        super().__init__(message)
        error = ErrorData(code=code, message=message)
        self.answer = JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def _parsed(line: bytes) -> JSONRPCMessage:
    if len(line) > MAX_MESSAGE_BYTES:
        raise _Refusal(INVALID_REQUEST, f"a message may have {MAX_MESSAGE_BYTES:,} bytes")
    try:
        value: Any = jsonvalue.decode(line)
    except JsonError as error:
        raise _Refusal(PARSE_ERROR, f"not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise _Refusal(INVALID_REQUEST, "a message is one JSON-RPC 2.0 object")
    request_id = value.get("id")
    if not isinstance(request_id, str | int | None) or isinstance(request_id, bool):
        raise _Refusal(INVALID_REQUEST, "an id is a string or an integer")
    if not isinstance(value.get("params", {}), dict):
        raise _Refusal(INVALID_PARAMS, "params must be an object", request_id)
    try:
        return jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValueError:
        what = "a message has a method, a result or an error"
        raise _Refusal(INVALID_REQUEST, what, request_id) from None
