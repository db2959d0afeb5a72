"""The bridge as an MCP server over stdio.

Written on the protocol itself, because a client waits for `initialize`: importing the SDK's server
takes longer than the official CircleCI server takes to start, and tools, cancellation and progress
are all that is needed of it. The SDK's client talks to it in the tests.
"""

import threading
import traceback
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, BinaryIO, Final, TypeAlias

from kosmo_circleci.agent import jsonrpc
from kosmo_circleci.agent.jsonrpc import Message, RpcError
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult, Tools
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.version import __version__

RequestId: TypeAlias = str | int

VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions of the protocol that begin with `initialize`, oldest first."""

MAX_AT_ONCE: Final = 8
"""How many calls are carried out at once; further ones wait."""

_GRACE_S: Final = 1.0
_END_S: Final = 1.5


class McpServer:
    """One client's server: reads messages, carries out calls on threads, writes answers.

    `write` gets whole lines, one at a time; it raises `OSError` when nobody reads any more.
    `new_deadline` bounds a call from its arrival. `instructions` tell a client's model how to
    begin.
    """

    def __init__(
        self,
        tools: Tools,
        write: Callable[[bytes], None],
        *,
        new_deadline: Callable[[], Deadline] = Deadline,
        instructions: str = "",
    ) -> None:
        self._tools = tools
        self._write = write
        self._new_deadline = new_deadline
        self._instructions = instructions
        self._writing = threading.Lock()
        self._calls = _Calls()
        self._turns = threading.BoundedSemaphore(MAX_AT_ONCE)
        self._methods: dict[str, Callable[[Message], JsonValue]] = {
            "initialize": self._initialize,
            "ping": lambda _message: {},
            "tools/list": self._list_tools,
        }

    def serve(self, stream: BinaryIO) -> None:
        """Answer every message until the stream ends.

        Calls that are under way then have a second to end by themselves before they are called off.
        """
        try:
            for line in jsonrpc.lines(stream):
                self._take(line)
        except OSError:
            self._calls.cancel_all()  # nobody reads the answers any more
        self._calls.wait(_GRACE_S)
        self._calls.cancel_all()
        self._calls.wait(_END_S)
        self._tools.close()

    def _take(self, line: bytes) -> None:
        try:
            message = jsonrpc.parse(line)
            if message is not None:
                self._handle(message)
        except RpcError as error:
            self._send(jsonrpc.refusal(error))

    def _handle(self, message: Message) -> None:
        if message.request_id is None:
            if message.method == "notifications/cancelled":
                self._calls.cancel(message.params.get("requestId"))
        elif message.method == "tools/call":
            self._start_call(message)
        elif message.method in self._methods:
            result = self._methods[message.method](message)
            self._send(jsonrpc.answer(message.request_id, result))
        else:
            raise RpcError(
                jsonrpc.METHOD_NOT_FOUND, f"no such method: {message.method}", message.request_id
            )

    def _initialize(self, message: Message) -> JsonValue:
        wanted = message.params.get("protocolVersion")
        result: dict[str, JsonValue] = {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "kosmo-circleci", "title": "CircleCI", "version": __version__},
        }
        return result | ({"instructions": self._instructions} if self._instructions else {})

    def _list_tools(self, message: Message) -> JsonValue:
        if message.params.get("cursor") is not None:
            raise RpcError(
                jsonrpc.INVALID_PARAMS, "the list has one page, so no cursor", message.request_id
            )
        return {"tools": list(self._tools.definitions())}

    def _start_call(self, message: Message) -> None:
        name, arguments = message.params.get("name"), message.params.get("arguments")
        if not isinstance(name, str):
            raise RpcError(jsonrpc.INVALID_PARAMS, "'name' must be a string", message.request_id)
        if arguments is not None and not isinstance(arguments, dict):
            raise RpcError(
                jsonrpc.INVALID_PARAMS, "'arguments' must be an object", message.request_id
            )
        assert message.request_id is not None
        deadline = self._new_deadline()
        if not self._calls.begin(message.request_id, deadline):
            raise RpcError(
                jsonrpc.INVALID_REQUEST, "the id is in use by another call", message.request_id
            )
        work = partial(self._carry_out, message, name, arguments or {}, deadline)
        threading.Thread(target=work, name="kosmo-tool", daemon=True).start()

    def _carry_out(
        self, message: Message, name: str, arguments: dict[str, Any], deadline: Deadline
    ) -> None:
        assert message.request_id is not None
        with self._turns:
            result = self._result(name, arguments, ToolCall(deadline, self._notice(message)))
        # A client that has called a request off expects no answer.
        if not self._calls.is_cancelled(message.request_id):
            self._send_or_give_up(jsonrpc.answer(message.request_id, result.to_json()))
        self._calls.end(message.request_id)

    def _result(self, name: str, arguments: dict[str, Any], call: ToolCall) -> ToolResult:
        try:
            call.deadline.check()
            return self._tools.call(name, arguments, call)
        except KosmoError as error:
            return ToolResult.failed(error)
        except Exception as error:
            # A fault of ours: the client gets an answer, whoever started the server the trace.
            traceback.print_exc()
            message = f"internal error: {type(error).__name__}: {error}"
            return ToolResult(message, {"type": "runtime", "message": message}, is_error=True)

    def _notice(self, message: Message) -> Callable[[str], None] | None:
        meta = message.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        if not isinstance(token, str | int):
            return None
        steps = count(1)

        def notice(text: str) -> None:
            params: JsonValue = {"progressToken": token, "progress": next(steps), "message": text}
            self._send_or_give_up(jsonrpc.notification("notifications/progress", params))

        return notice

    def _send(self, line: bytes) -> None:
        with self._writing:
            self._write(line)

    def _send_or_give_up(self, line: bytes) -> None:
        try:
            self._send(line)
        except OSError:
            self._calls.cancel_all()


class _Calls:
    """The calls under way, by the id of their request."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[RequestId, Deadline] = {}
        self._cancelled: set[RequestId] = set()

    def begin(self, request_id: RequestId, deadline: Deadline) -> bool:
        """Take note of a call; False if there is one of that id already."""
        with self._changed:
            return self._deadlines.setdefault(request_id, deadline) is deadline

    def cancel(self, request_id: Any) -> None:
        """Cancel one call; no-op for one that has ended or never was."""
        with self._changed:
            if not isinstance(request_id, str | int) or request_id not in self._deadlines:
                return
            self._cancelled.add(request_id)
            deadline = self._deadlines[request_id]
        deadline.cancel(Interrupted("The client cancelled the call."))

    def is_cancelled(self, request_id: RequestId) -> bool:
        with self._changed:
            return request_id in self._cancelled

    def end(self, request_id: RequestId) -> None:
        """Take note that a call has ended and been answered."""
        with self._changed:
            self._cancelled.discard(request_id)
            del self._deadlines[request_id]
            self._changed.notify_all()

    def cancel_all(self) -> None:
        """Cancel every call."""
        with self._changed:
            deadlines = list(self._deadlines.values())
        for each in deadlines:
            each.cancel(Interrupted("The client has gone."))

    def wait(self, seconds: float) -> None:
        """Wait until every call has ended, but not longer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._deadlines, seconds)
