"""What a request must bring, by the manifest: required query keys and body fields, their types.

CircleCI answers 400 with a message; the words here are ours, and name the field but never its
value, which may be a secret.
"""

from collections.abc import Mapping, Set
from typing import Final

from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode
from kosmo_circleci.simulator.answers import Refusal, bad_request
from kosmo_circleci.simulator.clock import second_of
from kosmo_circleci.simulator.pages import Query

_PYTHON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
}

_MAX_DIGITS: Final = 18
"""The longest number that is read: every 64-bit integer CircleCI counts with is shorter."""

_ENVELOPE: Final = "data"
"""The member that the bodies of API v3 are wrapped in where they create something."""

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
            raise _missing_key(function, parameter)
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
    places = [each for each in function.parameters if each.place == "body"]
    for parameter in places:
        _check_field(parameter, fields)
    if any(each.body_path[0] == _ENVELOPE for each in places):
        _refuse_unknown_members(fields, {each.body_path for each in places})
    return fields


def _missing_key(function: Function, parameter: Parameter) -> Refusal:
    if function.version != "v3":
        return bad_request(f"Missing required query parameter: {parameter.wire}")
    message = f"Query parameter '{parameter.wire}' is required."
    return bad_request(message, title="Missing Required Filter")


def _refuse_unknown_members(
    fields: Mapping[str, JsonValue], allowed: Set[tuple[str, ...]], parents: tuple[str, ...] = ()
) -> None:
    """Refuse (400) a member of the data envelope that no parameter names."""
    for key, value in fields.items():
        place = (*parents, key)
        if place in allowed:
            continue
        if not any(each[: len(place)] == place for each in allowed):
            raise bad_request(f"{'.'.join(place)} is not expected here.", title="Unknown member")
        if isinstance(value, dict):
            _refuse_unknown_members(value, allowed, place)


def _check_text(parameter: Parameter, value: str) -> None:
    if parameter.type == "integer":
        if not _is_number(value):
            raise bad_request(f"{parameter.wire}: expected an integer")
        _check_maximum(parameter, int(value))
    if parameter.type == "boolean" and value not in ("true", "false"):
        raise bad_request(f"{parameter.wire}: expected true or false")
    if parameter.format == "date-time":
        _check_time(parameter, value)
    _check_choice(parameter, value)


def _check_maximum(parameter: Parameter, value: int) -> None:
    # A page that is too long is refused, not made shorter.
    if parameter.maximum is not None and not 1 <= value <= parameter.maximum:
        raise bad_request(
            f"Page limit must be at least 1 and at most {parameter.maximum}.",
            title="Invalid page size",
        )


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
    if isinstance(value, int):
        _check_maximum(parameter, value)
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
