"""cancel_redundant: what a newer pipeline of the same branch has replaced."""

from collections.abc import Callable
from typing import Any

import pytest
from build_workflows import writes
from shipped import Simulation

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener

Workflow = Callable[..., Run]


def test_older_pipelines_of_the_branch_are_canceled_and_the_newest_is_not(
    workflow: Workflow, trigger: Callable[..., Any], status_of: Callable[[str], str]
) -> None:
    for _ in range(3):
        trigger("slow/x")

    run = workflow("cancel_redundant", {"branch": "slow/x"})

    assert [(row["pipeline_number"], row["status"], row["result"]) for row in run.result] == [
        (47, "running", "canceled"),
        (46, "running", "canceled"),
    ]
    assert writes(run) == ["cancel_workflow"] * 2
    assert [status_of(row["workflow_id"]) for row in run.result] == ["canceled", "canceled"]
    assert str(run.result_text).splitlines()[0] == (
        "canceled   pipeline 47 on slow/x: build-and-test was running"
    )


def test_a_second_start_cancels_nothing(workflow: Workflow) -> None:
    first = workflow("cancel_redundant")
    second = workflow("cancel_redundant")

    assert [row["status"] for row in first.result] == ["on_hold"]
    assert (second.result, writes(second)) == ([], [])
    assert second.result_text == "nothing redundant runs in gh/example-org/example-repo on main"


@pytest.mark.parametrize(
    ("arguments", "pipelines"),
    [
        ({}, [43]),
        ({"held": "false"}, []),
        ({"keep": "^build"}, []),
        ({"keep": "^deploy"}, [43]),
        ({"branch": "*"}, [46]),
        ({"branch": "slow/x"}, [46]),
        ({"branch": "slow/x", "pipelines": "1"}, []),
        ({"branch": "no-such-branch"}, []),
    ],
)
def test_arguments_choose_what_is_canceled(
    arguments: dict[str, str],
    pipelines: list[int],
    workflow: Workflow,
    trigger: Callable[..., Any],
) -> None:
    trigger("slow/x")
    trigger("slow/x")

    run = workflow("cancel_redundant", arguments)

    assert run.success
    assert [row["pipeline_number"] for row in run.result] == pipelines


class Ending(RunListener):
    """Lets everything end as soon as the script has listed the workflows."""

    def __init__(self, circleci: Simulation) -> None:
        self.circleci = circleci

    def call_ended(self, number: int, record: CallRecord) -> None:
        if record.tool == "circleci_list_pipeline_workflows":
            self.circleci.transport.advance(3600)


def test_a_workflow_that_ends_in_between_is_no_failure(
    workflow: Workflow, trigger: Callable[..., Any], circleci: Simulation
) -> None:
    trigger("slow/x")
    trigger("slow/x")

    run = workflow("cancel_redundant", {"branch": "slow/x"}, listener=Ending(circleci))

    assert [(row["status"], row["result"]) for row in run.result] == [("running", "had ended")]
    assert (run.error, run.exit_code) == (None, 0)


def test_another_error_of_circleci_ends_the_run(workflow: Workflow) -> None:
    run = workflow("cancel_redundant", {"project": "gh/example-org/nowhere"})

    assert (run.error_type, run.exit_code) == ("api", 1)


def test_its_plan_is_the_cancellations(
    planned: Callable[..., list[str]], status_of: Callable[[str], str]
) -> None:
    assert planned("cancel_redundant") == ["cancel_workflow"]
    assert status_of("on-hold-workflow-uuid") == "on_hold"
