"""The envelopes of API v3: one entity, a page of many, and the parts they are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import urlencode

from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, JsonObject
from kosmo_circleci.simulator.pages import PAGE_SIZE, cut

_T = TypeVar("_T")

_CURSOR: Final = "page[cursor]"
_LIMIT: Final = "page[limit]"


def entity(
    entity_id: str | None, attributes: Mapping[str, JsonValue], **references: JsonValue
) -> JsonObject:
    """Return an entity. Attributes and references that are None are left out, as CircleCI does."""
    row: JsonObject = {} if entity_id is None else {"id": entity_id}
    row["attributes"] = {key: value for key, value in attributes.items() if value is not None}
    named: JsonObject = {key: value for key, value in references.items() if value is not None}
    return {**row, "references": named} if named else row


def reference(entity_id: str, **attributes: JsonValue) -> JsonObject:
    """Return a reference to an entity, with copies of some of its attributes."""
    return {"id": entity_id, "attributes": attributes} if attributes else {"id": entity_id}


def one(row: JsonObject) -> JsonObject:
    """Return the answer that carries one entity."""
    return {"data": row}


def many(call: Call, items: Sequence[_T], row: Callable[[_T], JsonValue]) -> JsonObject:
    """Return the page of `items` that the query names: `{data, page: {next}}`."""
    keys = {key: each for key, each in call.query.items() if key not in (_CURSOR, _LIMIT)}
    listing = f"{call.target}?{urlencode(sorted(keys.items()), doseq=True)}"
    size = int(call.query_text(_LIMIT) or PAGE_SIZE)
    page, token = cut(items, listing, call.query_text(_CURSOR) or "", size)
    return {"data": [row(each) for each in page], "page": {"next": token}}


def many_by_body(call: Call, items: Sequence[_T], row: Callable[[_T], JsonValue]) -> JsonObject:
    """Return the page that `page.limit` and `page.cursor` of the body name: `{data, page}`.

    The last page has an empty `page`.
    """
    paging = call.object("page")
    listing = encode({**call.body, "page": None, "target": call.target}, sort_keys=True)
    size = paging.get("limit")
    cursor = paging.get("cursor")
    page, token = cut(
        items, listing, str(cursor or ""), size if isinstance(size, int) else PAGE_SIZE
    )
    return {
        "data": [row(each) for each in page],
        "page": {} if token is None else {"next": token},
    }


def filter_text(call: Call, name: str) -> str | None:
    """Return the value of `filter[name]`, None if it is absent or empty."""
    return call.query_text(f"filter[{name}]")


def the_filter(call: Call, *names: str) -> tuple[str, str]:
    """Return the one of these filters that the request has, as its name and its value.

    Refuses (400) a request with none of them or with several.
    """
    values = [(name, value) for name in names if (value := filter_text(call, name)) is not None]
    if len(values) != 1:
        raise bad_request(
            f"One of {', '.join(f'filter[{name}]' for name in names)}.",
            title="Exactly one filter parameter is required.",
        )
    return values[0]


def attribute(call: Call, name: str) -> JsonValue:
    """Return `data.attributes.NAME` of the body, or None."""
    attributes = call.object("data").get("attributes")
    return attributes.get(name) if isinstance(attributes, dict) else None


def referenced_id(call: Call, name: str) -> str:
    """Return `data.references.NAME.id` of the body; the checks of the route have seen it."""
    references = call.object("data").get("references")
    target = references.get(name) if isinstance(references, dict) else None
    return str(target.get("id")) if isinstance(target, dict) else ""
