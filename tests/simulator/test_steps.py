"""Steps of jobs: what a failed one looks like in each way of failing, and how a job proceeds."""

import pytest

from kosmo_circleci.simulator.entities import Job
from kosmo_circleci.simulator.plans import build_and_test
from kosmo_circleci.simulator.progress import JobPlan, JobProgress, workflow_progress
from kosmo_circleci.simulator.steps import Step, executions_of

REVISION = "5e8c7a91" * 5


def job_and_progress(
    word: str, job: str, at_s: int, canceled_s: int | None = None, **options: int
) -> tuple[Job, JobProgress]:
    words = frozenset({word}) if word else frozenset[str]()
    plans = build_and_test(words, {"simulate_job": job, **options})
    progress = workflow_progress(plans, created_s=0, canceled_s=canceled_s, now_s=at_s)
    plan: JobPlan = next(each for each in plans if each.name == job)
    return Job("job-uuid", plan, number=1), progress.jobs[job]


def executions(
    word: str, job: str, at_s: int = 10_000, canceled_s: int | None = None, **options: int
) -> list[list[Step]]:
    subject, progress = job_and_progress(word, job, at_s, canceled_s, **options)
    return executions_of(subject, progress, REVISION, at_s)


def stdout(step: Step) -> str:
    return step.stdout.read(0, step.stdout_bytes).decode()


def stderr(step: Step) -> str:
    return step.stderr.read(0, step.stderr_bytes).decode()


def failed_step(word: str, job: str) -> Step:
    [step] = [each for each in executions(word, job)[0] if each.outcome != "succeeded"]
    return step


@pytest.mark.parametrize(
    ("job", "names"),
    [
        ("lint", ["Lint"]),
        (
            "test",
            [
                "Install dependencies",
                "Run tests",
                "Uploading test results",
                "Uploading artifacts",
            ],
        ),
        ("deploy", ["Build image", "Deploy to production"]),
    ],
)
def test_a_job_that_succeeds_runs_all_its_steps_with_numbers_that_have_gaps(
    job: str, names: list[str]
) -> None:
    steps = executions("", job)[0]
    assert [each.name for each in steps] == [
        "Spin up environment",
        "Preparing environment variables",
        "Checkout code",
        *names,
    ]
    assert [each.num for each in steps] == [0, 99, *range(101, 102 + len(names))]
    assert {each.outcome for each in steps} == {"succeeded"}
    assert {each.exit_code for each in steps if each.command} == {0}
    assert {each.exit_code for each in steps if not each.command} == {None}


@pytest.mark.parametrize(
    ("job", "name", "last_line"),
    [
        ("lint", "Lint", "Found 1 error."),
        (
            "test",
            "Run tests",
            "\x1b[31mFAILED\x1b[0m tests/test_account.py::\x1b[1mtest_login\x1b[0m"
            " - AssertionError: expected 200, got 500",
        ),
    ],
)
def test_the_output_of_a_failed_step_ends_in_the_reason(
    job: str, name: str, last_line: str
) -> None:
    step = failed_step("fail", job)
    assert (step.name, step.outcome, step.exit_code) == (name, "failed", 1)
    assert step.command is not None
    assert step.command.startswith("#!/bin/bash -eo pipefail\n")
    assert stdout(step).splitlines()[-1] == last_line
    assert step.condensed in stdout(step).encode()


def test_a_failed_deployment_says_why_on_standard_error() -> None:
    step = failed_step("fail", "deploy")
    assert (step.name, step.outcome, step.exit_code) == ("Deploy to production", "failed", 1)
    assert stderr(step) == (
        "Error: deployment of web to production failed: the new version did not become healthy "
        "within 120 s (3 of 3 health checks answered 503)\r\n"
    )


def test_after_a_failure_only_the_steps_run_that_always_do() -> None:
    names = [each.name for each in executions("fail", "test")[0]]
    assert names[-3:] == ["Run tests", "Uploading test results", "Uploading artifacts"]
    assert executions("fail", "deploy")[0][-1].name == "Deploy to production"


