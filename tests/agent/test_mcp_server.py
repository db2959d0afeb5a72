"""The protocol, message by message, with tools that do what they are told."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kosmo_circleci.agent.mcp_server import MAX_AT_ONCE, McpServer
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ApiError
from kosmo_circleci.jsonvalue import JsonValue


class Told:
    """Tools: `say` answers, `sleep` waits, `fail` raises; what was called off is kept."""

    def __init__(self) -> None:
        self.called_off: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.closed = False
        self._lock = threading.Lock()

    def definitions(self) -> list[dict[str, JsonValue]]:
        return [{"name": "say", "inputSchema": {"type": "object"}}]

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self._carry_out(name, arguments, call)
        finally:
            with self._lock:
                self.at_once -= 1

    def _carry_out(
        self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall
    ) -> ToolResult:
        if name == "fail":
            raise ApiError("no", status=404, body={"message": "gone"})
        if name == "crash":
            raise RuntimeError("oops")
        if name == "sleep":
            try:
                call.deadline.sleep(float(str(arguments["seconds"])))
            except Exception as error:
                self.called_off.append(str(error))
                raise
        if call.notice is not None:
            call.notice("half way")
            call.notice("nearly")
        return ToolResult.of({"said": arguments.get("text")})

    def close(self) -> None:
        self.closed = True


class Client:
    """A client that writes and reads lines."""

    def __init__(self, timeout_s: float | None = None) -> None:
        self.tools = Told()
        reading, self._to_server = os.pipe()
        from_server, writing = os.pipe()
        self._answers = os.fdopen(from_server, "rb")
        self._stream = os.fdopen(reading, "rb")
        self._writing = writing
        server = McpServer(
            self.tools,
            lambda line: os.write(writing, line) and None,
            new_deadline=lambda: Deadline(timeout_s),
            instructions="Begin.",
        )
        self.thread = threading.Thread(target=server.serve, args=(self._stream,))
        self.thread.start()

    def write(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        os.write(self._to_server, text.encode() + b"\n")

    def request(self, method: str, request_id: Any = 1, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.write(message)

    def read(self) -> Any:
        return json.loads(self._answers.readline())

    def close(self) -> None:
        if self._to_server != -1:
            os.close(self._to_server)
            self._to_server = -1
        self.thread.join(10)

    def end(self) -> None:
        self.close()
        os.close(self._writing)
        self._answers.close()
        self._stream.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.end()


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
def test_the_handshake_agrees_on_a_revision(client: Client, wanted: Any, agreed: str) -> None:
    client.request("initialize", protocolVersion=wanted, capabilities={}, clientInfo={})
    result = client.read()["result"]
    version = result["serverInfo"].pop("version")
    assert result == {
        "protocolVersion": agreed,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "kosmo-circleci", "title": "CircleCI"},
        "instructions": "Begin.",
    }
    assert version.count(".") == 2


@pytest.mark.parametrize(
    ("message", "code", "request_id"),
    [
        ("{", -32700, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": NaN}', -32700, None),
        ("[]", -32600, None),
        ("7", -32600, None),
        ({"id": 1, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": 1}, -32600, 1),
        ({"jsonrpc": "2.0", "id": "a", "method": "ping", "params": [1]}, -32602, "a"),
        ({"jsonrpc": "2.0", "id": 2, "method": "server/discover"}, -32601, 2),
        ({"jsonrpc": "2.0", "id": 2, "method": "resources/list"}, -32601, 2),
        ({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": 1}}, -32602, 2),
        (
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
            | {"params": {"name": "say", "arguments": [1]}},
            -32602,
            2,
        ),
        (
            {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"cursor": "x"}},
            -32602,
            2,
        ),
    ],
)
def test_what_is_no_proper_request_is_refused_and_the_next_one_answered(
    client: Client, message: Any, code: int, request_id: Any
) -> None:
    client.write(message)
    answer = client.read()
    assert (answer["error"]["code"], answer["id"]) == (code, request_id)
    client.request("ping", "after")
    assert client.read() == {"jsonrpc": "2.0", "id": "after", "result": {}}


def test_notifications_answers_and_empty_lines_are_taken_in_silence(client: Client) -> None:
    client.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
    client.write({"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {}})
    client.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}})
    client.write({"jsonrpc": "2.0", "id": 9, "result": {}})
    client.write("")
    client.request("ping", 0)
    assert client.read()["id"] == 0


def test_a_tool_answers_with_text_and_structured_content(client: Client) -> None:
    client.request("tools/call", name="say", arguments={"text": "ü"})
    assert client.read()["result"] == {
        "content": [{"type": "text", "text": '{"said":"ü"}'}],
        "structuredContent": {"said": "ü"},
        "isError": False,
    }


def test_an_error_of_a_tool_has_its_fields(client: Client) -> None:
    client.request("tools/call", name="fail")
    assert client.read()["result"] == {
        "content": [{"type": "text", "text": "error: no"}],
        "structuredContent": {
            "type": "api",
            "message": "no",
            "status": 404,
            "body": {"message": "gone"},
            "attempts": 1,
        },
        "isError": True,
    }


def test_a_fault_of_ours_is_an_answer_too(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    client.request("tools/call", name="crash")
    result = client.read()["result"]
    assert result["structuredContent"]["message"] == "internal error: RuntimeError: oops"
    assert result["isError"] is True
    assert "RuntimeError: oops" in capsys.readouterr().err


def test_a_long_call_holds_up_no_other_request(client: Client) -> None:
    client.request("tools/call", 1, name="sleep", arguments={"seconds": 0.5})
    client.request("ping", 2)
    client.request("tools/call", 3, name="say")
    assert [client.read()["id"] for _ in range(3)] == [2, 3, 1]


def test_only_so_many_calls_are_carried_out_at_once(client: Client) -> None:
    for number in range(MAX_AT_ONCE + 4):
        client.request("tools/call", number, name="sleep", arguments={"seconds": 0.1})
    assert sorted(client.read()["id"] for _ in range(MAX_AT_ONCE + 4)) == [*range(12)]
    assert client.tools.most_at_once == MAX_AT_ONCE


def test_an_id_in_use_is_refused(client: Client) -> None:
    client.request("tools/call", 1, name="sleep", arguments={"seconds": 0.3})
    client.request("tools/call", 1, name="say")
    assert client.read()["error"] == {"code": -32600, "message": "the id is in use by another call"}
    assert client.read()["result"]["isError"] is False


def test_a_cancelled_call_ends_and_is_not_answered(client: Client) -> None:
    began = time.monotonic()
    client.request("tools/call", "long", name="sleep", arguments={"seconds": 20})
    time.sleep(0.1)
    client.write(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "long"}}
    )
    client.request("tools/call", "next", name="sleep", arguments={"seconds": 0.1})
    assert client.read()["id"] == "next"
    assert client.tools.called_off == ["The client cancelled the call."]
    assert time.monotonic() - began < 5


def test_a_call_has_a_deadline() -> None:
    client = Client(timeout_s=0.2)
    client.request("tools/call", name="sleep", arguments={"seconds": 20})
    assert client.read()["result"]["structuredContent"]["type"] == "limit"
    client.end()


def test_progress_is_told_to_whoever_asked_for_it(client: Client) -> None:
    client.request("tools/call", name="say", _meta={"progressToken": "p"})
    told = [client.read() for _ in range(3)]
    assert [each.get("params") for each in told] == [
        {"progressToken": "p", "progress": 1, "message": "half way"},
        {"progressToken": "p", "progress": 2, "message": "nearly"},
        None,
    ]


def test_the_end_of_the_input_ends_the_server_and_lets_short_calls_finish(client: Client) -> None:
    client.request("tools/call", 1, name="sleep", arguments={"seconds": 0.2})
    client.request("tools/call", 2, name="sleep", arguments={"seconds": 60})
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 3
    assert client.read()["id"] == 1
    assert client.tools.called_off == ["The client has gone."]
    assert client.tools.closed


def test_a_client_that_reads_no_more_ends_the_calls() -> None:
    tools = Told()

    def write(_line: bytes) -> None:
        raise BrokenPipeError

    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        thread = threading.Thread(target=McpServer(tools, write).serve, args=(stream,))
        thread.start()
        call = {"name": "sleep", "arguments": {"seconds": 60}}
        for number, method in enumerate(("tools/call", "ping")):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": call}
            os.write(writing, json.dumps(message).encode() + b"\n")
        thread.join(5)
        assert not thread.is_alive()
    os.close(writing)
    assert tools.called_off == ["The client has gone."]
