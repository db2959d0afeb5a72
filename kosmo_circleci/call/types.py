"""The parameter types: what each one takes, what becomes of it, and how it is described.

Little is converted, on purpose: digits where an integer belongs, because Lua users paste ids, and a
number where a string belongs. Formats (a UUID, a date) and rules between fields are the server's.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from kosmo_circleci.catalog.model import Parameter, ParameterType
from kosmo_circleci.jsonvalue import MAX_DEPTH, JsonValue
from kosmo_circleci.wording import MAX_INTEGER_BITS, nearest, printable, shorten, show

_UNSENDABLE_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_DIGITS: Final = re.compile(r"[0-9]{1,308}")


class TypeFault(ValueError):
    """The value does not fit the parameter. The message is a whole sentence for people."""


class TypeRow(NamedTuple):
    """One parameter type: the words for it, and the conversion that raises `_Refused`."""

    takes: str
    described: Callable[[Parameter], str]
    convert: Callable[[Parameter, JsonValue], JsonValue]


class _Refused(Exception):
    """A value was refused. `what` is the value at fault, `where` its place inside the argument.

    `takes` overrides what the parameter's type says; `why` replaces "got …" where the type fits and
    something else does not.
    """

    def __init__(
        self,
        what: object,
        *,
        where: str = "",
        takes: str = "",
        why: str = "",
        outside_enum: bool = False,
    ) -> None:
        super().__init__(why)
        self.what = what
        self.where = where
        self.takes = takes
        self.why = why
        self.outside_enum = outside_enum


def convert(parameter: Parameter, value: JsonValue) -> JsonValue:
    """Return `value` as the parameter's type; the argument is never changed.

    Raises `TypeFault`: the wrong type, a value outside the enum, text no request can carry. The
    message shows the value, shortened, but only the type of a secret's.
    """
    try:
        converted = TYPES[parameter.type].convert(parameter, value)
        _check_enum(parameter, converted)
    except _Refused as refused:
        raise TypeFault(_sentence(parameter, refused)) from None
    return converted


def describe(parameter: Parameter) -> str:
    """Return the type as documentation shows it: "integer", "array of string", …"""
    return TYPES[parameter.type].described(parameter)


def describe_taken(parameter: Parameter) -> str:
    """Return the type as a sentence needs it: "an integer", "a string or an array of strings"."""
    if parameter.repeated:
        return "a string or an array of strings"
    if parameter.type == "array":
        return f"an array of {parameter.items}s"
    return TYPES[parameter.type].takes


def query_texts(value: JsonValue) -> list[str]:
    """Return the values of one query key: a list gives one each, None gives none.

    Booleans are `true` and `false`, integers their digits. An empty object is a list that stayed
    empty: in Lua both are `{}`. Raises `ValueError` for what a query cannot carry: objects, lists
    in lists, infinities, NaN, lone surrogates.
    """
    if value is None or value == {}:
        return []
    if isinstance(value, list):
        return [text for each in value if each is not None for text in [_query_text(each)]]
    return [_query_text(value)]


def refuse_unsendable(value: dict[str, JsonValue]) -> None:
    """Raise `ValueError` unless the object is JSON that can be sent: the reason is the message.

    Python callers can bring anything: dates, sets, NaN, an object that contains itself.
    """
    # Level by level, not by recursion, and each container once per level: what contains itself
    # several times over would double at every step.
    level: list[tuple[str, object]] = [("", value)]
    for _ in range(MAX_DEPTH + 1):
        inner: dict[int, tuple[str, object]] = {}
        for place, container in level:
            for key, each in _parts(container):
                if fault := _unsendable(each):
                    raise ValueError(f"{fault} (at '{_inside(place, key)}')")
                if isinstance(each, dict | list):
                    inner[id(each)] = (_inside(place, key), each)
        if not inner:
            return
        level = list(inner.values())
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels, or inside itself")


def _hidden(parameter: Parameter) -> bool:
    # Text where an object belongs is often JSON that was encoded once too often, secrets and all.
    return parameter.secret or parameter.type == "object"


def _integer(value: JsonValue) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value.bit_length() <= MAX_INTEGER_BITS
    ):
        return value
    raise _Refused(value)


def _string(value: JsonValue) -> str:
    if isinstance(value, str):
        if _UNSENDABLE_TEXT.search(value):
            raise _Refused(value, why="and this one holds a NUL or half of a surrogate pair")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _Refused(value)
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise _Refused(value)
    return _number_text(value)


def _number_text(number: int | float) -> str:
    """Return a finite number as Lua 5.4's `tostring` writes it; whole numbers with all digits."""
    if isinstance(number, int):
        return str(number)
    text = f"{number:.14g}"
    if number.is_integer() and float(text) != number:
        return repr(number)  # an id that became a float: `tostring` would lose its last digits
    return text if text.strip("-0123456789") else text + ".0"


