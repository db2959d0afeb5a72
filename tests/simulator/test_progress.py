import pytest

from kosmo_circleci.simulator.plans import build_and_test, outcomes
from kosmo_circleci.simulator.progress import JobPlan, JobProgress, workflow_progress


def planned(branch: str | None) -> tuple[JobPlan, ...]:
    return build_and_test(outcomes(branch, {}))


def at(now_s: int, plans: tuple[JobPlan, ...], canceled_s: int | None = None) -> tuple[str, ...]:
    progress = workflow_progress(plans, created_s=0, canceled_s=canceled_s, now_s=now_s)
    return (progress.status, *(each.status for each in progress.jobs.values()))


@pytest.mark.parametrize(
    ("branch", "now_s", "statuses"),
    [
        ("main", 0, ("running", "queued", "blocked", "blocked")),
        ("main", 10, ("running", "running", "blocked", "blocked")),
        ("main", 15, ("running", "success", "running", "blocked")),
        ("main", 25, ("running", "success", "success", "running")),
        ("main", 30, ("success", "success", "success", "success")),
        (None, 30, ("success", "success", "success", "success")),
        ("fail/it", 24, ("running", "success", "running", "blocked")),
        ("fail/it", 25, ("failed", "success", "failed", "not_run")),
        ("hold/it", 24, ("running", "success", "running", "blocked", "blocked")),
        ("hold/it", 9000, ("on_hold", "success", "success", "on_hold", "blocked")),
    ],
)
def test_a_plan_and_its_age_decide_every_status(
    branch: str | None, now_s: int, statuses: tuple[str, ...]
) -> None:
    assert at(now_s, planned(branch)) == statuses


@pytest.mark.parametrize(
    ("now_s", "statuses"),
    [
        (20, ("canceled", "success", "canceled", "canceled")),
        (9000, ("canceled", "success", "canceled", "canceled")),
    ],
)
def test_a_canceled_workflow_keeps_what_ended_before(now_s: int, statuses: tuple[str, ...]) -> None:
    assert at(now_s, planned("main"), canceled_s=20) == statuses


def test_a_canceled_job_stops_at_once_and_the_jobs_after_it_do_not_run() -> None:
    plans = (JobPlan("test", canceled_s=4), JobPlan("deploy", requires=("test",)))
    progress = workflow_progress(plans, created_s=0, canceled_s=None, now_s=50)
    assert (progress.status, progress.stopped_s, progress.ended) == ("canceled", 4, True)
    assert progress.jobs == {
        "test": JobProgress("canceled", 0, 0, 4),
        "deploy": JobProgress("not_run"),
    }


def test_a_workflow_with_a_failed_job_and_a_running_one_is_failing() -> None:
    plans = (JobPlan("lint", outcome="failed", duration_s=5), JobPlan("test", duration_s=20))
    assert at(10, plans) == ("failing", "failed", "running")


def test_a_job_starts_when_the_last_of_its_required_jobs_has_stopped() -> None:
    plans = (
        JobPlan("lint", duration_s=5),
        JobPlan("test", duration_s=20),
        JobPlan("deploy", requires=("lint", "test"), queue_s=3, duration_s=7),
    )
    progress = workflow_progress(plans, created_s=100, canceled_s=None, now_s=200)
    assert progress.jobs["deploy"] == JobProgress("success", 120, 123, 130)
    assert progress.stopped_s == 130


def test_an_approval_lasts_from_the_end_of_the_job_before_it_until_it_is_given() -> None:
    plans = (
        JobPlan("test", duration_s=10),
        JobPlan("hold", requires=("test",), is_approval=True, approved_s=60),
        JobPlan("deploy", requires=("hold",), duration_s=5),
    )
    progress = workflow_progress(plans, created_s=0, canceled_s=None, now_s=62)
    assert progress.jobs["hold"] == JobProgress("success", 10, 10, 60)
    assert progress.jobs["deploy"] == JobProgress("running", 60, 60)


def test_a_job_taken_over_by_a_rerun_has_succeeded_before_the_workflow_began() -> None:
    plans = (JobPlan("lint", ran=(10, 15)), JobPlan("test", requires=("lint",), duration_s=10))
    progress = workflow_progress(plans, created_s=100, canceled_s=None, now_s=104)
    assert progress.jobs == {
        "lint": JobProgress("success", 10, 10, 15),
        "test": JobProgress("running", 100, 100),
    }
