"""Function -> JSON Schema, as an agent host or `integrations:schema` shows it."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.schema import parameters_schema
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
