"""Pipeline definitions and their triggers."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

DEFINITIONS = "/projects/project-uuid/pipeline-definitions"
TRIGGERS = f"{DEFINITIONS}/definition-uuid/triggers"
REPO = {"full_name": "example-org/example-repo", "external_id": "123456789"}
NOW = "2025-01-15T10:00:05.000Z"


def test_a_definition_of_nothing_is_the_projects_own_repository(ask: Ask) -> None:
    status, created = ask("POST", DEFINITIONS, {})
    assert (status, created) == (
        200,
        {
            "id": created["id"],
            "name": "example-repo",
            "description": "",
            "created_at": NOW,
            "config_source": {
                "provider": "github_app",
                "repo": REPO,
                "file_path": ".circleci/config.yml",
            },
            "checkout_source": {"provider": "github_app", "repo": REPO},
        },
    )
    listed = ask("GET", DEFINITIONS)[1]
    assert [each["id"] for each in listed["items"]] == ["definition-uuid", created["id"]]
    assert ask("GET", f"{DEFINITIONS}/{created['id']}") == (200, created)


def test_a_definition_changes_only_where_it_is_given(ask: Ask) -> None:
    before = ask("GET", f"{DEFINITIONS}/definition-uuid")[1]
    source = {"provider": "circleci", "file_path": "release.yml"}
    change = {"name": "release", "config_source": source}
    assert ask("PATCH", f"{DEFINITIONS}/definition-uuid", change) == (200, before | change)


def test_a_deleted_definition_takes_its_triggers_along(ask: Ask) -> None:
    assert ask("DELETE", f"{DEFINITIONS}/definition-uuid") == (204, None)
    path = "/projects/project-uuid/triggers/trigger-uuid"
    assert ask("GET", path) == (404, {"message": "Trigger not found"})
    assert ask("GET", TRIGGERS) == (404, {"message": "Pipeline definition not found"})


def test_a_definition_belongs_to_one_project(ask: Ask) -> None:
    path = "/projects/another-project-uuid/pipeline-definitions/definition-uuid"
    assert ask("GET", path) == (404, {"message": "Pipeline definition not found"})


def test_a_run_names_a_definition_that_exists(ask: Ask) -> None:
    path = "/project/gh/example-org/example-repo/pipeline/run"
    assert ask("POST", path, {"definition_id": "definition-uuid"})[0] == 201
    assert ask("POST", path, {"definition_id": "nothing-uuid"}) == (
        404,
        {"message": "Pipeline definition not found"},
    )


def test_a_trigger_is_created_changed_and_deleted(ask: Ask) -> None:
    status, created = ask("POST", TRIGGERS, {})
    assert (status, created) == (
        200,
        {
            "id": created["id"],
            "created_at": NOW,
            "event_source": {"provider": "github_app", "repo": REPO},
            "event_preset": "all-pushes",
            "disabled": False,
        },
    )
    path = f"/projects/project-uuid/triggers/{created['id']}"
    change = {"disabled": True, "event_preset": "only-tags"}
    assert ask("PATCH", path, change) == (200, created | change)
    assert [each["id"] for each in ask("GET", TRIGGERS)[1]["items"]] == [
        "trigger-uuid",
        created["id"],
    ]
    assert ask("DELETE", path) == (204, None)
    assert ask("DELETE", path) == (404, {"message": "Trigger not found"})


def test_a_trigger_by_webhook_has_an_address_to_call(ask: Ask) -> None:
    body = {
        "event_source": {"provider": "webhook", "webhook": {"sender": "our-bot"}},
        "event_name": "released",
        "checkout_ref": "main",
        "config_ref": "main",
    }
    status, created = ask("POST", TRIGGERS, body)
    assert (status, created["event_source"]["webhook"]["sender"]) == (200, "our-bot")
    assert created["event_source"]["webhook"]["url"].startswith("https://")
    assert "event_preset" not in created


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"event_source": {"provider": "gitlab"}},
            "event_source.provider: expected one of github_app, github_oauth, webhook",
        ),
        (
            {"event_source": {"provider": "github_app"}},
            "event_source.repo: this field is required",
        ),
        (
            {"event_source": {"provider": "webhook"}},
            "checkout_ref: this field is required for the event source webhook",
        ),
        ({"event_name": "released"}, "event_name: only for the event source webhook"),
        (
            {
                "event_source": {"provider": "webhook"},
                "checkout_ref": "main",
                "config_ref": "main",
                "event_preset": "all-pushes",
            },
            "event_preset: only for the event source github_app",
        ),
    ],
)
def test_a_trigger_that_contradicts_itself_is_refused(
    ask: Ask, body: dict[str, Any], message: str
) -> None:
    assert ask("POST", TRIGGERS, body) == (400, {"message": message})


def test_a_configuration_from_nowhere_is_refused(ask: Ask) -> None:
    assert ask("POST", DEFINITIONS, {"config_source": {"provider": "gitlab"}}) == (
        400,
        {"message": "config_source.provider: expected one of github_app, github_oauth, circleci"},
    )


@pytest.mark.parametrize(
    ("source", "errors"),
    [("version: 2.1\n", []), ("jobs: {}\n", [{"message": "version: this key is required"}])],
)
def test_a_configuration_without_a_version_does_not_compile(
    ask: Ask, source: str, errors: list[dict[str, str]]
) -> None:
    status, compiled = ask("POST", "/compile-config-with-defaults", {"config_yaml": source})
    assert (status, compiled["valid"], compiled["errors"]) == (200, not errors, errors)
    assert compiled["source-yaml"] == source


SOURCE = (
    "version: 2.1\n# << pipeline.git.branch >> <<pipeline.number>> << pipeline.parameters.x >>\n"
)


@pytest.mark.parametrize(
    ("options", "output", "missing"),
    [
        ({}, "", ["pipeline.git.branch", "pipeline.number", "pipeline.parameters.x"]),
        (
            {
                "pipeline_values": {"pipeline.git.branch": "main", "pipeline.number": 1},
                "pipeline_parameters": {"x": True},
            },
            "version: 2.1\n# main 1 true\n",
            [],
        ),
        (
            {"pipeline_values": {"pipeline.git.branch": "main", "pipeline.number": 1}},
            "",
            ["pipeline.parameters.x"],
        ),
    ],
)
def test_pipeline_values_are_filled_in_and_one_that_is_not_given_is_an_error(
    ask: Ask, options: dict[str, Any], output: str, missing: list[str]
) -> None:
    body = {"config_yaml": SOURCE, "options": options}
    compiled = ask("POST", "/compile-config-with-defaults", body)[1]
    errors = [{"message": f"Unknown variable(s): {name}"} for name in missing]
    assert (compiled["output-yaml"], compiled["errors"]) == (output, errors)


def test_a_parameter_that_the_configuration_declares_needs_no_value(ask: Ask) -> None:
    source = "version: 2.1\nparameters: {x: {type: string}}\n# << pipeline.parameters.x >>\n"
    compiled = ask("POST", "/compile-config-with-defaults", {"config_yaml": source})[1]
    assert (compiled["valid"], compiled["output-yaml"]) == (True, source)


def test_the_owner_of_a_configuration_must_exist(ask: Ask) -> None:
    body = {"config_yaml": "version: 2.1", "options": {"owner_id": "nothing"}}
    assert ask("POST", "/compile-config-with-defaults", body)[0] == 404