def test_only_the_first_execution_of_a_failing_job_fails() -> None:
    outcomes = [
        {each.outcome for each in steps}
        for steps in executions("fail", "test", simulate_parallelism=3)
    ]
    assert outcomes == [{"succeeded", "failed"}, {"succeeded"}, {"succeeded"}]


def test_each_execution_runs_its_share_of_the_tests() -> None:
    outputs = [
        "".join(stdout(each) for each in steps if each.name == "Run tests")
        for steps in executions("", "test")
    ]
    tests = ("test_login", "test_logout", "test_profile")
    shares = [[test for test in tests if test in text] for text in outputs]
    assert shares == [["test_login", "test_profile"], ["test_logout"]]


def test_a_step_that_was_killed_has_no_exit_code_and_is_the_last_one() -> None:
    step = executions("timeout", "test")[0][-1]
    assert (step.name, step.outcome, step.exit_code) == ("Run tests", "timedout", None)
    assert stdout(step).splitlines()[-1] == (
        "Too long with no output (exceeded 10m0s): context deadline exceeded"
    )
    assert step.condensed == (
        b"Too long with no output (exceeded 10m0s): context deadline exceeded\r\n"
    )
    assert step.ended_s == 675  # lint ends at 15, test runs for eleven minutes


def test_a_step_whose_machine_was_lost_never_ends() -> None:
    [step] = executions("infra", "test")[0]
    assert (step.name, step.outcome, step.ended_s) == ("Spin up environment", None, None)
    assert 0 < step.stdout_bytes < step.stdout.size_bytes


def test_steps_fill_the_time_of_their_job_without_a_gap() -> None:
    steps = executions("", "test")[0]
    ends = [each.ended_s for each in steps]
    assert [each.started_s for each in steps[1:]] == pytest.approx(ends[:-1])
    assert (steps[0].started_s, ends[-1]) == (15.0, pytest.approx(25.0))


def test_a_running_step_has_no_outcome_and_its_output_grows() -> None:
    seen = []
    for at_s in (15, 16, 17, 19, 21, 23, 25):
        steps = executions("slow", "test", at_s * 10)[0]
        assert all(each.outcome == "succeeded" for each in steps[:-1])
        seen.append(sum(each.stdout_bytes for each in steps))
    assert seen == sorted(seen)
    assert seen[0] < seen[1] < seen[-1]


def test_a_canceled_step_ends_when_its_job_was_canceled() -> None:
    step = executions("slow", "test", canceled_s=200)[0][-1]
    assert (step.name, step.outcome, step.exit_code, step.ended_s) == (
        "Run tests",
        "canceled",
        None,
        200.0,
    )


@pytest.mark.parametrize(("job", "at_s"), [("lint", 5), ("test", 12), ("deploy", 20)])
def test_a_job_that_has_not_begun_has_no_executions(job: str, at_s: int) -> None:
    assert executions("", job, at_s) == []


def test_a_job_can_have_many_steps_and_a_long_log_without_holding_it() -> None:
    [steps] = executions(
        "fail",
        "test",
        simulate_steps=200,
        simulate_log_bytes=50_000_000,
        simulate_parallelism=1,
    )
    failed = [each for each in steps if each.outcome == "failed"]
    assert [each.name for each in failed] == [
        "Run tests",
        *(f"Check {number}" for number in range(1, 201)),
    ]
    assert 50_000_000 <= sum(each.stdout_bytes for each in steps) < 50_100_000
    assert sum(len(each.stdout.text) for each in steps) < 20_000


def test_progress_bars_redraw_their_line_and_colours_are_there() -> None:
    texts = "".join(stdout(each) for each in executions("fail", "test")[0])
    assert "\r   \x1b[32m" in texts
    assert "\x1b[?25l" in texts
    assert "\n" not in texts.replace("\r\n", "")
