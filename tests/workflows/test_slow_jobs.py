"""slow_jobs: the slowest jobs of a project, and whether they became slower."""

import pytest

from tests.support.shipped import OTHER, REPO, Simulation, run_workflow


def names(rows: list[dict[str, object]]) -> list[str]:
    return [f"{row['workflow']}/{row['job']}" for row in rows]


def slow_down(circleci: Simulation) -> None:
    """Run a build of main today that takes ten times as long as those of the days before."""
    circleci.call(
        "trigger_pipeline", project_slug=REPO, branch="main", parameters={"simulate": "slow"}
    )
    circleci.transport.advance(3600)


def test_the_slowest_job_comes_first(circleci: Simulation) -> None:
    run = run_workflow(circleci, "slow_jobs")

    assert run.error is None
    assert names(run.result) == [
        "build-and-test/test",
        "integration/build",
        "integration/test",
        "build-and-test/deploy",
        "build-and-test/lint",
    ]
    assert run.result[1] == {
        "workflow": "integration",
        "job": "build",
        "runs": 1,
        "success_rate": 1.0,
        "median_s": 10,
        "mean_s": 10,
        "p95_s": 10,
        "credits": 2,
    }
    assert str(run.result_text).startswith(f"Slowest jobs of {REPO}, last 30 days\n\n")


def test_the_trend_is_the_change_against_the_time_before_the_window(circleci: Simulation) -> None:
    slow_down(circleci)

    run = run_workflow(circleci, "slow_jobs", window="last-24-hours", workflow="build-and-test")

    trends = {row["job"]: row.get("trend_percent") for row in run.result}
    means = {row["job"]: row["mean_s"] for row in run.result}
    # The day before, lint took 5 seconds, test 10 and deploy 5.
    assert trends == {
        "lint": round((means["lint"] / 5 - 1) * 100),
        "test": round((means["test"] / 10 - 1) * 100),
        "deploy": round((means["deploy"] / 5 - 1) * 100),
    }
    assert min(trends.values()) > 100


def test_there_is_no_trend_where_insights_do_not_reach_back(circleci: Simulation) -> None:
    run = run_workflow(circleci, "slow_jobs", window="last-90-days")

    assert [row for row in run.result if "trend_percent" in row] == []
    assert "circleci_get_workflow_job_timeseries" not in [each["tool"] for each in run.call_log]


def test_another_branch_can_be_looked_at(circleci: Simulation) -> None:
    run = run_workflow(circleci, "slow_jobs", branch="setup/dynamic")

    assert names(run.result) == ["setup/generate-config"]
    assert "on setup/dynamic, last 30 days" in str(run.result_text)


def test_jobs_can_be_ordered_by_their_credits(circleci: Simulation) -> None:
    run = run_workflow(circleci, "slow_jobs", by="credits", top=3)

    costs = [row["credits"] for row in run.result]
    assert (len(costs), costs) == (3, sorted(costs, reverse=True))
    assert names(run.result)[:2] == ["build-and-test/test", "build-and-test/lint"]


def test_a_project_whose_jobs_have_not_run_has_none(circleci: Simulation) -> None:
    run = run_workflow(circleci, "slow_jobs", project=OTHER, window="last-24-hours", branch="x")

    assert (run.error, run.result) == (None, [])
    assert run.result_text == f"No job has run to its end in {OTHER} on x, last 24 hours."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"window": "last-5-days"}, "window cannot be 'last-5-days'. It is one of: last-24-hours,"),
        ({"by": "speed"}, "by cannot be 'speed'. It is one of: credits, mean_s, median_s, p95_s"),
        ({"project": "gh/example-org/nowhere"}, "CircleCI API error (404): Project not found"),
    ],
)
def test_what_is_wrong_is_said(circleci: Simulation, arguments: dict[str, str], error: str) -> None:
    run = run_workflow(circleci, "slow_jobs", **arguments)

    assert error in str(run.error)
