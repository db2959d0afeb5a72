"""ApiResponse -> JsonValue, or ApiError: what an answer means, CircleCI's or a proxy's."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from kosmo_circleci.call import request
from kosmo_circleci.call.model import MAX_RETRY_AFTER_S, ApiResponse, Arguments
from kosmo_circleci.catalog.model import Function, Rows
from kosmo_circleci.errors import ApiError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.jsonvalue import decode as decode_json
from kosmo_circleci.wording import printable, shorten

SHOWN_CHARACTERS: Final = 200
"""How much of a body that cannot be read is kept, and of a text that serves as the message."""

MAX_ERROR_TEXT: Final = 2_000
"""How many characters of an error page an `ApiError` carries."""

_JSON_TYPES: Final = frozenset({"application/json", "text/json"})
_TEXT_TYPES: Final = frozenset(
    {"application/yaml", "application/x-yaml", "application/xml", "application/x-sh"}
)
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_BYTE_TYPES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
_LINE_TYPES: Final = frozenset({"application/x-ndjson", "application/jsonl"})
_UNSPECIFIC_TYPES: Final = _BYTE_TYPES | {""}
_LOOKS_LIKE_HTML: Final = re.compile(r"\s*<(!doctype html|html|head|body)\b", re.I)
_RELATIVE: Final = re.compile(r"(?!//)(?![^/?#]*:)[!-\[\]-~]+")
"""An address on the same server: no scheme, no host, no backslash (some read it as a slash)."""

_CODE_KEYS: Final = ("code", "error_code", "type")
_VCS_SHORT: Final = {"github": "gh", "bitbucket": "bb"}


class _Answer(NamedTuple):
    """A response and the call it belongs to; `by_fallback` when the second request got it."""

    function: Function
    arguments: Arguments
    response: ApiResponse
    by_fallback: bool = False


def decode(function: Function, arguments: Arguments, response: ApiResponse) -> JsonValue:
    """Return the value of a successful answer: decoded JSON, a text as a string, nothing as {}.

    Raises `ApiError` for every other status, and for a body that is not what it claims to be (JSON
    that does not decode, the HTML of a proxy or of a login page). The error names the request;
    `arguments` are needed for that alone.
    """
    return _decode(_Answer(function, arguments, response))


def decode_fallback(function: Function, arguments: Arguments, response: ApiResponse) -> JsonValue:
    """Return the fallback's list as `{items = rows, next_page_token = null}`.

    Rows without a slug get one, and rows of other organizations are left out. Raises `ApiError` as
    `decode` does, and for an answer that is not a list.
    """
    if function.fallback is None:
        raise ValueError(f"{function.name} has no fallback")
    answer = _Answer(function, arguments, response, by_fallback=True)
    value = _decode(answer)
    if not isinstance(value, list):
        raise _unreadable(answer, "the answer is not a list")
    rule = function.fallback.rows
    organization = arguments.values.get(rule.keep_where)
    rows = [_with_slug(row, rule) for row in value]
    items = [
        row for row in rows if not organization or _organization(row) == _folded(str(organization))
    ]
    return {"items": items, "next_page_token": None}


def _decode(answer: _Answer) -> JsonValue:
    function, response = answer.function, answer.response
    if response.status in function.empty_on:
        return _nothing(function)
    if not 200 <= response.status < 300:
        raise _refused(answer)
    kind = _content_type(response)
    if function.answer != "json":
        if kind in _HTML_TYPES and response.body:
            raise _html(answer)
        return _text(response) if function.answer == "text" else _json_lines(answer)
    if response.status == HTTPStatus.NO_CONTENT or not response.body.strip():
        return {}
    if kind in _HTML_TYPES:
        raise _html(answer)
    return _by_content_type(answer, kind)


def _by_content_type(answer: _Answer, kind: str) -> JsonValue:
    response = answer.response
    if kind in _JSON_TYPES or kind.endswith("+json"):
        return _json(answer, "the body is not the JSON it claims to be")
    if kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+yaml", "+xml")):
        return _text(response)
    if answer.function.is_raw and kind in _LINE_TYPES:
        return _json_lines(answer)
    if answer.function.is_raw and kind in _BYTE_TYPES:
        return _text(response)
    if kind not in _UNSPECIFIC_TYPES:
        reason = f"the answer is of type {printable(shorten(kind))}, neither JSON nor text"
        raise _unreadable(answer, reason)
    if _LOOKS_LIKE_HTML.match(_text(response)):
        raise _html(answer)
    return _json(answer, "the body does not say what it is, and is not JSON")


def _nothing(function: Function) -> JsonValue:
    """Return what an answer without content is worth: "", a list, a page, a table."""
    if function.answer == "text":
        return ""
    if function.answer == "jsonl":
        return []
    return {"data": []} if function.paginated else {}


def _json_lines(answer: _Answer) -> list[JsonValue]:
    """Return the values of JSON Lines, one for each line that is not blank."""
    values: list[JsonValue] = []
    for number, line in enumerate(answer.response.body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            values.append(decode_json(line))
        except JsonError as error:
            raise _unreadable(answer, f"line {number} of the answer is not JSON: {error}") from None
    return values


def _with_slug(row: JsonValue, rule: Rows) -> JsonValue:
    if not isinstance(row, dict) or row.get("slug"):
        return row
    parts = [row.get(key) for key in rule.slug_from]
    if not all(isinstance(part, str) and part for part in parts):
        return row
    vcs, *names = map(str, parts)
    return row | {"slug": "/".join([_VCS_SHORT.get(vcs.lower(), vcs), *names])}


def _organization(row: JsonValue) -> str | None:
    slug = row.get("slug") if isinstance(row, dict) else None
    return _folded("/".join(slug.split("/")[:2])) if isinstance(slug, str) else None


def _folded(organization: str) -> str:
    """Return an organization slug as it compares: `github/acme` and `GH/acme` are `gh/acme`."""
    vcs, slash, name = organization.partition("/")
    return _VCS_SHORT.get(vcs.lower(), vcs.lower()) + slash + name


def _refused(answer: _Answer) -> ApiError:
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
        return shorten(_text(response), MAX_ERROR_TEXT)


def _message(body: JsonValue) -> str | None:
    if isinstance(body, str):
        lines = [] if _LOOKS_LIKE_HTML.match(body) else body.strip().splitlines()
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


def _json(answer: _Answer, complaint: str) -> JsonValue:
    try:
        return decode_json(answer.response.body)
    except JsonError as error:
        raise _unreadable(answer, f"{complaint}: {error}") from None


def _html(answer: _Answer) -> ApiError:
    reason = "an HTML page came instead of the API's answer, from a proxy or a login page"
    return _unreadable(answer, f"{reason}. Check the base URL and the network")


def _unreadable(answer: _Answer, reason: str) -> ApiError:
    return _error(answer, reason, shorten(_text(answer.response), SHOWN_CHARACTERS))


def _error(answer: _Answer, message: str, body: JsonValue) -> ApiError:
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


def _content_type(response: ApiResponse) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(response: ApiResponse) -> str:
    return response.body.decode("utf-8", "replace")
