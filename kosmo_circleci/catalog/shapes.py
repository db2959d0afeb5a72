"""The manifest's compact notation for the form of an answer -> Shape.

A word is a scalar (`string integer number boolean uuid date-time`), `any`, `nothing`,
`enum(a, b)`, `map(X)`, or the capitalised name of a shared shape; `|null` makes it nullable. A
number may have a unit: `integer ms`. `[X]` is an array of X. A mapping is an object, whose optional
keys end in `?`.
"""

from collections.abc import Mapping
from typing import Any, Final

from kosmo_circleci.catalog.model import UNITS, Field, Shape

_SCALARS: Final = {
    "string": Shape("scalar", "string"),
    "integer": Shape("scalar", "integer"),
    "number": Shape("scalar", "number"),
    "boolean": Shape("scalar", "boolean"),
    "uuid": Shape("scalar", "string", format="uuid"),
    "date-time": Shape("scalar", "string", format="date-time"),
    "any": Shape("any"),
    "nothing": Shape("nothing"),
}


def parse(notation: Any, shared: Mapping[str, Any]) -> Shape:
    """Return the shape of a notation; raises `ValueError` for one that cannot be read."""
    if isinstance(notation, list):
        if len(notation) != 1:
            raise ValueError(f"an array shape has exactly one item: {notation!r}")
        return Shape("array", item=parse(notation[0], shared))
    if isinstance(notation, dict):
        fields = (_field(key, value, shared) for key, value in notation.items())
        return Shape("object", fields=tuple(fields))
    if not isinstance(notation, str):
        raise ValueError(f"not a shape: {notation!r}")
    return _word(notation, shared)


def _field(key: str, notation: Any, shared: Mapping[str, Any]) -> Field:
    return Field(key.removesuffix("?"), parse(notation, shared), optional=key.endswith("?"))


def _word(word: str, shared: Mapping[str, Any]) -> Shape:
    if word.endswith("|null"):
        return _word(word.removesuffix("|null"), shared)._replace(nullable=True)
    if word in _SCALARS:
        return _SCALARS[word]
    number, _, unit = word.partition(" ")
    if unit in UNITS and number in ("integer", "number"):
        return _SCALARS[number]._replace(unit=unit)
    if word.startswith("enum(") and word.endswith(")"):
        values = tuple(value.strip() for value in word[5:-1].split(","))
        return Shape("scalar", "string", enum=values)
    if word.startswith("map(") and word.endswith(")"):
        return Shape("map", item=_word(word[4:-1], shared))
    if word in shared:
        return parse(shared[word], shared)
    raise ValueError(f"unknown shape '{word}'")
