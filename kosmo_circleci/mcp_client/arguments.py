"""Arguments of a tool, converted where Lua cannot say it and checked against its `inputSchema`.

The conversions are those of the CircleCI functions: digits where an integer belongs, a number where
a string belongs, and Lua's `{}` for an empty array. Names, with suggestions, are checked here, what
values may be by `jsonschema`; what that would take long for is left to the server.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import names_a_secret
from kosmo_circleci.wording import nearest, printable, shorten, show

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError as SchemaViolation
    from jsonschema.protocols import Validator

_PARTS: Final = ("anyOf", "oneOf", "allOf", "$ref", "if", "patternProperties")
_TYPE_NAMES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}

# A pattern may backtrack for ever, and comparing all pairs of a list takes long; names are checked
# here. All of these are the server's to check.
_LEFT_TO_THE_SERVER: Final = (
    *("pattern", "patternProperties", "propertyNames", "format", "uniqueItems"),
    *("additionalProperties", "unevaluatedProperties", "unevaluatedItems"),
)


class ArgumentSchema:
    """What one tool takes: its `inputSchema`, which may be anything.

    `call_path` is how errors name the tool.
    """

    def __init__(self, schema: JsonValue, call_path: str) -> None:
        self._schema: dict[str, Any] = schema if isinstance(schema, dict) else {}
        self._call_path = call_path
        self.properties: dict[str, Any] = _object(self._schema.get("properties"))

    def checked(self, arguments: JsonValue) -> dict[str, JsonValue]:
        """Return the arguments to send; None or an empty list stand for none.

        Raises one `ValidationError` that lists everything wrong: unknown names, missing ones,
        values that do not fit.
        """
        if arguments is None or arguments == []:
            arguments = {}
        if not isinstance(arguments, dict):
            raise self._invalid(
                f"the arguments are {show(arguments, hidden=True)}; a tool takes one table of "
                f"named arguments: {self._call_path}({{name = value}})"
            )
        values = {
            name: _converted(value, self.properties.get(name)) for name, value in arguments.items()
        }
        faults = [*self._unknown(values), *self._unfit(values), *self._missing(values)]
        if faults:
            raise self._invalid(" ".join(faults))
        return values

    def _invalid(self, what: str) -> ValidationError:
        return ValidationError(f"{self._call_path}: {what}", function_name=self._call_path)

    def _unknown(self, values: Mapping[str, JsonValue]) -> Iterator[str]:
        is_open = self._schema.get("additionalProperties") not in (None, False)
        if is_open or any(part in self._schema for part in _PARTS):
            return
        if not self.properties and "additionalProperties" not in self._schema:
            return
        for name in values:
            if name in self.properties:
                continue
            near = nearest(name, self.properties)
            names = printable(", ".join(self.properties))
            takes = f"It takes: {names}." if names else "It takes none."
            hint = f"Did you mean '{printable(near)}'?" if near else takes
            yield f"Unknown parameter '{printable(shorten(name))}'. {hint}"

    def _missing(self, values: Mapping[str, JsonValue]) -> Iterator[str]:
        required = self._schema.get("required")
        names = required if isinstance(required, list) else []
        absent = [str(name) for name in names if name not in values]
        if absent:
            yield f"Missing required parameter(s): {', '.join(absent)}"

    def _unfit(self, values: Mapping[str, JsonValue]) -> Iterator[str]:
        if self._validator is None:
            return
        from referencing.exceptions import Unresolvable

        try:
            for violation in self._validator.iter_errors(values):
                path = [str(part) for part in violation.absolute_path]
                # Missing names of the whole are listed together, by `_missing`.
                if path or violation.validator != "required":
                    yield _sentence(violation, path)
        except (Unresolvable, RecursionError):
            return  # the schema leads elsewhere, or round in circles

    @cached_property
    def _validator(self) -> "Validator | None":
        if not self._schema:
            return None
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator, extend, validator_for
        from referencing import Registry

        dialect = validator_for(self._schema, default=Draft202012Validator)
        try:
            dialect.check_schema(self._schema)
        except (SchemaError, RecursionError):
            return None
        checks: Any = extend(dialect, dict.fromkeys(_LEFT_TO_THE_SERVER, _accept))  # type: ignore[no-untyped-call]
        # An empty registry: a `$ref` to an address is not fetched.
        validator: Validator = checks(self._schema, registry=Registry())
        return validator


def kinds(schema: Any) -> set[str]:
    """Return the types a schema names at its top; empty where it does not say it that way."""
    if not isinstance(schema, dict):
        return set()
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return {str(each) for each in kind}
    choices = schema.get("anyOf") or schema.get("oneOf")
    branches = [kinds(each) for each in choices] if isinstance(choices, list) else []
    return set().union(*branches) if branches and all(branches) else set()


def _accept(*_: object) -> Iterator["SchemaViolation"]:
    return iter(())


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _converted(value: JsonValue, schema: Any) -> JsonValue:
    types, inner = kinds(schema), _object(schema)
    if value == {} and isinstance(value, dict) and "array" in types and "object" not in types:
        return []
    if isinstance(value, dict):
        properties = _object(inner.get("properties"))
        return {name: _converted(each, properties.get(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_converted(each, inner.get("items")) for each in value]
    if "integer" in types and not {"string", "number"} & types:
        return _as_integer(value)
    if types == {"string"} and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _as_integer(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 300:
        return int(value)
    return value


def _sentence(violation: "SchemaViolation", path: list[str]) -> str:
    """Say what is wrong with the value at `path`, without the value where it may be a secret."""
    rule, limit = violation.validator, cast(Any, violation.validator_value)
    if not path:
        return f"The arguments must satisfy '{rule}' of the tool's schema."
    subject = f"Parameter '{printable(shorten('.'.join(path)))}'"
    is_secret = any(map(names_a_secret, path))
    instance: Any = violation.instance
    value = show(instance, hidden=is_secret)
    if _is_about_types(violation):
        names = [_TYPE_NAMES.get(kind, printable(kind)) for kind in sorted(kinds(violation.schema))]
        return f"{subject} takes {' or '.join(names)}, got {value}."
    if rule == "enum" and isinstance(limit, list):
        return _outside_enum(subject, limit, instance, value, is_secret=is_secret)
    if rule == "required":
        absent = [str(name) for name in limit if name not in instance]
        return f"{subject} lacks {', '.join(absent)}."
    if isinstance(limit, int | float | str):
        return f"{subject} must satisfy {rule} {shorten(printable(encode(limit)))}, got {value}."
    return f"{subject} must satisfy '{rule}' of the tool's schema, got {value}."


def _is_about_types(violation: "SchemaViolation") -> bool:
    if violation.validator in ("anyOf", "oneOf"):
        return all(each.validator == "type" and not each.path for each in violation.context)
    return violation.validator == "type"


def _outside_enum(
    subject: str, choices: list[Any], instance: Any, value: str, *, is_secret: bool
) -> str:
    words = [printable(str(each)) for each in choices]
    near = None if is_secret else nearest(str(instance), words)
    hint = f" Did you mean '{near}'?" if near else ""
    return f"{subject} takes one of: {', '.join(words)}; got {value}.{hint}"
