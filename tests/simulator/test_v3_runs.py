"""Runs and workflows of API v3: views of the pipelines that v2 shows, found by filters."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from kosmo_circleci.simulator.transport import SimulatorTransport

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"
JANUARY = {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}


def get(ask: Ask, path: str, **filters: Any) -> tuple[int, Any]:
    """Send a GET with `filter[…]` and, as `page_limit`, `page[…]` keys."""
    keys = {
        f"page[{name[5:]}]" if name.startswith("page_") else f"filter[{name}]": value
        for name, value in filters.items()
    }
    return ask("GET", f"/api/v3{path}?{urlencode(keys)}")


def search(ask: Ask, expression: str = "", **fields: Any) -> list[str]:
    scope = {"project_ids": ["project-uuid", "another-project-uuid"], **JANUARY}
    body = {"scope": scope, "filter": expression, "page": {"limit": 20, "cursor": ""}, **fields}
    status, answer = ask("POST", "/api/v3/runs/search", body)
    assert status == 200, answer
    return [each["id"] for each in answer["data"]]


def state(ask: Ask, run_id: str) -> tuple[str, str | None]:
    attributes = ask("GET", f"/api/v3/runs/{run_id}")[1]["data"]["attributes"]
    return attributes["phase"], attributes.get("current_outcome")


@pytest.mark.parametrize(
    ("run_id", "phase", "outcome"),
    [
        ("pipeline-uuid", "ended", "succeeded"),
        ("failed-pipeline-uuid", "ended", "failed"),
        ("on-hold-pipeline-uuid", "started", "succeeded"),
        ("running-pipeline-uuid", "started", "failed"),  # its second workflow has failed
        ("setup-pipeline-uuid", "started", "succeeded"),
        ("flaky-pipeline-uuid", "ended", "succeeded"),  # the rerun counts
        ("timedout-pipeline-uuid", "ended", "failed"),
        ("infra-pipeline-uuid", "ended", "failed"),
        ("config-error-pipeline-uuid", "ended", "errored"),
        ("canceled-pipeline-uuid", "ended", "canceled"),
    ],
)
def test_a_run_has_a_phase_and_an_outcome_so_far(
    ask: Ask, run_id: str, phase: str, outcome: str
) -> None:
    assert state(ask, run_id) == (phase, outcome)


def test_a_run_is_the_pipeline_of_v2(ask: Ask) -> None:
    pipeline = ask("GET", "/pipeline/failed-pipeline-uuid")[1]
    run = ask("GET", "/api/v3/runs/failed-pipeline-uuid")[1]["data"]
    assert (run["id"], run["attributes"]["number"]) == (pipeline["id"], pipeline["number"])
    assert run["attributes"]["created_at"] == pipeline["created_at"]
    assert run["references"]["project"] == {"id": "project-uuid"}
    assert run["references"]["user"] == {
        "id": "another-user-uuid",
        "attributes": {"login": "another-user"},
    }
    vcs = run["references"]["event"]["attributes"]["vcs"]
    assert (vcs["branch"], vcs["revision"]) == ("fail/payments", pipeline["vcs"]["revision"])


def test_a_wrong_configuration_is_told_in_the_errors_of_its_run(ask: Ask) -> None:
    attributes = ask("GET", "/api/v3/runs/config-error-pipeline-uuid")[1]["data"]["attributes"]
    assert attributes["errors"] == [
        {
            "type": "config",
            "message": "Job 'test' requires 'lint', which is the name of 0 other jobs.",
        }
    ]


def test_a_run_without_workflows_answers_404_for_them(ask: Ask) -> None:
    status, answer = get(ask, "/workflows", run_id="config-error-pipeline-uuid")
    assert (status, answer["error"]["type"]) == (404, "not_found")


def test_workflows_of_a_run_have_an_outcome_when_they_ended(ask: Ask) -> None:
    rows = get(ask, "/workflows", run_id="running-pipeline-uuid")[1]["data"]
    running, failed = (each["attributes"] for each in rows)
    assert (running["phase"], running["current_outcome"]) == ("started", "succeeded")
    assert not running.keys() & {"outcome", "ended_at"}
    assert (failed["phase"], failed["outcome"]) == ("ended", "failed")
    assert "current_outcome" not in failed
    assert ask("GET", "/api/v3/workflows/integration-workflow-uuid")[1]["data"] == rows[1]


def test_a_run_moves_while_time_passes(ask: Ask, simulator: SimulatorTransport) -> None:
    run_id = ask("POST", f"{PROJECT}/pipeline", {"branch": "fail/x"})[1]["id"]
    assert state(ask, run_id) == ("started", "succeeded")
    simulator.advance(60)
    assert state(ask, run_id) == ("ended", "failed")


def test_the_users_own_runs_are_the_newest_first_in_pages(ask: Ask) -> None:
    status, answer = get(ask, "/runs", user_id="me", page_limit=7)
    numbers = [each["attributes"]["number"] for each in answer["data"]]
    assert (status, numbers) == (200, [45, 44, 43, 42, 5, 40, 4])
    cursor = answer["page"]["next"]
    rest = get(ask, "/runs", user_id="me", page_limit=20, page_cursor=cursor)[1]
    assert [each["attributes"]["number"] for each in rest["data"]][:3] == [39, 3, 38]
    assert rest["page"] == {"next": None}


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"phase": "started"}, ["setup-pipeline-uuid", "running-pipeline-uuid"]),
        ({"current_outcome": "errored"}, ["config-error-pipeline-uuid"]),
        ({"from": "2025-01-15T09:30:00Z"}, ["setup-pipeline-uuid", "running-pipeline-uuid"]),
        (
            {"from": "2025-01-14T22:00:00Z", "to": "2025-01-14T22:00:00Z"},
            ["canceled-pipeline-uuid"],
        ),
    ],
)
def test_the_users_own_runs_are_filtered(ask: Ask, filters: dict[str, str], ids: list[str]) -> None:
    rows = get(ask, "/runs", user_id="me", **filters)[1]["data"]
    assert [each["id"] for each in rows][:2] == ids


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ('pipeline.git.branch == "main" and pipeline.status == "failed"',
         ["deploy-failed-pipeline-uuid", "35-pipeline-uuid"]),
        ('pipeline.status == "failing"', ["running-pipeline-uuid"]),
        ('pipeline.status == "on_hold"', ["on-hold-pipeline-uuid"]),
        ('pipeline.status == "error"', ["config-error-pipeline-uuid"]),
        ('pipeline.status == "canceled"', ["canceled-pipeline-uuid"]),
        ('pipeline.git.branch starts-with "fail/"', ["failed-pipeline-uuid"]),
        ("pipeline.git.branch matches /(timeout|infra).+/",
         ["infra-pipeline-uuid", "timedout-pipeline-uuid"]),
        ('pipeline.id == "pipeline-uuid"', ["pipeline-uuid"]),
        ('pipeline.git.tag == "v1"', []),
    ],
)  # fmt: skip
def test_a_search_keeps_the_runs_for_which_the_filter_holds(
    ask: Ask, expression: str, ids: list[str]
) -> None:
    assert search(ask, expression) == ids


def test_a_search_is_newest_first_and_can_be_turned_round(ask: Ask) -> None:
    newest = search(ask)
    assert newest[:2] == ["setup-pipeline-uuid", "running-pipeline-uuid"]
    assert search(ask, order_by="created_at asc") == newest[::-1]


def test_the_cursor_of_a_search_goes_into_the_body(ask: Ask) -> None:
    body: dict[str, Any] = {
        "scope": {"project_ids": ["project-uuid"], **JANUARY},
        "page": {"limit": 6, "cursor": ""},
    }
    numbers: list[int] = []
    for _ in range(3):
        answer = ask("POST", "/api/v3/runs/search", body)[1]
        numbers += [each["attributes"]["number"] for each in answer["data"]]
        body["page"]["cursor"] = answer["page"].get("next")
    assert numbers == list(range(45, 32, -1))
    assert answer["page"] == {}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"page": {"limit": 21}}, {"title": "Invalid page size"}),
        ({"filter": "pipeline.git.branch ="}, {
            "title": "Invalid filter expression",
            "detail": "unexpected character = at offset 20",
            "source": {"pointer": "/filter", "offset": 20, "error": "unexpected character ="},
        }),
        ({"filter": "true == color"}, {"detail": "unknown variable color at offset 8"}),
        ({"order_by": "color"}, {"title": "order_by: expected created_at, with asc or desc"}),
        ({"page": {"limit": 5, "cursor": "MjA6"}}, {"title": "Invalid page token."}),
    ],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(
    ask: Ask, change: dict[str, Any], error: dict[str, Any]
) -> None:
    body = {"scope": {"project_ids": ["project-uuid"], **JANUARY}, **change}
    status, answer = ask("POST", "/api/v3/runs/search", body)
    assert (status, answer["error"]["type"]) == (400, "validation_error")
    assert {key: answer["error"].get(key) for key in error} == error


def test_a_search_in_a_project_of_another_user_is_a_404(ask: Ask) -> None:
    body = {"scope": {"project_ids": ["private-project-uuid"], **JANUARY}}
    assert ask("POST", "/api/v3/runs/search", body)[0] == 404


def test_a_rerun_ignores_the_field_names_of_v2(ask: Ask) -> None:
    path = "/api/v3/workflows/failed-workflow-uuid/rerun"
    status, answer = ask("POST", path, {"from_failed": True})
    assert status == 201
    everything = get(ask, "/jobs", workflow_id=answer["data"]["id"])[1]["data"]
    assert [each["attributes"]["phase"] for each in everything] == ["started", "created", "created"]
    again = ask("POST", path, {"is_from_failed": True})[1]["data"]["id"]
    rows = get(ask, "/jobs", workflow_id=again)[1]["data"]
    assert rows[0]["id"] == "failed-lint-job-uuid"  # it succeeded, and is taken over


def test_a_workflow_is_canceled_once(ask: Ask) -> None:
    path = "/api/v3/workflows/running-workflow-uuid/cancel"
    assert ask("POST", path) == (202, {"data": {"id": "running-workflow-uuid"}})
    assert ask("POST", path)[0] == 400
