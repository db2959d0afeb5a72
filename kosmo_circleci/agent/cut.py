"""What is too long for a model is shortened as a value, never in the middle of its JSON text."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode, encode

LIMIT_BYTES: Final = 32_000
"""How much one answer of a tool may hold, in bytes of JSON."""

_STEPS: Final = (
    *((30, 1000), (15, 500), (10, 200), (5, 200), (3, 100)),
    *((2, 60), (1, 40)),
)
"""(items or keys, characters) that each array, object and string keep: the first that fits."""

_DEEPEST: Final = 12


class Printed(NamedTuple):
    """What a script printed, as far as it is shown: `text`, and how many bytes were left out."""

    text: str
    left_out_bytes: int


def size(value: JsonValue) -> int:
    """Return how many bytes the JSON text of `value` has."""
    return len(encode(value).encode("utf-8"))


def beginning(value: JsonValue, limit_bytes: int) -> JsonValue:
    """Return a value of at most `limit_bytes` of JSON that shows how a larger one begins.

    Arrays, objects and strings are shortened, and say by how much: `"… 97 more"`.
    """
    for items, characters in _STEPS:
        shown = _shortened(value, items, characters, _DEEPEST)
        if size(shown) <= limit_bytes:
            return shown
    outline = _shortened(value, 1, 40, 1)
    if size(outline) <= limit_bytes:
        return outline
    return f"… {len(value)} more" if isinstance(value, dict | list) else "…"


def printed(lines: Sequence[str], limit_bytes: int) -> Printed:
    """Return the first lines, each what one `print` wrote, that fit into `limit_bytes`.

    Of the first one that does not fit, what is JSON is shortened as a value, other text cut.
    """
    kept: list[str] = []
    left = limit_bytes
    for index, line in enumerate(lines):
        length = len(line.encode("utf-8", "surrogatepass")) + 1
        if length > left:
            part = _part(line, left)
            rest = sum(len(each.encode("utf-8", "surrogatepass")) + 1 for each in lines[index:])
            return Printed("\n".join([*kept, *part]), rest)
        kept.append(line)
        left -= length
    return Printed("\n".join(kept), 0)


def _part(line: str, left: int) -> list[str]:
    if left < 200:
        return []
    try:
        value = decode(line)
    except JsonError:
        return [line.encode("utf-8", "ignore")[:left].decode("utf-8", "ignore") + "…"]
    return [encode(beginning(value, left))] if isinstance(value, dict | list) else []


def _shortened(value: JsonValue, items: int, characters: int, depth: int) -> JsonValue:
    if isinstance(value, str):
        more = len(value) - characters
        return value if more <= 0 else f"{value[:characters]}… {more} more characters"
    if not isinstance(value, dict | list):
        return value
    more = len(value) - items
    if depth == 0:
        return f"… {len(value)} more" if value else value
    if isinstance(value, list):
        shown = [_shortened(each, items, characters, depth - 1) for each in value[:items]]
        return shown if more <= 0 else [*shown, f"… {more} more"]
    # The fields of one object are few and worth more than the items of an array.
    kept = list(value)[: items * 4]
    fields = {key: _shortened(value[key], items, characters, depth - 1) for key in kept}
    return fields if len(kept) == len(value) else fields | {"…": f"{len(value) - len(kept)} more"}