def _boolean(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return value
    raise _Refused(value)


def _object(value: JsonValue) -> dict[str, JsonValue]:
    if value == []:  # Lua's {} is an empty object and an empty list at once.
        return {}
    if not isinstance(value, dict):
        raise _Refused(value)
    try:
        refuse_unsendable(value)
    except ValueError as error:
        raise _Refused(value, why=f"and this one cannot be sent: {error}") from None
    return value


def _list(items: str, value: JsonValue) -> list[JsonValue]:
    if value == {}:
        return []
    if not isinstance(value, list):
        raise _Refused(value)
    return [_item(items, index, each) for index, each in enumerate(value, start=1)]


def _item(items: str, index: int, value: JsonValue) -> JsonValue:
    takes, convert_item = _ITEMS[items]
    try:
        return convert_item(value)
    except _Refused as refused:
        raise _Refused(value, where=f"Item {index}", takes=takes, why=refused.why) from None


def _array(parameter: Parameter, value: JsonValue) -> list[JsonValue]:
    if parameter.repeated and not isinstance(value, dict | list):
        return [_ITEMS[parameter.items][1](value)]
    return _list(parameter.items, value)


_ITEMS: Final[dict[str, tuple[str, Callable[[JsonValue], JsonValue]]]] = {
    "integer": ("an integer", _integer),
    "string": ("a string", _string),
    "object": ("an object", _object),
}
"""Type of an array's items -> the words for it, and its conversion."""


def _check_enum(parameter: Parameter, value: JsonValue) -> None:
    if not parameter.enum:
        return
    if not isinstance(value, list):
        if str(value) not in parameter.enum:
            raise _Refused(value, outside_enum=True)
        return
    for index, each in enumerate(value, start=1):
        if str(each) not in parameter.enum:
            raise _Refused(each, where=f"Item {index}", outside_enum=True)


def _sentence(parameter: Parameter, refused: _Refused) -> str:
    subject = f"{refused.where} of parameter" if refused.where else "Parameter"
    start = f"{subject} '{parameter.name}' takes "
    hidden = _hidden(parameter)
    if not refused.outside_enum:
        got = refused.why or f"got {show(refused.what, hidden=hidden)}"
        return f"{start}{refused.takes or describe_taken(parameter)}, {got}."
    got = show(refused.what, hidden=hidden).removeprefix("string ")
    near = None if hidden else nearest(str(refused.what), parameter.enum)
    hint = f" Did you mean '{near}'?" if near else ""
    return f"{start}one of: {', '.join(parameter.enum)}; got {got}.{hint}"


def _query_text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise ValueError("a query value is a string, a number, a boolean or a list of those")
    try:
        return _string(value)
    except _Refused as refused:
        raise ValueError(refused.why or f"a query cannot carry {show(value)}") from None


def _parts(container: object) -> Iterable[tuple[str | int, object]]:
    """Return what a container holds, each with its key or its index from 1."""
    if isinstance(container, list):
        return enumerate(container, start=1)
    if not isinstance(container, dict):
        return ()
    odd = next((key for key in container if not isinstance(key, str)), None)
    if odd is not None:
        raise ValueError(f"the keys of an object are strings, got {show(odd, hidden=True)}")
    return container.items()


def _inside(place: str, key: str | int) -> str:
    """Return the place of a part, shortened: `jobs[2].name`."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    return shorten(f"{place}.{printable(shorten(key))}" if place else printable(shorten(key)))


def _unsendable(value: object) -> str | None:
    """Return why a request cannot carry the value, leaving aside what it holds; None if it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not JSON"
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        return f"an integer of more than {MAX_INTEGER_BITS} bits"
    if value is not None and not isinstance(value, str | int | float | list | dict):
        return f"{show(value)} is not JSON"
    return None


def _fixed(text: str) -> Callable[[Parameter], str]:
    return lambda _: text


def _described_array(parameter: Parameter) -> str:
    many = f"array of {parameter.items}"
    return f"{parameter.items} or {many}s" if parameter.repeated else many


TYPES: Final[dict[ParameterType, TypeRow]] = {
    "string": TypeRow("a string", _fixed("string"), lambda _, value: _string(value)),
    "integer": TypeRow("an integer", _fixed("integer"), lambda _, value: _integer(value)),
    "boolean": TypeRow("a boolean", _fixed("boolean"), lambda _, value: _boolean(value)),
    "object": TypeRow("an object", _fixed("object"), lambda _, value: _object(value)),
    "array": TypeRow("an array", _described_array, _array),
}
