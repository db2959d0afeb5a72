"""Values and names inside messages for people: shortened, typed, printable, and near misses."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import encode

SHOWN_CHARACTERS: Final = 60
"""How much of a value an error message repeats."""

MAX_INTEGER_BITS: Final = 1024
"""What a double can reach. Python refuses to write far larger integers as digits."""

_CONTAINERS: Final[dict[type, str]] = {dict: "an object", list: "an array", type(None): "null"}


class Foreign(NamedTuple):
    """Stands for a value of a script that JSON lacks, where an argument is refused: a function."""

    kind: str


def show(value: object, *, hidden: bool = False) -> str:
    """Return `value` for an error message: `string "12x"`, shortened; only the type if hidden."""
    if isinstance(value, bool):
        name, text = "boolean", "true" if value else "false"
    elif isinstance(value, str):
        name, text = "string", printable(encode(shorten(value)))
    elif isinstance(value, int):
        name, text = "integer", _digits(value)
    elif isinstance(value, float):
        name, text = "number", str(value)
    elif isinstance(value, Foreign):
        return f"a {value.kind}"
    else:
        # Objects and lists may hold anything, secrets too: their type says enough.
        return _CONTAINERS.get(type(value), f"a Python {type(value).__name__}")
    return f"{'an' if name == 'integer' else 'a'} {name}" if hidden else f"{name} {text}"


def shorten(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return at most `limit` characters of `text`, the last one `…` where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    r"""Return `text` with what could steer a terminal or reverse its line written as `\x9b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of them `printable`; tabs stay."""
    if text.isprintable():
        return text
    return "".join(each if each in "\n\t" else printable(each) for each in text)


def blanked(text: str) -> str:
    """Return `text` with a space for every character that could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` spelled most like `name`, case aside, or None."""
    import difflib  # Costs milliseconds to import, and only mistakes need it.

    by_folded = {each.casefold(): each for each in reversed(list(names))}
    matches = difflib.get_close_matches(name.casefold()[:100], by_folded, n=1)
    return by_folded[matches[0]] if matches else None


def _digits(number: int) -> str:
    if number.bit_length() > MAX_INTEGER_BITS:
        return f"of {number.bit_length()} bits"
    return shorten(str(number))
