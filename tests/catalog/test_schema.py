"""Function -> JSON Schema, as an agent host or `integrations:schema` shows it."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Shape
from kosmo_circleci.catalog.schema import answer_schema, parameters_schema
from kosmo_circleci.catalog.validate import parse


def test_a_read_has_its_parameters_and_the_pass_through_query(manifest: dict[str, Any]) -> None:
    assert parameters_schema(parse(manifest)["get_widget"]) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "get_widget",
        "description": "Get a widget.",
        "type": "object",
        "properties": {
            "widget_id": {"type": "string", "description": "Its id."},
            "query": {
                "type": "object",
                "description": "Further documented query parameters, by their wire names.",
            },
        },
        "required": ["widget_id"],
        "additionalProperties": False,
    }


def test_a_required_object_may_be_given_through_its_conveniences(manifest: dict[str, Any]) -> None:
    schema = parameters_schema(parse(manifest)["make_widget"])
    assert schema["required"] == []
    assert schema["allOf"] == [{"anyOf": [{"required": ["owner"]}, {"required": ["owner_id"]}]}]
    assert list(schema["properties"]) == ["owner", "owner_id", "query", "payload"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "parameter", "schema"),
    [
        ("list_contexts", "owner_type", {"type": "string", "enum": ["account", "organization"]}),
        ("create_project_env_var", "value", {"type": "string", "writeOnly": True}),
        (
            "create_webhook",
            "events",
            {
                "type": "array",
                "items": {"type": "string", "enum": ["workflow-completed", "job-completed"]},
            },
        ),
        (
            "get_project_insights_summary",
            "branches",
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        ),
        ("get_job_details", "job_number", {"type": "integer"}),
        ("get_pipeline", "pipeline_id", {"type": "string", "format": "uuid"}),
        ("api_get", "query", {"type": "object"}),
    ],
)
def test_a_parameter_says_what_it_takes(
    function: str, parameter: str, schema: dict[str, Any]
) -> None:
    properties: Any = parameters_schema(load_catalog()[function])["properties"]
    shown = dict(properties[parameter])
    assert shown.pop("description")
    shown.pop("default", None)
    assert shown == schema


def test_every_function_has_a_schema_that_closes_its_names() -> None:
    for function in load_catalog().functions():
        schema: Any = parameters_schema(function)
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        assert all(each.get("description") for each in schema["properties"].values())


def test_an_answer_has_a_schema_with_its_units() -> None:
    catalog = load_catalog()
    schema: Any = answer_schema(catalog.result_shape(catalog["get_job_details"]))
    assert schema["properties"]["duration"] == {
        "anyOf": [
            {"type": "integer", "description": "In milliseconds.", "x-unit": "ms"},
            {"type": "null"},
        ]
    }
    assert schema["properties"]["pipeline"] == {
        "type": "object",
        "properties": {"id": {"type": "string", "format": "uuid"}},
        "required": ["id"],
    }
    assert "stopped_at" not in schema["required"]
    assert schema["properties"]["contexts"]["type"] == "array"


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        (Shape("any"), {}),
        (Shape("nothing"), {"type": "object", "properties": {}}),
        (
            Shape("map", item=Shape("scalar", "string", enum=("a", "b"))),
            {"type": "object", "additionalProperties": {"type": "string", "enum": ["a", "b"]}},
        ),
    ],
)
def test_a_shape_has_a_schema(shape: Shape, schema: dict[str, Any]) -> None:
    assert answer_schema(shape) == schema
