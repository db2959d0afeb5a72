"""Insights are computed from the runs that exist, those a test has just made among them."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.metrics import (
    DAY_S,
    Window,
    percentile_95,
    trend,
)
from kosmo_circleci.simulator.transport import SimulatorTransport

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"
INSIGHTS = "/insights/gh/example-org/example-repo"
WORKFLOW = f"{INSIGHTS}/workflows/build-and-test"
BRANCHES = ["fail/payments", "feature/login", "flaky/login", "main", "setup/dynamic"]
SERIES = "/insights/time-series/gh/example-org/example-repo/workflows/build-and-test/jobs"


def test_a_list_has_the_figures_of_each_workflow_of_the_default_branch(ask: Ask) -> None:
    page = ask("GET", f"{INSIGHTS}/workflows")[1]
    build, integration = page["items"]
    assert build == {
        "name": "build-and-test",
        "project_id": "project-uuid",
        "window_start": "2024-10-17T10:00:05.000Z",
        "window_end": "2025-01-15T10:00:05.000Z",
        "metrics": {
            # Pipelines 33, 34, 36, 38, 40 and 42 of main succeeded, 35 failed; 36 was a day later.
            "total_runs": 7,
            "successful_runs": 6,
            "failed_runs": 1,
            "success_rate": 0.8571,
            "mttr": 86_405,
            "total_recoveries": 1,
            "total_credits_used": 6 * 6 + 5,
            "throughput": 0.0778,
            "duration_metrics": {
                "min": 25,
                "mean": 29,
                "median": 30,
                "p95": 30,
                "max": 30,
                "standard_deviation": 1.75,
            },
        },
    }
    assert integration["name"] == "integration"
    assert integration["metrics"]["failed_runs"] == integration["metrics"]["total_runs"] == 1


def test_runs_appear_when_they_have_ended(ask: Ask, simulator: SimulatorTransport) -> None:
    def numbers(**query: Any) -> list[tuple[str, str, int]]:
        items = ask("GET", WORKFLOW, **query)[1]["items"]
        return [(each["branch"], each["status"], each["duration"]) for each in items]

    before = numbers(all_branches="true")
    ask("POST", f"{PROJECT}/pipeline", {"branch": "fail/x"})
    assert numbers(all_branches="true") == before
    simulator.advance(60)
    assert numbers(all_branches="true") == [("fail/x", "failed", 25), *before]
    assert numbers(branch="fail/x") == [("fail/x", "failed", 25)]
    assert {branch for branch, _, _ in numbers()} == {"main"}


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ({}, 7),
        ({"start-date": "2025-01-12T00:00:00Z"}, 3),
        ({"start-date": "2025-01-12T00:00:00Z", "end-date": "2025-01-13T00:00:00Z"}, 1),
        ({"start-date": "2024-01-01T00:00:00Z", "end-date": "2024-03-01T00:00:00Z"}, 0),
    ],
)
def test_dates_choose_the_runs(ask: Ask, query: dict[str, str], runs: int) -> None:
    assert len(ask("GET", WORKFLOW, **query)[1]["items"]) == runs


@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        (
            WORKFLOW,
            {"end-date": "2025-01-01T00:00:00Z"},
            400,
            "end-date: only together with start-date",
        ),
        (
            WORKFLOW,
            {"start-date": "2025-01-02T00:00:00Z", "end-date": "2025-01-01T00:00:00Z"},
            400,
            "end-date: expected a time after start-date",
        ),
        (
            SERIES,
            {"start-date": "2024-01-01T00:00:00Z", "end-date": "2025-01-01T00:00:00Z"},
            400,
            "end-date: expected at most 90 days after start-date",
        ),
        (
            WORKFLOW,
            {"branch": "main", "all-branches": "true"},
            400,
            "Only one of all-branches and branch may be given.",
        ),
        (f"{INSIGHTS}/workflows/nothing", {}, 404, "Workflow not found"),
        (f"{INSIGHTS}/workflows/nothing/summary", {}, 404, "Workflow not found"),
        (f"{INSIGHTS}/workflows/nothing/test-metrics", {}, 404, "Workflow not found"),
        (
            f"{INSIGHTS}/workflows",
            {"reporting-window": "last-year"},
            400,
            "reporting-window: expected one of last-7-days, last-90-days, last-24-hours, "
            "last-30-days, last-60-days",
        ),
    ],
)
def test_a_question_that_cannot_be_is_refused(
    ask: Ask, path: str, query: dict[str, str], status: int, message: str
) -> None:
    assert ask("GET", path, **query) == (status, {"message": message})


def test_jobs_have_figures_and_runs(ask: Ask) -> None:
    items = ask("GET", f"{WORKFLOW}/jobs")[1]["items"]
    counts = {
        each["name"]: (
            each["metrics"]["total_runs"],
            each["metrics"]["failed_runs"],
            each["metrics"]["total_credits_used"],
        )
        for each in items
    }
    # `test` takes ten seconds on two parallel runs: 4 credits.
    assert counts == {"lint": (7, 0, 7), "test": (7, 1, 28), "deploy": (6, 0, 6)}
    only = ask("GET", f"{WORKFLOW}/jobs", job_name="test")[1]["items"]
    assert [each["name"] for each in only] == ["test"]
    runs = ask("GET", f"{WORKFLOW}/jobs/test")[1]["items"]
    assert [each["status"] for each in runs] == ["success"] * 4 + ["failed"] + ["success"] * 2
    assert runs[0] == {
        "id": "job-uuid",
        "started_at": "2025-01-15T09:00:15.000Z",
        "stopped_at": "2025-01-15T09:00:25.000Z",
        "status": "success",
        "duration": 10,
        "credits_used": 4,
    }


def test_a_series_has_a_row_for_each_job_and_day_or_hour(ask: Ask) -> None:
    page = ask("GET", SERIES, start_date="2025-01-14T00:00:00Z")[1]
    assert [(each["timestamp"][:13], each["name"]) for each in page["items"]] == [
        (f"2025-01-{day}T00", name) for day in (15, 14) for name in ("deploy", "lint", "test")
    ]
    assert page["items"][2]["metrics"]["duration_metrics"] == {
        "min": 10,
        "median": 10,
        "max": 10,
        "p95": 10,
        "total": 10,
    }
    query = {"start_date": "2025-01-14T00:00:00Z", "granularity": "hourly"}
    hours = {each["timestamp"][:13] for each in ask("GET", SERIES, **query)[1]["items"]}
    assert hours == {"2025-01-15T09", "2025-01-14T10"}


def test_a_flaky_test_is_one_that_failed_and_passed_on_the_same_commit(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    seeded = ask("GET", f"{INSIGHTS}/flaky-tests")[1]
    assert seeded == {
        "flaky-tests": [
            {
                "time-wasted": 10,
                "workflow-created-at": "2025-01-13T10:00:00.000Z",
                "workflow-id": "flaky-workflow-uuid",
                "classname": "tests.test_account",
                "pipeline-number": 39,
                "workflow-name": "build-and-test",
                "test-name": "test_login",
                "job-name": "test",
                "job-number": 90,
                "times-flaked": 1,
                "source": "pytest",
                "file": "tests/test_account.py",
            }
        ],
        "total-flaky-tests": 1,
    }
    _, pipeline = ask("POST", f"{PROJECT}/pipeline", {"branch": "flaky/new"})
    simulator.advance(60)
    assert ask("GET", f"{INSIGHTS}/flaky-tests")[1] == seeded
    workflow = ask("GET", f"/pipeline/{pipeline['id']}/workflow")[1]["items"][0]
    ask("POST", f"/workflow/{workflow['id']}/rerun", {"from_failed": True})
    simulator.advance(60)
    [row] = ask("GET", f"{INSIGHTS}/flaky-tests")[1]["flaky-tests"]
    assert (row["workflow-id"], row["times-flaked"]) == (workflow["id"], 2)


def test_tests_are_counted_for_each_run_and_ranked(ask: Ask) -> None:
    metrics = ask("GET", f"{WORKFLOW}/test-metrics")[1]
    assert (metrics["average_test_count"], metrics["total_test_runs"]) == (3, 21)
    [failed] = metrics["most_failed_tests"]
    assert (failed["test_name"], failed["failed_runs"], failed["flaky"]) == ("test_login", 1, False)
    slowest = [(each["test_name"], each["p95_duration"]) for each in metrics["slowest_tests"]]
    assert slowest == [("test_login", 1.25), ("test_profile", 0.5), ("test_logout", 0.25)]
    failing_run = next(each for each in metrics["test_runs"] if each["pipeline_number"] == 35)
    assert failing_run["test_counts"] == {
        "error": 0,
        "failure": 1,
        "skipped": 0,
        "success": 2,
        "total": 3,
    }


def test_a_summary_compares_with_the_window_before(ask: Ask) -> None:
    summary = ask("GET", f"{WORKFLOW}/summary")[1]
    assert summary["metrics"]["completed_runs"] == 7
    assert set(summary["trends"].values()) == {0.0}  # nothing ran before these 90 days
    page = ask(
        "GET", "/insights/pages/gh/example-org/example-repo/summary", reporting_window="last-7-days"
    )[1]
    assert page["project_data"]["metrics"]["total_runs"] == 11
    assert page["project_data"]["trends"]["total_runs"] == 4.5  # 11 against the 2 before
    assert page["all_branches"] == BRANCHES


def test_branches_and_names_narrow_the_page_of_a_project(ask: Ask) -> None:
    path = "/insights/pages/gh/example-org/example-repo/summary"
    page = ask("GET", path, branches=["flaky/login"], workflow_names=["build-and-test"])[1]
    assert page["project_data"]["metrics"]["total_runs"] == 2
    assert [
        (each["workflow_name"], each["branch"]) for each in page["project_workflow_branch_data"]
    ] == [("build-and-test", "flaky/login")]
    assert page["all_workflows"] == ["build-and-test", "integration", "setup"]


def test_an_organization_is_the_sum_of_its_projects(ask: Ask) -> None:
    summary = ask("GET", "/insights/gh/example-org/summary")[1]
    assert summary["all_projects"] == ["another-repo", "example-repo"]
    totals = [each["metrics"]["total_runs"] for each in summary["org_project_data"]]
    assert (totals, summary["org_data"]["metrics"]["total_runs"]) == ([4, 13], 17)
    one = ask("GET", "/insights/gh/example-org/summary", project_names=["another-repo"])[1]
    assert one["all_projects"] == ["another-repo", "example-repo"]
    assert [each["project_name"] for each in one["org_project_data"]] == ["another-repo"]
    assert one["org_data"]["metrics"]["success_rate"] == 0.0


def test_branches_are_those_of_one_workflow_or_of_all(ask: Ask) -> None:
    everywhere = {"org_id": "org-uuid", "project_id": "project-uuid"}
    assert ask("GET", f"{INSIGHTS}/branches") == (
        200,
        everywhere | {"branches": BRANCHES},
    )
    only = ask("GET", f"{INSIGHTS}/branches", workflow_name="setup")[1]
    assert only["branches"] == ["setup/dynamic"]


@pytest.mark.parametrize(
    ("ordered", "expected"),
    [([], 0), ([7], 7), (list(range(1, 21)), 19), (list(range(1, 101)), 95)],
)
def test_95_percent_do_not_exceed_the_percentile(ordered: list[int], expected: int) -> None:
    assert percentile_95(ordered) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"), [(6, 4, 0.5), (3, 4, -0.25), (4, 0, 0.0), (0, 4, -1.0)]
)
def test_a_trend_is_the_change_as_a_part_of_what_was(
    now: float, before: float, expected: float
) -> None:
    assert trend(now, before) == expected


def test_the_window_before_has_the_same_length_and_ends_where_this_one_begins() -> None:
    window = Window(10 * DAY_S, 13 * DAY_S)
    assert (window.before, window.days) == (Window(7 * DAY_S, 10 * DAY_S), 3.0)
    assert Window(0, 60).days == 1.0
