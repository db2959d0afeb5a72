"""From the answer of a handler, or its refusal, to the response: each version in its own form."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.simulator.answers import Answer, Refusal
from kosmo_circleci.transport.wire import WireResponse

_ERROR_TYPES: Final[Mapping[int, str]] = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    429: "rate_limit_exceeded",
}

_ERROR_GROUPS: Final = frozenset({"OIDC Token Management", "Policy Management"})
"""The groups of operations whose refusals are `{"error": …}` and not `{"message": …}`."""

_TEXT: Final = {"content-type": "text/plain; charset=utf-8"}
_LINES: Final = {"content-type": "application/x-ndjson"}


def reply(function: Function | None, value: "JsonValue | Answer", request_id: str) -> WireResponse:
    """Return the response that carries what a handler returned; None is an empty answer.

    `function` is None for what lies beside the API, which is always an `Answer`.
    """
    if isinstance(value, Answer):
        return _response(value.status, value.value, value.headers, request_id)
    if function is None:
        raise TypeError("an answer beside the API has a status of its own")
    if function.answer == "text":
        return _response(function.status, str(value).encode(), _TEXT, request_id)
    if function.answer == "jsonl":
        rows = value if isinstance(value, list) else []
        lines = "".join(f"{encode(row)}\n" for row in rows)
        return _response(function.status, lines.encode(), _LINES, request_id)
    return _response(204 if value is None else function.status, value, {}, request_id)


def error_reply(
    refusal: Refusal, version: str | None, request_id: str, function: Function | None = None
) -> WireResponse:
    """Return the response of a refusal, in the form of the API's version."""
    if version == "v3":
        body = _v3_error(refusal, request_id)
    else:
        plain = function is None or function.group not in _ERROR_GROUPS
        body = {"message" if plain else "error": refusal.message}
    return _response(refusal.status, body, refusal.headers, request_id)


def _v3_error(refusal: Refusal, request_id: str) -> dict[str, JsonValue]:
    error: dict[str, JsonValue] = {
        "id": request_id,
        "type": _ERROR_TYPES.get(refusal.status, "internal_error"),
        "title": refusal.title or refusal.message,
    }
    if refusal.title is not None:
        error["detail"] = refusal.message
    if refusal.source is not None:
        error["source"] = {**refusal.source}
    return {"error": error}


def _response(
    status: int, value: "JsonValue | bytes", headers: Mapping[str, str], request_id: str
) -> WireResponse:
    headers = {**headers, "x-request-id": request_id}
    if isinstance(value, bytes):
        return WireResponse(status, headers, value)
    if value is None:
        return WireResponse(status, headers, b"")
    return WireResponse(
        status, {"content-type": "application/json", **headers}, encode(value).encode()
    )
