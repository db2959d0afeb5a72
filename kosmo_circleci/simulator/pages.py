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
"""Each key of a query with its values, decoded."""


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
    filters = {key: values for key, values in query.items() if key != PAGE_TOKEN}
    listing = f"{target}?{urlencode(sorted(filters.items()), doseq=True)}"
    page, token = cut(items, listing, query.get(PAGE_TOKEN, ("",))[-1], size)
    return {"items": [row(each) for each in page], "next_page_token": token}


def cut(
    items: Sequence[_T], listing: str, token: str, size: int
) -> tuple[Sequence[_T], str | None]:
    """Return the page that `token` names ("" is the first), and the token of the next or None.

    `listing` identifies the list with its filters: a token is good for no other one. Refuses (400)
    a token that was not issued for it.
    """
    start = _start(listing, token)
    end = start + size
    return items[start:end], _token(end, listing) if end < len(items) else None


def _start(listing: str, token: str) -> int:
    if not token:
        return 0
    try:
        start = int(urlsafe_b64decode(token.encode()).partition(b":")[0])
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        start = -1
    if start <= 0 or token != _token(start, listing):
        raise Refusal(400, "Invalid page token.")
    return start


def _token(start: int, listing: str) -> str:
    seal = binascii.crc32(listing.encode())
    return urlsafe_b64encode(f"{start}:{seal:08x}".encode()).decode()
