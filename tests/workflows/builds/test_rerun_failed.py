"""rerun_failed: the failed workflows of a pipeline again, from the failed jobs."""

from collections.abc import Callable
from typing import Any

import pytest
from build_workflows import writes

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]


def test_a_flaky_workflow_is_run_again_and_succeeds(
    workflow: Workflow, trigger: Callable[..., Any], status_of: Callable[[str], str]
) -> None:
    trigger("flaky/x", 300)

    run = workflow("rerun_failed", {"branch": "flaky/x"})

    assert (run.error, run.exit_code) == (None, 0)
    [row] = run.result
    assert (row["workflow"], row["status"], row["failures"]) == ("build-and-test", "success", [])
    assert (status_of(row["rerun_of"]), status_of(row["workflow_id"])) == ("failed", "success")
    assert writes(run) == ["rerun_workflow"]


def test_a_second_start_runs_nothing_again(workflow: Workflow, trigger: Callable[..., Any]) -> None:
    trigger("flaky/x", 300)
    workflow("rerun_failed", {"branch": "flaky/x"})

    run = workflow("rerun_failed", {"branch": "flaky/x"})

    assert (run.success, run.result, writes(run)) == (True, [], [])
    assert run.result_text == (
        "nothing of pipeline 46 of gh/example-org/example-repo is to be run again"
    )


def test_a_rerun_that_still_runs_is_left_alone(
    workflow: Workflow, trigger: Callable[..., Any]
) -> None:
    trigger("slow/flaky/x", 3000)
    first = workflow("rerun_failed", {"branch": "slow/flaky/x", "wait": "false"})
    second = workflow("rerun_failed", {"branch": "slow/flaky/x"})

    assert [row["status"] for row in first.result] == ["started"]
    assert (first.exit_code, second.result, writes(second)) == (0, [], [])


def test_a_rerun_that_fails_again_says_why(workflow: Workflow) -> None:
    run = workflow("rerun_failed")

    assert (run.error, run.exit_code) == (None, 1)
    [row] = run.result
    reason = "test, Run tests, exit code 1: test_login: AssertionError: expected 200, got 500"
    assert (row["workflow"], row["status"], row["failures"]) == (
        "integration",
        "failed",
        [reason],
    )
    assert run.result_text == "\n".join(
        [
            "Pipeline 44 of gh/example-org/example-repo, from its failed jobs",
            f"  failed       integration, run again as {row['workflow_id']}",
            f"    {reason}",
        ]
    )


def test_a_rerun_that_takes_too_long_is_no_success(
    workflow: Workflow, trigger: Callable[..., Any]
) -> None:
    trigger("slow/flaky/x", 3000)

    run = workflow("rerun_failed", {"branch": "slow/flaky/x", "timeout": "30"})

    assert (run.error, run.exit_code) == (None, 1)
    assert [row["status"] for row in run.result] == ["running"]


@pytest.mark.parametrize(
    ("arguments", "workflows"),
    [
        ({"only": "^build"}, []),
        ({"only": "gration$"}, ["integration"]),
        ({"number": "41"}, ["build-and-test"]),
        ({"number": "42"}, []),
    ],
)
def test_arguments_choose_the_pipeline_and_the_workflows(
    arguments: dict[str, str], workflows: list[str], workflow: Workflow
) -> None:
    run = workflow("rerun_failed", {**arguments, "wait": "false"})

    assert [row["workflow"] for row in run.result] == workflows
    assert len(writes(run)) == len(workflows)


def test_a_branch_without_pipelines_is_an_error_that_says_what_to_do(workflow: Workflow) -> None:
    run = workflow("rerun_failed", {"branch": "mian"})

    assert (run.exit_code, run.error_type) == (1, "runtime")
    assert "has no pipeline on the branch mian. Name another: --arg branch=…" in str(run.error)


def test_its_plan_is_the_reruns(
    planned: Callable[..., list[str]], status_of: Callable[[str], str]
) -> None:
    assert planned("rerun_failed") == ["rerun_workflow"]
    assert planned("rerun_failed", {"number": "42"}) == []
    assert status_of("integration-workflow-uuid") == "failed"
