"""Page tokens: opaque to the caller, valid for one list only, checked on return."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlencode

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Refusal

_T = TypeVar("_T")

PAGE_SIZE: Final = 20
"""How many items one page holds."""

PAGE_TOKEN: Final = "page-token"

Query: TypeAlias = Mapping[str, tuple[str, ...]]


def page_of(
    items: Sequence[_T],
    row: Callable[[_T], JsonValue],
    *,
    target: str,
    query: Query,
    size: int = PAGE_SIZE,
) -> dict[str, JsonValue]:
    """Return `{items, next_page_token}`: the rows of the page of `items` that `query` asks for.

    `target` is the path of the list. A token of another list (or of the same one with other
    filters), or one that was never issued, is refused with 400.
    """
    start = _start(target, query)
    end = start + size
    token = _token(end, target, query) if end < len(items) else None
    return {"items": [row(each) for each in items[start:end]], "next_page_token": token}


def _start(target: str, query: Query) -> int:
    token = query.get(PAGE_TOKEN, ("",))[-1]
    if not token:
        return 0
    try:
        start = int(urlsafe_b64decode(token.encode()).partition(b":")[0])
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        start = -1
    if start <= 0 or token != _token(start, target, query):
        raise Refusal(400, "Invalid page token.")
    return start


def _token(start: int, target: str, query: Query) -> str:
    filters = {key: values for key, values in query.items() if key != PAGE_TOKEN}
    seal = binascii.crc32(f"{target}?{urlencode(sorted(filters.items()), doseq=True)}".encode())
    return urlsafe_b64encode(f"{start}:{seal:08x}".encode()).decode()
