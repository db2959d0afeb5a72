"""What a caller may put into a path: encoded, or refused, and never another operation.

A path parameter becomes one segment, a slug a fixed number of them. A raw path (`api_get` and its
kin) comes from the caller whole and stays below `/api/` of the account's own origin.
"""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from kosmo_circleci.call.model import QueryPairs
from kosmo_circleci.catalog.model import Parameter
from kosmo_circleci.wording import shorten

API_V2: Final = "/api/v2"

MAX_RAW_PATH: Final = 8_000
"""Characters of a raw path; servers refuse longer ones, and checking must stay quick."""

_CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f]")
_UNSENDABLE: Final = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_VERSION: Final = re.compile(r"v[0-9]+(\.[0-9]+)*")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT_IN_RAW_PATHS: Final = "/%:@!$&'()*+,;=~"  # RFC 3986, section 3.3: pchar, and the slash.

_SLUG_FORMS: Final[dict[tuple[int, ...], str]] = {
    (3,): "a project slug, vcs/org/repo, e.g. gh/acme/web",
    (2,): "an organization slug, vcs/org, e.g. gh/acme",
    (1, 2): "an organization slug, vcs/org, e.g. gh/acme, or an organization id",
}


def encode(parameter: Parameter, value: str) -> str:
    """Return what replaces the parameter's placeholder, or raise `ValueError` with the reason."""
    if parameter.encoding == "raw":
        return raw_path(value)[0]
    return slug(value, parameter.segments) if parameter.encoding == "slug" else segment(value)


def segment(value: str) -> str:
    """Return `value` as one percent-encoded path segment; only RFC 3986's unreserved stay.

    Raises `ValueError` for what cannot be a segment: empty, `.`, `..` (even encoded, these climb),
    and control characters or lone surrogates, which no name in CircleCI has.
    """
    if value in ("", ".", ".."):
        raise ValueError(f"a part of the path cannot be {_quoted(value) if value else 'empty'}")
    if _UNSENDABLE.search(value):
        raise ValueError(
            f"a part of the path cannot contain control characters, got {_quoted(value)}"
        )
    return quote(value, safe="")


def slug(value: str, segments: tuple[int, ...]) -> str:
    """Return a slug with each segment encoded and its slashes kept: `gh/acme/50%25`.

    `segments` lists how many segments it may have. Raises `ValueError` for another number: the
    request would reach another operation.
    """
    parts = value.split("/")
    if "" in parts or len(parts) not in segments:
        form = _SLUG_FORMS.get(segments, f"{' or '.join(map(str, segments))} segments")
        raise ValueError(f"expected {form}; got {_quoted(value)}")
    return "/".join(segment(part) for part in parts)


def raw_path(text: str) -> tuple[str, QueryPairs]:
    """Return the absolute path a raw path means, and the query it carries, decoded.

    `me`, `/me`, `/v2/me` and `/api/v2/me` are the same; `/v1.1/…` and `/api/…` reach what else lies
    below `/api/`. Spaces and the like are encoded; what is encoded already stays as it is.

    Raises `ValueError` for what could leave `/api/` or the origin: absolute URLs, `//host`, a user
    before a host, backslashes, `.` and `..` segments, encoded slashes, control characters; also for
    a fragment.
    """
    _refuse_as_a_whole(text)
    path, _, query = text.partition("?")
    path = path.removeprefix("/")
    parts = path.split("/")
    for index, part in enumerate(parts):
        _check_part(part, is_last=index == len(parts) - 1)
    if "@" in unquote(parts[0]):
        raise ValueError("the path cannot start with user@host; give only the path, e.g. /me")
    return _below_api(quote(_LONE_PERCENT.sub("%25", path), safe=_KEPT_IN_RAW_PATHS)), _pairs(query)


def _refuse_as_a_whole(text: str) -> None:
    if text.partition("?")[0] in ("", "/"):
        raise ValueError("the path is empty; give one such as /me")
    if len(text) > MAX_RAW_PATH:
        raise ValueError(f"the path has {len(text)} characters; at most {MAX_RAW_PATH} are sent")
    if _UNSENDABLE.search(text):
        raise ValueError("the path cannot contain control characters or lone surrogates")
    if "#" in text:
        raise ValueError("a path has no fragment; write a literal # as %23")
    if "\\" in text.partition("?")[0]:
        raise ValueError("the path cannot contain backslashes")
    if _SCHEME.match(text) or text.startswith("//"):
        # The account's own origin is refused too: this step does not know it.
        raise ValueError("the path cannot name a host or a scheme; give only the path, e.g. /me")


def _check_part(part: str, *, is_last: bool) -> None:
    if part == "" and not is_last:
        raise ValueError("the path has an empty segment (//)")
    text = _fully_decoded(part)
    if "/" in text or "\\" in text:
        raise ValueError("the path cannot contain encoded slashes (%2f, %5c)")
    if _CONTROL.search(text):
        raise ValueError("the path cannot contain control characters, not even encoded ones")
    # Some servers cut ";…" off a segment before they look for dots.
    if text.split(";")[0].strip() in (".", ".."):
        raise ValueError("the path cannot contain . or .. segments, in any encoding")


def _fully_decoded(part: str) -> str:
    # A proxy may decode once more than the server behind it, so every layer is undone.
    try:
        while (text := unquote(part, errors="strict")) != part:
            part = text
    except UnicodeDecodeError:
        raise ValueError("the path is not percent-encoded UTF-8") from None
    return part


def _below_api(path: str) -> str:
    first, _, rest = path.partition("/")
    if first == "api":
        if not rest:
            raise ValueError("the path names no API version; give one such as /api/v2/me")
        return f"/{path}"
    return f"/api/{path}" if _VERSION.fullmatch(first) else f"{API_V2}/{path}"


def _pairs(query: str) -> QueryPairs:
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("the query of the path is not percent-encoded UTF-8") from None


def _quoted(value: str) -> str:
    return '"' + shorten(_UNSENDABLE.sub("�", value)) + '"'
