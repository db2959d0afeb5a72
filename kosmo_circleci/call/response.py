"""ApiResponse -> JsonValue: what an answer means. What is wrong with one is in `refusals`."""

from http import HTTPStatus
from typing import Final

from kosmo_circleci.call.model import ApiResponse, Arguments
from kosmo_circleci.call.refusals import (
    LOOKS_LIKE_HTML,
    Answer,
    body_text,
    html,
    refused,
    unreadable,
)
from kosmo_circleci.catalog.model import Function, Rows
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.jsonvalue import decode as decode_json
from kosmo_circleci.wording import printable, shorten

_JSON_TYPES: Final = frozenset({"application/json", "text/json"})
_TEXT_TYPES: Final = frozenset(
    {"application/yaml", "application/x-yaml", "application/xml", "application/x-sh"}
)
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_BYTE_TYPES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
_LINE_TYPES: Final = frozenset({"application/x-ndjson", "application/jsonl"})
_UNSPECIFIC_TYPES: Final = _BYTE_TYPES | {""}

_VCS_SHORT: Final = {"github": "gh", "bitbucket": "bb"}


def decode(function: Function, arguments: Arguments, response: ApiResponse) -> JsonValue:
    """Return the value of a successful answer: decoded JSON, a text as a string, nothing as {}.

    Raises `ApiError` for every other status, and for a body that is not what it claims to be (JSON
    that does not decode, the HTML of a proxy or of a login page). The error names the request;
    `arguments` are needed for that alone.
    """
    return _decode(Answer(function, arguments, response))


def decode_fallback(function: Function, arguments: Arguments, response: ApiResponse) -> JsonValue:
    """Return the fallback's list as `{items = rows, next_page_token = null}`.

    Rows without a slug get one, and rows of other organizations are left out. Raises `ApiError` as
    `decode` does, and for an answer that is not a list.
    """
    if function.fallback is None:
        raise ValueError(f"{function.name} has no fallback")
    answer = Answer(function, arguments, response, by_fallback=True)
    value = _decode(answer)
    if not isinstance(value, list):
        raise unreadable(answer, "the answer is not a list")
    rule = function.fallback.rows
    organization = arguments.values.get(rule.keep_where)
    rows = [_with_slug(row, rule) for row in value]
    items = [
        row for row in rows if not organization or _organization(row) == _folded(str(organization))
    ]
    return {"items": items, "next_page_token": None}


def _decode(answer: Answer) -> JsonValue:
    function, response = answer.function, answer.response
    if response.status in function.empty_on:
        return _nothing(function)
    if not 200 <= response.status < 300:
        raise refused(answer)
    kind = _content_type(response)
    if function.answer != "json":
        if kind in _HTML_TYPES and response.body:
            raise html(answer)
        return body_text(response) if function.answer == "text" else _json_lines(answer)
    if response.status == HTTPStatus.NO_CONTENT or not response.body.strip():
        return {}
    if kind in _HTML_TYPES:
        raise html(answer)
    return _by_content_type(answer, kind)


def _by_content_type(answer: Answer, kind: str) -> JsonValue:
    response = answer.response
    if kind in _JSON_TYPES or kind.endswith("+json"):
        return _json(answer, "the body is not the JSON it claims to be")
    if kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+yaml", "+xml")):
        return body_text(response)
    if answer.function.is_raw and kind in _LINE_TYPES:
        return _json_lines(answer)
    if answer.function.is_raw and kind in _BYTE_TYPES:
        return body_text(response)
    if kind not in _UNSPECIFIC_TYPES:
        reason = f"the answer is of type {printable(shorten(kind))}, neither JSON nor text"
        raise unreadable(answer, reason)
    if LOOKS_LIKE_HTML.match(body_text(response)):
        raise html(answer)
    return _json(answer, "the body does not say what it is, and is not JSON")


def _nothing(function: Function) -> JsonValue:
    """Return what an answer without content is worth: "", a list, a page, a table."""
    if function.answer == "text":
        return ""
    if function.answer == "jsonl":
        return []
    return {"data": []} if function.paginated else {}


def _json_lines(answer: Answer) -> list[JsonValue]:
    """Return the values of JSON Lines, one for each line that is not blank."""
    values: list[JsonValue] = []
    for number, line in enumerate(answer.response.body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            values.append(decode_json(line))
        except JsonError as error:
            raise unreadable(answer, f"line {number} of the answer is not JSON: {error}") from None
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


def _json(answer: Answer, complaint: str) -> JsonValue:
    try:
        return decode_json(answer.response.body)
    except JsonError as error:
        raise unreadable(answer, f"{complaint}: {error}") from None


def _content_type(response: ApiResponse) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()
