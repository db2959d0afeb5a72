"""The server over stdio, message by message, with tools that do what they are told."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kosmo_circleci.agent.running_call import ActiveTime
from kosmo_circleci.agent.server import MAX_AT_ONCE, ToolServer
from kosmo_circleci.agent.serving import serve_stdio
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.errors import ApiError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

SECRET = "configured-token"


class Told:
    """Tools: `say` answers, `sleep` waits, `fail` raises; what was cancelled is kept."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
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
        if name == "refuse":
            raise ValidationError(f"Unknown argument '{next(iter(arguments))}'.")
        if name == "crash":
            raise RuntimeError("oops")
        if name == "sleep":
            try:
                call.deadline.sleep(float(str(arguments["seconds"])))
            except Exception as error:
                self.cancelled.append(str(error))
                raise
        if call.notice is not None:
            call.notice("half way")
            call.notice("nearly")
        return ToolResult.of({"said": arguments.get("text")})

    def failed(self, fields: Mapping[str, JsonValue]) -> ToolResult:
        return ToolResult(f"error: {fields['message']}", fields, is_error=True)

    def mask(self, _client: Any) -> Mask:
        return Mask([SECRET])

    @property
    def executions(self) -> Any:
        return self

    def close(self) -> None:
        self.closed = True


class Client:
    """A client that writes and reads lines."""

    def __init__(self, timeout_s: float = 60, *, initialize: bool = True) -> None:
        self.tools = Told()
        reading, self._to_server = os.pipe()
        from_server, self._writing = os.pipe()
        self._answers = os.fdopen(from_server, "rb")
        self._stream = os.fdopen(reading, "rb")
        self.thread = threading.Thread(target=self._serve, args=(timeout_s,))
        self.thread.start()
        if initialize:
            self.initialize("2025-11-25")

    def _serve(self, timeout_s: float) -> None:
        server = ToolServer(self.tools, lambda: ActiveTime(timeout_s), "Begin.")
        serve_stdio(server, self._stream, self._writing)

    def initialize(self, version: str, **capabilities: Any) -> Any:
        info = {"name": "test", "version": "1"}
        self.request(
            "initialize",
            "first",
            protocolVersion=version,
            capabilities=capabilities,
            clientInfo=info,
        )
        result = self.read()["result"]
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def write(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        os.write(self._to_server, text.encode() + b"\n")

    def request(self, method: str, request_id: Any = 1, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.write(message)

    def read(self) -> Any:
        return json.loads(self._answers.readline())

    def write_bytes(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._to_server, data) :]

    def stop_reading(self) -> None:
        self._answers.close()

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
    ("proposed", "agreed"),
    [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
    ],
)
def test_the_handshake_agrees_on_a_revision(proposed: str, agreed: str) -> None:
    client = Client(initialize=False)
    result = client.initialize(proposed)
    client.end()
    version = result["serverInfo"].pop("version")
    tasks = {"tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}}
    assert result == {
        "protocolVersion": agreed,
        "capabilities": {
            "tools": {"listChanged": False},
            "resources": {"subscribe": False, "listChanged": False},
            "completions": {},
            **(tasks if agreed == "2025-11-25" else {}),
        },
        "serverInfo": {"name": "kosmo-circleci", "title": "CircleCI"},
        "instructions": "Begin.",
    }
    assert version.count(".") == 2


def test_the_newer_protocol_begins_with_discover() -> None:
    client = Client(initialize=False)
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    client.request("server/discover", _meta=envelope)
    result = client.read()["result"]
    client.request("tools/call", 2, name="say", arguments={"text": "x"}, _meta=envelope)
    answer = client.read()["result"]
    client.end()
    assert (result["supportedVersions"], result["instructions"]) == (["2026-07-28"], "Begin.")
    assert answer["structuredContent"] == {"said": "x"}


@pytest.mark.parametrize(
    ("message", "code", "request_id"),
    [
        ("{", -32700, None),
        ('{"jsonrpc": "2.0", "id": 1, "method": NaN}', -32700, None),
        ("[]", -32600, None),
        ("7", -32600, None),
        ({"id": 1, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": 1}, -32600, 1),
        ({"jsonrpc": "2.0", "id": "a", "method": "ping", "params": [1]}, -32602, "a"),
        ({"jsonrpc": "2.0", "id": 2, "method": "server/discover"}, -32601, 2),
        ({"jsonrpc": "2.0", "id": 2, "method": "prompts/list"}, -32601, 2),
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


def test_an_error_does_not_repeat_a_configured_token(client: Client) -> None:
    client.request("tools/call", name="refuse", arguments={SECRET: 1})
    assert client.read()["result"] == {
        "content": [{"type": "text", "text": "error: Unknown argument '***'."}],
        "structuredContent": {
            "type": "validation",
            "message": "Unknown argument '***'.",
            "rerun": "safe",
        },
        "isError": True,
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
            "rerun": "safe",
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
    assert client.tools.cancelled == ["The client cancelled the call."]
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
    assert client.tools.cancelled == ["The client cancelled the call."]
    assert client.tools.closed


def test_a_client_that_reads_no_more_ends_the_calls(client: Client) -> None:
    client.request("tools/call", 1, name="sleep", arguments={"seconds": 60})
    client.stop_reading()
    client.request("ping", 2)
    client.thread.join(8)
    assert not client.thread.is_alive()
    assert client.tools.cancelled == ["The client cancelled the call."]


def test_a_message_that_is_too_long_is_refused_without_being_kept(client: Client) -> None:
    part = b"x" * (1 << 20)
    writing = threading.Thread(target=lambda: [client.write_bytes(part) for _ in range(17)])
    writing.start()
    writing.join(20)
    client.write_bytes(b"\n")
    assert client.read()["error"] == {
        "code": -32600,
        "message": "a message may have 16,777,216 bytes",
    }
    client.request("ping", 0)
    assert client.read()["id"] == 0
