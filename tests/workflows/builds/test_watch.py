"""watch: waits for a branch or a commit, and ends as its pipeline does."""

from collections.abc import Callable
from typing import Any

import pytest
from shipped import Simulation

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.simulator.entities import Pipeline


@pytest.mark.parametrize(
    ("branch", "exit_code", "status"),
    [
        ("feature/x", 0, "success"),
        ("fail/x", 1, "failed"),
        ("timeout/x", 1, "failed"),
        ("infra/x", 1, "failed"),
        ("hold/x", 3, "on_hold"),
    ],
)
def test_its_exit_code_is_how_the_pipeline_ended(
    branch: str,
    exit_code: int,
    status: str,
    workflow: Callable[..., Run],
    trigger: Callable[..., Any],
) -> None:
    pipeline = trigger(branch)

    run = workflow("watch", {"branch": branch})

    assert (run.error, run.exit_code, run.success) == (None, exit_code, exit_code == 0)
    assert [(row["pipeline_number"], row["status"]) for row in run.result] == [
        (pipeline["number"], status)
    ]
    assert (run.result[0]["failures"] == []) == (status != "failed")


def test_it_says_why_the_pipeline_failed(
    workflow: Callable[..., Run], trigger: Callable[..., Any]
) -> None:
    trigger("fail/x")

    run = workflow("watch", {"branch": "fail/x", "lines": "1"})

    message = "AssertionError: expected 200, got 500"
    reason = f"test, Run tests, exit code 1: test_login: {message}"
    assert run.result[0]["failures"] == [reason]
    assert run.result_text == "\n".join(
        [
            "Pipeline 46 on fail/x of gh/example-org/example-repo",
            "  failed       build-and-test",
            f"    {reason}",
            "",
            f"      FAILED tests/test_account.py::test_login - {message}",
            "",
        ]
    )


def test_all_workflows_of_the_pipeline_count(workflow: Callable[..., Run]) -> None:
    run = workflow("watch")

    assert [(row["workflow"], row["status"]) for row in run.result] == [
        ("build-and-test", "success"),
        ("integration", "failed"),
    ]
    assert run.exit_code == 1


@pytest.mark.parametrize("length", [7, 40])
def test_a_commit_is_found_on_whatever_branch(
    length: int,
    workflow: Callable[..., Run],
    trigger: Callable[..., Any],
    circleci: Simulation,
) -> None:
    pipeline = circleci.call("get_pipeline", pipeline_id=trigger("feature/x")["id"])
    trigger("feature/y")

    revision = pipeline["vcs"]["revision"][:length]
    run = workflow("watch", {"revision": revision, "branch": "no-such-branch"})

    assert [row["pipeline_number"] for row in run.result] == [pipeline["number"]]
    assert run.success


def test_a_workflow_that_was_run_again_counts_as_its_newest_run(
    workflow: Callable[..., Run],
) -> None:
    run = workflow("watch", {"branch": "flaky/login"})

    assert [(row["workflow_id"], row["status"]) for row in run.result] == [
        ("flaky-again-workflow-uuid", "success")
    ]
    assert run.success


def test_approvals_are_waited_for_if_that_is_wanted(
    workflow: Callable[..., Run], trigger: Callable[..., Any]
) -> None:
    trigger("hold/x")

    run = workflow("watch", {"branch": "hold/x", "hold": "true", "timeout": "900"})

    assert (run.exit_code, run.error_type) == (1, "runtime")
    assert "pipeline 46 has not ended after 900 seconds" in str(run.error)


@pytest.mark.parametrize(
    ("arguments", "target"),
    [({"branch": "mian"}, "branch mian"), ({"revision": "feed"}, "commit feed")],
)
def test_a_pipeline_that_never_appears_is_an_error(
    arguments: dict[str, str], target: str, workflow: Callable[..., Run]
) -> None:
    run = workflow("watch", arguments)

    assert (run.exit_code, run.error_type) == (1, "runtime")
    assert str(run.error).endswith(
        f"has no pipeline of the {target} after 60 seconds. Is it pushed?"
    )


class Appearing(RunListener):
    """Pushes a pipeline into the world when the script has asked three times."""

    def __init__(self, circleci: Simulation, pipeline: Pipeline) -> None:
        self.world, self.pipeline, self.calls = circleci.world, pipeline, 0

    def call_ended(self, number: int, record: CallRecord) -> None:
        self.calls += 1
        if self.calls == 3:
            self.world.pipelines[self.pipeline.id] = self.pipeline


def test_a_pipeline_that_appears_late_is_waited_for(
    workflow: Callable[..., Run], circleci: Simulation, trigger: Callable[..., Any]
) -> None:
    late = circleci.world.pipelines.pop(trigger("late/x")["id"])
    listener = Appearing(circleci, late)

    run = workflow("watch", {"branch": "late/x"}, listener=listener)

    assert (run.error, run.exit_code) == (None, 0)
    assert listener.calls > 3


def test_a_configuration_that_was_refused_is_an_error_that_says_so(
    workflow: Callable[..., Run], trigger: Callable[..., Any]
) -> None:
    trigger("error/x")

    run = workflow("watch", {"branch": "error/x"})

    assert run.exit_code == 1
    assert "the pipeline cannot run: Job 'test' requires 'lint'" in str(run.error)
