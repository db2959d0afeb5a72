"""Arguments of a tool, checked against its `inputSchema` at the top level.

The server checks the rest. What is checked here is what a script gets wrong: a name that is missing
or misspelt, a value of the wrong type. The few conversions are those of the CircleCI functions:
digits where an integer belongs, a number where a string belongs, and Lua's `{}` for an empty array.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import nearest, printable, shorten, show

_PARTS: Final = ("anyOf", "oneOf", "allOf", "$ref", "if", "patternProperties")
_WORDS: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def checked(given: JsonValue, schema: JsonValue, call_path: str) -> dict[str, JsonValue]:
    """Return the arguments to send; `given` is an object of them, None or an empty list for none.

    Raises one `ValidationError` that lists everything wrong: unknown names, missing ones, types.
    """
    if given is None or given == []:
        given = {}
    if not isinstance(given, dict):
        raise ValidationError(
            f"{call_path}: the arguments are {show(given, hidden=True)}; a tool takes one table "
            f"of named arguments: {call_path}({{name = value}})",
            function_name=call_path,
        )
    described: Any = schema if isinstance(schema, dict) else {}
    properties: dict[str, Any] = described.get("properties") or {}
    values = {name: _fitted(value, properties.get(name)) for name, value in given.items()}
    faults = [
        *_unknown(values, properties, described),
        *(
            fault
            for name, value in values.items()
            for fault in _type_fault(name, value, properties.get(name))
        ),
        *_missing(values, described),
    ]
    if faults:
        raise ValidationError(f"{call_path}: {' '.join(faults)}", function_name=call_path)
    return values


def _unknown(
    given: Mapping[str, JsonValue], properties: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[str]:
    open_ended = schema.get("additionalProperties") not in (None, False)
    if open_ended or any(part in schema for part in _PARTS):
        return
    if not properties and "additionalProperties" not in schema:
        return
    for name in given:
        if name in properties:
            continue
        near = nearest(name, properties)
        known = f"Known: {', '.join(properties)}." if properties else "It takes none."
        hint = f"Did you mean '{near}'?" if near else known
        yield f"Unknown parameter '{printable(shorten(name))}'. {hint}"


def _missing(given: Mapping[str, JsonValue], schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required") or []
    absent = [str(name) for name in required if name not in given]
    if absent:
        yield f"Missing required parameter(s): {', '.join(absent)}"


def _fitted(value: JsonValue, schema: Any) -> JsonValue:
    kinds = _kinds(schema)
    if value == {} and isinstance(value, dict) and "array" in kinds and "object" not in kinds:
        return []
    if isinstance(value, dict):
        inner = schema.get("properties") or {} if isinstance(schema, dict) else {}
        return {name: _fitted(each, inner.get(name)) for name, each in value.items()}
    if isinstance(value, list):
        items = schema.get("items") if isinstance(schema, dict) else None
        return [_fitted(each, items) for each in value]
    if "integer" in kinds and not {"string", "number"} & kinds:
        return _as_integer(value)
    if kinds == {"string"} and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _as_integer(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 300:
        return int(value)
    return value


def _kinds(schema: Any) -> set[str]:
    """Return the types a schema names at its top; empty where it does not say it that way."""
    if not isinstance(schema, dict):
        return set()
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return {str(each) for each in kind}
    branches = [_kinds(each) for each in schema.get("anyOf") or schema.get("oneOf") or []]
    return set().union(*branches) if branches and all(branches) else set()


def _type_fault(name: str, value: JsonValue, schema: Any) -> Iterator[str]:
    kinds = _kinds(schema)
    if kinds and not any(_fits(value, kind) for kind in kinds):
        takes = " or ".join(_WORDS.get(kind, kind) for kind in sorted(kinds))
        yield f"Parameter '{name}' takes {takes}, got {show(value)}."
        return
    choices = schema.get("enum") if isinstance(schema, dict) else None
    if isinstance(choices, list) and value not in choices:
        words = [str(each) for each in choices]
        near = nearest(str(value), words)
        hint = f" Did you mean '{near}'?" if near else ""
        yield f"Parameter '{name}' takes one of: {', '.join(words)}; got {show(value)}.{hint}"


def _fits(value: JsonValue, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    types: dict[str, Any] = {
        "string": str,
        "boolean": bool,
        "number": (int, float),
        "object": dict,
        "array": list,
        "null": type(None),
    }
    return kind not in types or isinstance(value, types[kind])
