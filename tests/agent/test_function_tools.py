"""One tool per function."""

import json
from typing import Any

import pytest

from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.function_tools import FunctionTools
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.errors import ValidationError

DEFINITIONS: Any = {
    each["name"]: each for each in FunctionTools(Executions(ServeOptions())).definitions()
}
SLUG = "gh/example-org/example-repo"


def test_every_function_is_a_tool() -> None:
    assert list(DEFINITIONS) == [each.tool_name for each in load_catalog().functions()]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_tool_has_a_description_a_schema_and_hints(name: str) -> None:
    tool = DEFINITIONS[name]
    function = next(each for each in load_catalog().functions() if each.tool_name == name)
    assert tool["description"].startswith(function.summary)
    schema = tool["inputSchema"]
    assert schema["type"] == "object"
    assert set(schema["required"]) <= set(schema["properties"])
    assert {each.name for each in function.parameters} <= set(schema["properties"])
    assert tool["annotations"]["readOnlyHint"] is (function.kind == "read")


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("get_pipeline", {"readOnlyHint": True}),
        ("trigger_pipeline", (False, False)),
        ("create_context", (False, False)),
        ("rerun_workflow", (False, False)),
        ("create_project_env_var", (True, False)),
        ("cancel_workflow", (True, False)),
        ("rollback_project", (True, False)),
        ("update_webhook", (True, True)),
        ("update_schedule", (True, False)),
        ("delete_context", (True, True)),
        ("api_post", (True, False)),
        ("api_delete", (True, True)),
    ],
)
def test_hints_tell_what_a_call_does_to_what_is_there(name: str, hints: Any) -> None:
    if isinstance(hints, tuple):
        destructive, idempotent = hints
        hints = {
            "readOnlyHint": False,
            "destructiveHint": destructive,
            "idempotentHint": idempotent,
        }
    assert DEFINITIONS[f"circleci_{name}"]["annotations"] == hints


def test_a_tool_answers_with_the_value_of_its_function(use: Any) -> None:
    result = use("circleci_get_project", project_slug=SLUG)
    assert (result.structured["slug"], result.is_error) == (SLUG, False)
    assert json.loads(result.text) == result.structured


def test_a_value_that_is_no_object_is_wrapped(use: Any) -> None:
    result = use("circleci_api_get", path="/me/collaborations")
    assert list(result.structured) == ["result"]
    assert isinstance(result.structured["result"], list)


def test_an_error_has_all_its_fields(use: Any) -> None:
    result = use("circleci_get_project", project_slug="gh/no/where")
    fields = dict(result.structured)
    assert fields.pop("request_id")
    assert fields == {
        "type": "api",
        "message": "CircleCI API error (404): Project not found",
        "function_name": "get_project",
        "status": 404,
        "method": "GET",
        "path": "/api/v2/project/gh/no/where",
        "body": {"message": "Project not found"},
        "attempts": 1,
        "writes": {"done": 0, "refused": 0, "unknown": 0},
        "rerun": "safe",
    }
    assert result.text == "error: CircleCI API error (404): Project not found"
    assert result.is_error


def test_arguments_are_checked_as_everywhere(use: Any) -> None:
    result = use("circleci_get_project", projectslug=SLUG)
    assert result.structured["type"] == "validation"
    assert "Did you mean 'project_slug'?" in result.text


def test_a_write_is_refused_unless_the_server_allows_writes(use: Any) -> None:
    refused = use("circleci_trigger_pipeline", project_slug=SLUG)
    assert refused.structured["type"] == "permission"
    assert "--write=allow" in refused.text
    assert "--force" not in refused.text
    allowed = use("circleci_trigger_pipeline", write="allow", project_slug=SLUG, branch="main")
    assert allowed.structured["state"]


def test_an_unknown_tool_and_account_are_named(use: Any) -> None:
    with pytest.raises(ValidationError, match="Did you mean 'circleci_get_pipeline'"):
        use("circleci_get_pipelin")
    with pytest.raises(ValidationError, match="'account' must be a string"):
        use("circleci_get_project", account=1)
    result = use("circleci_get_current_user", account="nope")
    assert result.structured["type"] == "configuration"
