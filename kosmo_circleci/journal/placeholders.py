"""What a planned write answers: its documented shape, with placeholders where the ids would be.

A placeholder is a text (`planned-1`) or, where the shape wants a number, a number of a range that
CircleCI's numbers do not reach. A call that mentions one is about something that does not exist
yet, so it is answered by shape as well.
"""

import re
from typing import Any, Final

from kosmo_circleci.catalog.model import Function, Shape
from kosmo_circleci.jsonvalue import JsonValue

FIRST_NUMBER: Final = 990_000_001
LAST_NUMBER: Final = 990_999_999

ALL: Final = LAST_NUMBER - FIRST_NUMBER + 1
"""How many placeholders there can be."""

PLACEHOLDER: Final = re.compile(
    r"planned-([1-9][0-9]{0,5})(?![0-9])|(?<![0-9])990([0-9]{6})(?![0-9])"
)

_EPOCH: Final = "2000-01-01T00:00:00Z"
_DONE: Final = ("success", "succeeded", "ended", "completed", "created")
"""States in which nothing is waited for, the likeliest first."""
_STATES: Final = frozenset({"status", "state", "phase", "outcome"})


class Placeholders:
    """The placeholders of one plan: each is used once."""

    def __init__(self) -> None:
        self.count = 0

    def text(self) -> str:
        """Return a new placeholder: `planned-1`."""
        self.count += 1
        return f"planned-{self.count}"

    def number(self) -> int:
        """Return a new placeholder that is a number."""
        self.count += 1
        return FIRST_NUMBER + self.count - 1


def mentions_placeholder(value: JsonValue, issued: int = ALL) -> bool:
    """Say whether a JSON value holds one of the first `issued` placeholders, wherever in it.

    A script can write down any text: what looks like a placeholder and was not given out is itself.
    """
    if isinstance(value, str):
        return any(_number(match) <= issued for match in PLACEHOLDER.finditer(value))
    if isinstance(value, dict):
        return any(mentions_placeholder(each, issued) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(mentions_placeholder(each, issued) for each in value)
    return isinstance(value, int) and FIRST_NUMBER <= value < FIRST_NUMBER + issued


def literal_parts(text: str, issued: int) -> list[str]:
    """Return what lies between the first `issued` placeholders of a text."""
    parts, end = [], 0
    for match in PLACEHOLDER.finditer(text):
        if _number(match) <= issued:
            parts.append(text[end : match.start()])
            end = match.end()
    return [*parts, text[end:]]


def _number(match: re.Match[str]) -> int:
    """Return which placeholder it is, from 1; beyond `ALL` for what is none."""
    return int(match[1] or match[2]) or ALL + 1


def planned_answer(
    function: Function, shape: Shape, path: str, body: JsonValue, placeholders: Placeholders
) -> JsonValue:
    """Return a value of `shape` for a call that is not sent; None where it is an empty answer.

    What the request says is repeated: the fields of its `body`, and, where its `path` ends with a
    placeholder, that one as the id of the answer.
    """
    if shape.kind == "nothing":
        return None
    value = _Source(placeholders).value(shape, "", body)
    own = path.rpartition("/")[2]
    if isinstance(value, dict) and "id" in value and PLACEHOLDER.fullmatch(own):
        value["id"] = own
    if function.paging is not None:
        _end_pages(value, function.paging.cursor)
    return value


class _Source:
    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders

    def value(self, shape: Shape, key: str, body: JsonValue) -> JsonValue:
        if shape.kind == "object":
            fields = body if isinstance(body, dict) else {}
            return {
                each.name: self.value(each.shape, each.name, fields.get(each.name))
                for each in shape.fields
                if not each.optional or each.name in fields or _is_id(each.name)
            }
        if shape.kind == "array":
            return self._items(shape.item or Shape("any"), key, body)
        if shape.kind == "scalar":
            return body if _fits(shape, body) else self._scalar(shape, key.replace("-", "_"))
        if shape.kind == "any" and not isinstance(body, dict | list):
            return {"id": self._placeholders.text()}
        if shape.kind == "any" and isinstance(body, dict):
            return {"id": self._placeholders.text(), **body}
        return body if isinstance(body, dict | list) else {}

    def _items(self, item: Shape, key: str, body: JsonValue) -> JsonValue:
        if isinstance(body, list) and all(_fits(item, each) for each in body):
            return body
        # One planned item represents however many there will be.
        return [] if "error" in key else [self.value(item, key, None)]

    def _scalar(self, shape: Shape, key: str) -> JsonValue:
        if shape.type == "boolean":
            return False
        if shape.type in ("integer", "number"):
            is_number = shape.type == "integer" and (key == "number" or key.endswith("_number"))
            return self._placeholders.number() if is_number else 0
        if shape.enum:
            return next((each for each in _DONE if each in shape.enum), shape.enum[0])
        if shape.format == "date-time" or key.endswith("_at"):
            return _EPOCH
        if _is_id(key) or shape.format == "uuid":
            return self._placeholders.text()
        if key in _STATES:
            return _DONE[0]
        return f"planned {key.replace('_', ' ')}".strip()


def _is_id(key: str) -> bool:
    return key in ("id", "uuid", "fingerprint") or key.endswith(("_id", "-id"))


def _fits(shape: Shape, value: JsonValue) -> bool:
    if shape.kind != "scalar" or value is None:
        return False
    if shape.type == "boolean" or isinstance(value, bool):
        return shape.type == "boolean" and isinstance(value, bool)
    if shape.type in ("integer", "number"):
        return isinstance(value, int) or (shape.type == "number" and isinstance(value, float))
    return isinstance(value, str) and (not shape.enum or value in shape.enum)


def _end_pages(value: Any, cursor: tuple[str, ...]) -> None:
    *outer, last = cursor
    for key in outer:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict) and last in value:
        value[last] = None
