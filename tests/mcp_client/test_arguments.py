"""Arguments of a tool against its schema: what is converted, what is refused."""

from typing import Any

import pytest

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.mcp_client.arguments import checked


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
        _schema(a={}) | {"anyOf": [{"required": ["a"]}]},
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
