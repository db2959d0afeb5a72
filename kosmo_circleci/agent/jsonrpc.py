"""JSON-RPC 2.0 as MCP uses it over stdio: one message a line."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode, encode

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603


class RpcError(Exception):
    """A fault of the protocol, to be answered with `code` and a message."""

    def __init__(self, code: int, message: str, request_id: str | int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


class Message(NamedTuple):
    """A request, or a notification where `request_id` is None."""

    method: str
    params: dict[str, Any]
    request_id: str | int | None


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a stream; one that is longer than any message may be comes cut."""
    while line := stream.readline(MAX_MESSAGE_BYTES + 1):
        if len(line) > MAX_MESSAGE_BYTES:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(1 << 20)
        if line.strip():
            yield line


def parse(line: bytes) -> Message | None:
    """Return the request or notification of a line; None for an answer, which nobody waits for.

    Raises `RpcError` for what is no message.
    """
    if len(line) > MAX_MESSAGE_BYTES:
        raise RpcError(INVALID_REQUEST, f"a message may have {MAX_MESSAGE_BYTES:,} bytes")
    try:
        value: Any = decode(line)
    except JsonError as error:
        raise RpcError(PARSE_ERROR, f"not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "a message is one JSON-RPC 2.0 object")
    request_id = value.get("id")
    if not isinstance(request_id, str | int | None) or isinstance(request_id, bool):
        raise RpcError(INVALID_REQUEST, "an id is a string or an integer")
    if "method" not in value and ("result" in value or "error" in value):
        return None
    method, params = value.get("method"), value.get("params")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "a message has a method", request_id)
    if params is not None and not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params must be an object", request_id)
    return Message(method, params or {}, request_id)


def answer(request_id: str | int | None, result: JsonValue) -> bytes:
    """Return the line of an answer."""
    return _line({"id": request_id, "result": result})


def refusal(error: RpcError) -> bytes:
    """Return the line of an error."""
    fault: JsonValue = {"code": error.code, "message": error.message}
    return _line({"id": error.request_id, "error": fault})


def notification(method: str, params: JsonValue) -> bytes:
    """Return the line of a notification."""
    return _line({"method": method, "params": params})


def _line(members: dict[str, JsonValue]) -> bytes:
    message: JsonValue = {"jsonrpc": "2.0", **members}
    return encode(message).encode("utf-8") + b"\n"
