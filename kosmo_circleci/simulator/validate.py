"""What a request must bring, by the manifest: required query keys and body fields, their types.

CircleCI answers 400 with a message; the words here are ours, and name the field but never its
value, which may be a secret.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode
from kosmo_circleci.simulator.answers import Refusal, bad_request
from kosmo_circleci.simulator.clock import second_of

Query: TypeAlias = Mapping[str, tuple[str, ...]]

_PYTHON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
}

_MAX_DIGITS: Final = 18
"""The longest number that is read: every 64-bit integer CircleCI counts with is shorter."""

_READ_AS_JSON: Final = frozenset({"application/json", "application/x-www-form-urlencoded"})


def check_path(function: Function, path: Mapping[str, str]) -> None:
    """Refuse (400) a path parameter that must be a number and is none."""
    for parameter in function.parameters:
        if parameter.place == "path" and parameter.type == "integer":
            _check_text(parameter, path[parameter.name])


def check_query(function: Function, query: Query) -> None:
    """Refuse (400) a query that lacks a required key, or has a value its key does not take."""
    for parameter in function.parameters:
        if parameter.place != "query":
            continue
        values = [value for value in query.get(parameter.wire, ()) if value]
        if parameter.required and not values:
            raise bad_request(f"Missing required query parameter: {parameter.wire}")
        for value in values:
            _check_text(parameter, value)


def read_body(
    function: Function, body: bytes | None, content_type: str | None
) -> dict[str, JsonValue]:
    """Return the JSON object of the body, {} if the operation takes none or none was sent.

    Refuses with 415 a body that says it is something else than JSON or a form, which is what curl
    says of any body; with 400 one that is not a JSON object, lacks a required field, or has a field
    of another type than the documented one.
    """
    if not function.has_body:
        return {}
    if body and content_type is not None and not _may_be_json(content_type):
        raise Refusal(
            415, "Unsupported media type: send the body with Content-Type: application/json."
        )
    try:
        fields = decode(body) if body else {}
    except JsonError:
        raise bad_request("The request body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise bad_request("The request body must be a JSON object.")
    for parameter in function.parameters:
        if parameter.place == "body":
            _check_field(parameter, fields)
    return fields


def _check_text(parameter: Parameter, value: str) -> None:
    if parameter.type == "integer" and not _is_number(value):
        raise bad_request(f"{parameter.wire}: expected an integer")
    if parameter.type == "boolean" and value not in ("true", "false"):
        raise bad_request(f"{parameter.wire}: expected true or false")
    if parameter.format == "date-time":
        _check_time(parameter, value)
    _check_choice(parameter, value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _check_field(parameter: Parameter, body: Mapping[str, JsonValue]) -> None:
    value: JsonValue = dict(body)
    for key in parameter.body_path:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        if parameter.required and parameter.part_of is None:
            raise bad_request(f"{parameter.wire}: this field is required")
        return
    # True and False are integers to Python, not to JSON.
    wrong_bool = isinstance(value, bool) and parameter.type != "boolean"
    if wrong_bool or not isinstance(value, _PYTHON_TYPES[parameter.type]):
        raise bad_request(f"{parameter.wire}: expected {_with_article(parameter.type)}")
    if parameter.format == "date-time":
        _check_time(parameter, str(value))
    for each in value if isinstance(value, list) else [value]:
        if isinstance(value, list):
            _check_item(parameter, each)
        _check_choice(parameter, each)


def _check_item(parameter: Parameter, item: JsonValue) -> None:
    if isinstance(item, bool) or not isinstance(item, _PYTHON_TYPES[parameter.items]):
        raise bad_request(f"{parameter.wire}: expected an array of {parameter.items}s")


def _check_time(parameter: Parameter, text: str) -> None:
    try:
        second_of(text)
    except ValueError:
        example = "2025-01-15T10:00:00Z"
        raise bad_request(f"{parameter.wire}: expected a time such as {example}") from None


def _check_choice(parameter: Parameter, value: JsonValue) -> None:
    if parameter.enum and value not in parameter.enum:
        raise bad_request(f"{parameter.wire}: expected one of {', '.join(parameter.enum)}")


def _may_be_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in _READ_AS_JSON or media_type.endswith("+json")


def _with_article(type_name: str) -> str:
    return f"an {type_name}" if type_name[0] in "aeiou" else f"a {type_name}"
