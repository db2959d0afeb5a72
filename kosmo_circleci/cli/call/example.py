"""A function's Lua example, written as the command line that makes the same call.

The manifest's examples pass literals: `get_project({project_slug = "gh/acme/web"})`. The table is
read by a small recursive-descent parser; an example that computes a value has no command line, and
its required parameters get placeholders.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.cli.call.call_arguments import as_flag
from kosmo_circleci.jsonvalue import JsonValue

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|'(?P<raw>[^'\\]*)'|\[\[(?P<long>.*?)\]\]"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<symbol>[{}\[\]=,;]))""",
    re.DOTALL,
)
_WORDS: Final[dict[str, JsonValue]] = {"true": True, "false": False, "nil": None}


def flags(function: Function) -> list[str]:
    """Return the words behind FUNCTION that make the call of its example, quoted for a shell."""
    arguments = arguments_of(function)
    if arguments is None:
        required = (each for each in function.parameters if each.required)
        return [f"{as_flag(each.name)}={each.name.upper()}" for each in required]
    words: list[str] = []
    for name, value in arguments.items():
        words += _flags_of(function.parameter(name), name, value)
    return words


def arguments_of(function: Function) -> dict[str, JsonValue] | None:
    """Return the arguments of the call in the function's example; None where one is computed."""
    _, call, rest = function.example.partition(f".{function.name}(")
    if not call:
        return None
    if rest.startswith(")"):
        return {}
    try:
        value = _Literal(rest).value()
    except _NotLiteral:
        return None
    return value if isinstance(value, dict) else None


def _flags_of(parameter: Parameter | None, name: str, value: JsonValue) -> Iterator[str]:
    flag = as_flag(name)
    if isinstance(value, str) and "\n" in value:
        yield f"{flag}=@FILE"
    elif isinstance(value, str):
        yield f"{flag}={shlex.quote(value)}"
    elif value is True and parameter is not None and parameter.type == "boolean":
        yield flag
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        yield from (f"{flag}={shlex.quote(str(each))}" for each in value)
    else:
        yield f"{flag}={shlex.quote(jsonvalue.encode(value))}"


class _NotLiteral(Exception):
    """The text is not made of literals."""


class _Literal:
    """Reads one Lua literal from the beginning of a text."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def value(self) -> JsonValue:
        """Return the literal as JSON: a table with keys is an object, one without is an array."""
        token = self._next()
        if token["string"] is not None:
            # What the examples escape (quotes, newlines) Lua and JSON escape alike.
            return jsonvalue.decode(token["string"])
        if token["raw"] is not None:
            return token["raw"]
        if token["long"] is not None:
            return token["long"].removeprefix("\n")
        if token["number"] is not None:
            return jsonvalue.decode(token["number"])
        if token["name"] in _WORDS:
            return _WORDS[token["name"]]
        if token["symbol"] == "{":
            return self._table()
        raise _NotLiteral

    def _table(self) -> JsonValue:
        items: list[JsonValue] = []
        fields: dict[str, JsonValue] = {}
        while not self._skip("}"):
            key = self._key()
            if key is None:
                items.append(self.value())
            else:
                fields[key] = self.value()
            if not (self._skip(",") or self._skip(";") or self._peek("}")):
                raise _NotLiteral
        if items and fields:
            raise _NotLiteral
        return items or fields

    def _key(self) -> str | None:
        """Return the key before `=`, or None before an item."""
        start = self._at
        if self._skip("[") and (key := self.value()) and self._skip("]") and self._skip("="):
            return str(key)
        self._at = start
        token = _TOKEN.match(self._text, self._at)
        if token is not None and token["name"] and token["name"] not in _WORDS:
            self._at = token.end()
            if self._skip("="):
                return token["name"]
        self._at = start
        return None

    def _next(self) -> re.Match[str]:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise _NotLiteral
        self._at = token.end()
        return token

    def _peek(self, symbol: str) -> bool:
        token = _TOKEN.match(self._text, self._at)
        return token is not None and token["symbol"] == symbol

    def _skip(self, symbol: str) -> bool:
        is_next = self._peek(symbol)
        if is_next:
            self._next()
        return is_next
