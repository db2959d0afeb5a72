"""approve: gives approvals while its conditions hold, and each of them once."""

from collections.abc import Callable
from typing import Any

import pytest
from build_workflows import writes
from shipped import Simulation

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]


def test_what_waits_in_the_newest_pipeline_with_approvals_is_approved(
    workflow: Workflow, status_of: Callable[[str], str]
) -> None:
    run = workflow("approve")

    assert (run.error, run.exit_code, writes(run)) == (None, 0, ["approve_workflow_job"])
    assert [(row["pipeline_number"], row["job"], row["result"]) for row in run.result] == [
        (43, "hold-deploy", "approved")
    ]
    assert run.result_text == (
        "Pipeline 43 on main of gh/example-org/example-repo\n"
        "  build-and-test / hold-deploy: approved"
    )
    assert status_of("on-hold-workflow-uuid") in ("running", "success")


def test_a_second_start_approves_nothing(workflow: Workflow) -> None:
    workflow("approve")

    run = workflow("approve")

    assert (run.exit_code, writes(run)) == (0, [])
    assert [row["result"] for row in run.result] == ["approved already"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"requires": "^(lint|test)$"}, None),
        ({"requires": "deploy"}, "deploy is blocked"),
        ({"requires": "e2e"}, "no job matches e2e"),
        ({"green": "flaky/login"}, None),
        ({"green": "main"}, "pipeline 44 of main: integration is failed"),
        (
            {"green": "feature/login"},
            "pipeline 37 of feature/login: build-and-test is failed",
        ),
        ({"green": "nowhere"}, "no pipeline of nowhere has ended lately"),
        ({"green": "error/x"}, "pipeline 46 of error/x cannot run"),
    ],
)
def test_a_condition_that_does_not_hold_is_the_reason_and_nothing_is_approved(
    arguments: dict[str, str],
    reason: str | None,
    workflow: Workflow,
    trigger: Callable[..., Any],
    status_of: Callable[[str], str],
) -> None:
    trigger("error/x")

    run = workflow("approve", arguments)

    [row] = run.result
    assert row.get("reason") == reason
    if reason is None:
        assert (run.exit_code, row["result"]) == (0, "approved")
    else:
        assert (run.exit_code, row["result"], writes(run)) == (1, "on_hold", [])
        assert status_of("on-hold-workflow-uuid") == "on_hold"
        assert str(run.result_text).endswith(f"hold-deploy: on_hold, not approved: {reason}")


def test_only_chooses_approvals_by_name(workflow: Workflow) -> None:
    run = workflow("approve", {"only": "^release$"})

    assert (run.success, run.result) == (True, [])
    assert run.result_text == (
        "no pipeline on main of gh/example-org/example-repo has an approval to give"
    )


@pytest.mark.parametrize(("despite", "exit_code"), [("false", 1), ("true", 1)])
def test_an_approval_whose_requirements_have_not_run_is_not_given(
    despite: str, exit_code: int, workflow: Workflow, trigger: Callable[..., Any]
) -> None:
    trigger("slow/hold/x")

    run = workflow("approve", {"branch": "slow/hold/x", "despite_failures": despite})

    assert (run.exit_code, writes(run)) == (exit_code, [])
    assert [row["result"] for row in run.result] == ["blocked"]


def test_an_older_pipeline_is_not_approved_behind_a_newer_one(
    workflow: Workflow, trigger: Callable[..., Any], status_of: Callable[[str], str]
) -> None:
    trigger("main", 300, simulate="hold")
    workflow("approve")

    run = workflow("approve")

    assert [(row["pipeline_number"], row["result"]) for row in run.result] == [
        (46, "approved already")
    ]
    assert status_of("on-hold-workflow-uuid") == "on_hold"


def test_a_failed_job_of_another_workflow_holds_the_approval_back(
    workflow: Workflow, circleci: Simulation
) -> None:
    world = circleci.world
    integration = world.workflows["integration-workflow-uuid"]
    integration.pipeline = world.pipelines["on-hold-pipeline-uuid"]

    run = workflow("approve")
    despite = workflow("approve", {"despite_failures": "yes"})

    assert (run.exit_code, run.result[0]["reason"]) == (1, "integration / test is failed")
    assert (despite.exit_code, despite.result[0]["result"]) == (0, "approved")


def test_its_plan_is_the_approval(planned: Callable[..., list[str]]) -> None:
    assert planned("approve") == ["approve_workflow_job"]
    assert planned("approve", {"branch": "feature/login"}) == []
