"""Arguments of a tool against its schema: what is converted, what is refused."""

from typing import Any

import pytest

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.mcp_client.arguments import ArgumentSchema


def checked(arguments: Any, schema: Any, call_path: str) -> dict[str, Any]:
    return ArgumentSchema(schema, call_path).checked(arguments)


def _schema(required: tuple[str, ...] = (), **properties: Any) -> Any:
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("schema", "given", "sent"),
    [
        ({"type": "integer"}, "007", 7),
        ({"type": "integer"}, 3.0, 3),
        ({"type": ["integer", "null"]}, "12", 12),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),
        ({"type": ["integer", "string"]}, "12", "12"),
        ({"type": "string"}, 12, "12"),
        ({"type": "string"}, 1.5, "1.5"),
        ({"type": "array"}, {}, []),
        ({"type": "object"}, {}, {}),
        ({"type": "array", "items": {"type": "integer"}}, ["1", 2], [1, 2]),
        ({"type": "object", "properties": {"n": {"type": "string"}}}, {"n": 1}, {"n": "1"}),
        ({}, {"any": [None, 1.0]}, {"any": [None, 1.0]}),
        ({"enum": ["a", "b"]}, "a", "a"),
        ({"$ref": "#/$defs/x"}, 1, 1),
    ],
)
def test_a_value_that_fits_is_sent_converted_where_lua_cannot_say_it(
    schema: Any, given: Any, sent: Any
) -> None:
    values = checked({"p": given}, _schema(p=schema), "app.mcp.s.t")
    assert (values, type(values["p"])) == ({"p": sent}, type(sent))


@pytest.mark.parametrize(
    ("schema", "given", "message"),
    [
        ({"type": "integer"}, 1.5, "takes an integer, got number 1.5."),
        ({"type": "integer"}, True, "takes an integer, got boolean true."),
        ({"type": "string"}, True, "takes a string, got boolean true."),
        ({"type": "string"}, ["x"], "takes a string, got an array."),
        ({"type": "boolean"}, "yes", 'takes a boolean, got string "yes".'),
        ({"type": ["string", "null"]}, [1], "takes null or a string, got an array."),
        (
            {"type": "string", "enum": ["asc", "desc"]},
            "ascc",
            "takes one of: asc, desc; got string \"ascc\". Did you mean 'asc'?",
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            [],
            "takes an integer or null, got an array.",
        ),
        (
            {"type": "integer", "maximum": 100},
            500,
            "must satisfy maximum 100, got integer 500.",
        ),
        (
            {"type": "string", "minLength": 3},
            "x",
            'must satisfy minLength 3, got string "x".',
        ),
        ({"const": "on"}, "off", 'must satisfy const "on", got string "off".'),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {},
            "must satisfy 'anyOf' of the tool's schema, got an object.",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_named(schema: Any, given: Any, message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        checked({"p": given}, _schema(p=schema), "app.mcp.s.t")
    assert raised.value.fields() == {
        "type": "validation",
        "message": f"app.mcp.s.t: Parameter 'p' {message}",
        "function_name": "app.mcp.s.t",
    }


def test_everything_wrong_is_said_at_once() -> None:
    schema = _schema(("path", "mode"), path={"type": "string"}, mode={"type": "integer"})
    with pytest.raises(ValidationError) as raised:
        checked({"pth": "x", "mode": "x"}, schema, "app.mcp.s.t")
    assert raised.value.message == (
        "app.mcp.s.t: Unknown parameter 'pth'. Did you mean 'path'? "
        "Parameter 'mode' takes an integer, got string \"x\". Missing required parameter(s): path"
    )


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "object"},
        _schema() | {"additionalProperties": True},
        _schema(a={}) | {"additionalProperties": {"type": "string"}},
        _schema(a={}) | {"anyOf": [{"required": ["a"]}, {"required": ["x-any"]}]},
        _schema(a={}) | {"patternProperties": {"^x-": {}}},
    ],
)
def test_a_schema_that_leaves_names_open_takes_any(schema: Any) -> None:
    assert checked({"x-any": 1}, schema, "app.mcp.s.t") == {"x-any": 1}


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_no_arguments_are_an_empty_object(nothing: Any) -> None:
    assert checked(nothing, _schema(), "app.mcp.s.t") == {}


def test_a_list_is_no_set_of_arguments_and_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as raised:
        checked(["s3cret"], _schema(a={}), "app.mcp.s.t")
    assert raised.value.message == (
        "app.mcp.s.t: the arguments are an array; a tool takes one table of named arguments: "
        "app.mcp.s.t({name = value})"
    )


def test_values_inside_objects_and_lists_are_checked_and_named_by_their_path() -> None:
    window = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["unit"]}
    schema = _schema(window=window, ids={"type": "array", "items": {"type": "string"}})
    with pytest.raises(ValidationError) as raised:
        checked({"window": {"days": "x"}, "ids": ["a", True]}, schema, "app.mcp.s.t")
    assert raised.value.message == (
        "app.mcp.s.t: Parameter 'window.days' takes an integer, got string \"x\". "
        "Parameter 'window' lacks unit. "
        "Parameter 'ids.1' takes a string, got boolean true."
    )


def test_rules_for_the_arguments_as_a_whole_count() -> None:
    schema = _schema(a={}, b={}) | {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    with pytest.raises(ValidationError) as raised:
        checked({}, schema, "app.mcp.s.t")
    assert raised.value.message == (
        "app.mcp.s.t: The arguments must satisfy 'anyOf' of the tool's schema."
    )


def test_a_definition_the_schema_refers_to_counts() -> None:
    schema = _schema(when={"$ref": "#/$defs/day"}) | {"$defs": {"day": {"type": "string"}}}
    with pytest.raises(ValidationError, match=r"Parameter 'when' takes a string, got an array\.$"):
        checked({"when": []}, schema, "app.mcp.s.t")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "hunter22"),
        ({"enum": ["a", "hunter23"]}, "hunter22"),
        ({"type": "string", "maxLength": 3}, "hunter22"),
    ],
)
def test_the_value_of_a_parameter_with_the_name_of_a_secret_is_not_repeated(
    schema: Any, value: str
) -> None:
    for given, properties in (
        ({"api_token": value}, {"api_token": schema}),
        ({"login": {"password": value}}, {"login": {"properties": {"password": schema}}}),
    ):
        with pytest.raises(ValidationError, match=r"got a string\.$") as raised:
            checked(given, _schema(**properties), "app.mcp.s.t")
        assert value not in raised.value.message


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": []},
        {"type": "object", "required": "a"},
        {"type": "nothing"},
        {"properties": {"a": 7}},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$schema": "http://127.0.0.1:9/dialect"},
        {"anyOf": 3},
        [],
        "text",
    ],
)
def test_a_schema_that_cannot_be_used_lets_the_server_decide(schema: Any) -> None:
    assert checked({"a": [1]}, schema, "app.mcp.s.t") == {"a": [1]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^(a|aa)+$"}, "a" * 60 + "!"),
        ({"type": "array", "uniqueItems": True}, [{"n": n} for n in range(20_000)]),
        ({"type": "object", "patternProperties": {"^(a|aa)+$": {}}}, {"a" * 60 + "!": 1}),
    ],
)
def test_what_would_take_for_ever_to_check_is_left_to_the_server(schema: Any, value: Any) -> None:
    assert checked({"a": value}, _schema(a=schema), "app.mcp.s.t") == {"a": value}
