"""ApiResponse -> ApiError: what CircleCI, or a proxy on the way, says is wrong."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from kosmo_circleci.call import request
from kosmo_circleci.call.model import MAX_RETRY_AFTER_S, ApiResponse, Arguments
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.errors import ApiError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.jsonvalue import decode as decode_json
from kosmo_circleci.wording import printable, shorten

SHOWN_CHARACTERS: Final = 200
"""How much of a body that cannot be read is kept, and of a text that serves as the message."""

MAX_ERROR_TEXT: Final = 2_000
"""How many characters of an error page an `ApiError` carries."""

LOOKS_LIKE_HTML: Final = re.compile(r"\s*<(!doctype html|html|head|body)\b", re.I)
_RELATIVE: Final = re.compile(r"(?!//)(?![^/?#]*:)[!-\[\]-~]+")
"""An address on the same server: no scheme, no host, no backslash (some read it as a slash)."""

_CODE_KEYS: Final = ("code", "error_code", "type")


class Answer(NamedTuple):
    """A response and the call it belongs to; `by_fallback` when the second request got it."""

    function: Function
    arguments: Arguments
    response: ApiResponse
    by_fallback: bool = False


def refused(answer: Answer) -> ApiError:
    """Return the error of an answer with a status that is not a success."""
    response = answer.response
    body = _error_body(response)
    if 300 <= response.status < 400 and "location" in response.headers:
        message = _redirect_message(answer.function.method, response.headers["location"])
    else:
        message = _message(body) or _reason_phrase(response.status)
    return _error(answer, message + _long_wait(response), body)


def _long_wait(response: ApiResponse) -> str:
    wait_s = response.retry_after_s
    if wait_s is None or wait_s <= MAX_RETRY_AFTER_S:
        return ""
    return (
        f" (the server asks to wait {wait_s:.0f} s; a call waits {MAX_RETRY_AFTER_S:.0f} s at "
        "most, so try again later)"
    )


def _error_body(response: ApiResponse) -> JsonValue:
    """Return the decoded body where it decodes, whatever its type says; else its text."""
    if not response.body.strip():
        return None
    try:
        return decode_json(response.body)
    except JsonError:
        return shorten(body_text(response), MAX_ERROR_TEXT)


def _message(body: JsonValue) -> str | None:
    if isinstance(body, str):
        lines = [] if LOOKS_LIKE_HTML.match(body) else body.strip().splitlines()
        return shorten(lines[0].strip(), SHOWN_CHARACTERS) if lines else None
    if not isinstance(body, dict):
        return None
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    sentences = (_sentence(each) for each in (body.get("message"), body.get("error"), first))
    return next((sentence for sentence in sentences if sentence), None)


def _sentence(value: JsonValue) -> str | None:
    """Return a message that is a string, or in an object: `message`, or v3's `title: detail`."""
    if isinstance(value, dict):
        words = (_plain(value.get("title")), _plain(value.get("detail")))
        value = value.get("message") or ": ".join(word for word in words if word)
    return _plain(value)


def _plain(value: JsonValue) -> str:
    return value.strip() if isinstance(value, str) else ""


def _reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _redirect_message(method: str, location: str) -> str:
    rule = "at most five in a row"
    if method != "GET":
        rule = f"a write by 307 and 308 alone, and {rule}"
    if _RELATIVE.fullmatch(location):
        return f"a redirect within the account's own origin, which was not followed: {rule}"
    # The host only: paths and queries of login pages carry what should not be printed.
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    target = printable(shorten(host)) if host else "an address that cannot be read"
    return (
        f"a redirect to {target}, which was not followed: only redirects within the account's own "
        f"origin are, {rule}"
    )


def html(answer: Answer) -> ApiError:
    """Return the error of a page that came in place of the API's answer."""
    reason = "an HTML page came instead of the API's answer, from a proxy or a login page"
    return unreadable(answer, f"{reason}. Check the base URL and the network")


def unreadable(answer: Answer, reason: str) -> ApiError:
    """Return the error of a body that is not what it claims to be; it keeps the body's start."""
    return _error(answer, reason, shorten(body_text(answer.response), SHOWN_CHARACTERS))


def _error(answer: Answer, message: str, body: JsonValue) -> ApiError:
    function, arguments, response, by_fallback = answer
    method, path = request.shown(function, arguments, by_fallback=by_fallback)
    return ApiError(
        f"CircleCI API error ({response.status}): {message}",
        status=response.status,
        function_name=function.name,
        method=method,
        path=path,
        code=_code(body),
        body=body,
        request_id=_plain(_error_object(body).get("id")) or response.headers.get("x-request-id"),
        retry_after=response.retry_after_s,
        attempts=response.attempts,
    )


def _error_object(body: JsonValue) -> Mapping[str, JsonValue]:
    """Return the object `error` of a v3 body; an empty one where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _code(body: JsonValue) -> str | None:
    if not isinstance(body, dict):
        return None
    values = [body.get(key) for key in _CODE_KEYS] + [_error_object(body).get("type")]
    return next((value for value in values if isinstance(value, str) and value), None)


def body_text(response: ApiResponse) -> str:
    """Return the body as text: bytes that are not UTF-8 become U+FFFD."""
    return response.body.decode("utf-8", "replace")
