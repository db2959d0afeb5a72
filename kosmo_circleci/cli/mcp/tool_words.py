"""Words of `kosmo mcp:call` -> the arguments of a tool, by its schema.

How a word becomes a value is the business of `call_arguments`, which knows functions. So a tool is
described as one, as far as the words need it; what its schema says beyond that is done here.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.model import Function, Parameter, ParameterType
from kosmo_circleci.cli.call import call_arguments
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.masking import names_a_secret
from kosmo_circleci.mcp_client.arguments import kinds
from kosmo_circleci.mcp_client.tool import Tool

_TYPES: Final[tuple[ParameterType, ...]] = ("string", "boolean", "integer", "array", "object")


class Words:
    """The words behind SERVER.TOOL; what no tool could take is refused before one is started."""

    def __init__(self, words: Sequence[str]) -> None:
        """Read the JSON argument, where it comes first. Raises `UsageError`."""
        flags = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
        if flags > 1:
            raise UsageError(_TWO_ARGUMENTS)
        self._json = _object(words[0]) if flags else None
        self._rest = words[flags:]

    def arguments(self, tool: Tool) -> dict[str, JsonValue]:
        """Return the arguments for `tool`; a flag wins over the JSON argument.

        A flag may be written with other separators and case: `--max-items` is `maxItems`. Raises
        `UsageError`.
        """
        function = _as_function(tool)
        words = [_as_named(word, tool.arguments.properties) for word in self._rest]
        split = call_arguments.split(function, words)
        if split.json_text is not None and self._json is not None:
            raise UsageError(_TWO_ARGUMENTS)
        given = self._json or {}
        if split.json_text is not None:
            given = _object(split.json_text)
        flags = call_arguments.typed(function, split.flags, None)
        properties = tool.arguments.properties
        return given | {name: _decoded(v, properties.get(name)) for name, v in flags.items()}


_TWO_ARGUMENTS: Final = "Give one JSON argument; single values are written as --key=value."


def _as_function(tool: Tool) -> Function:
    properties = tool.arguments.properties
    return Function(
        name=tool.name,
        kind=tool.kind,
        method="POST",
        path=tool.path,
        operation="raw",
        group="",
        summary="",
        parameters=tuple(_parameter(name, schema) for name, schema in properties.items()),
        example="",
        related=(),
    )


def _parameter(name: str, schema: Any) -> Parameter:
    types = kinds(schema)
    items = kinds(schema.get("items")) if isinstance(schema, dict) else set()
    return Parameter(
        name,
        name,
        "body",
        # What is not named here is a text first, and decoded later.
        next((each for each in _TYPES if each in types), "string"),
        "",
        items="integer" if items == {"integer"} else "string",
        secret=names_a_secret(name),
    )


def _as_named(word: str, properties: Mapping[str, Any]) -> str:
    if not word.startswith("--"):
        return word
    flag, equals, value = word[2:].partition("=")
    head, dot, key = flag.partition(".")
    name = next(_names_like(head, properties), head)
    return f"--{name}{dot}{key}{equals}{value}"


def _names_like(flag: str, properties: Mapping[str, Any]) -> Iterator[str]:
    if flag in properties:
        yield flag
    yield from (name for name in properties if _folded(name) == _folded(flag))


def _folded(name: str) -> str:
    return name.replace("-", "").replace("_", "").casefold()


def _decoded(value: JsonValue, schema: Any) -> JsonValue:
    """Return a text as the JSON value it is, where the schema has no text in its place."""
    if isinstance(value, list):
        items = schema.get("items") if isinstance(schema, dict) else None
        return [_decoded(each, items) for each in value]
    types = kinds(schema)
    if not isinstance(value, str) or "string" in types or types == {"boolean"}:
        return value
    try:
        return jsonvalue.decode(value)
    except JsonError:
        return value


def _object(word: str) -> dict[str, JsonValue]:
    if word == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        return call_arguments.object_of(text, "Standard input")
    if not word.startswith("@"):
        return call_arguments.object_of(word, "The JSON argument")
    try:
        return call_arguments.object_of(Path(word[1:]).read_text("utf-8"), word)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise UsageError(f"{word}: {reason}.") from None
