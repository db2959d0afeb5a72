"""deploy_and_wait: triggers, approves if told to, and ends as the pipeline does."""

from collections.abc import Callable
from pathlib import Path

import pytest
from build_workflows import PROJECT, writes
from shipped import Simulation

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]


def test_a_deployment_that_succeeds_is_a_row_and_exit_code_0(workflow: Workflow) -> None:
    run = workflow("deploy_and_wait")

    assert (run.error, run.exit_code, writes(run)) == (None, 0, ["trigger_pipeline"])
    [row] = run.result
    assert (row["pipeline_number"], row["workflow"], row["status"]) == (
        46,
        "build-and-test",
        "success",
    )
    assert (row["approved"], row["failures"]) == ([], [])
    assert run.result_text == (
        "Pipeline 46 of gh/example-org/example-repo on main\n  success      build-and-test"
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "status", "approved"),
    [
        ({}, 1, "on_hold", []),
        ({"approve": "true"}, 0, "success", ["hold-deploy"]),
        ({"approve": "yes", "only": "^hold-"}, 0, "success", ["hold-deploy"]),
        ({"approve": "true", "only": "^release"}, 1, "on_hold", []),
    ],
)
def test_an_approval_is_given_only_if_told_to(
    arguments: dict[str, str],
    exit_code: int,
    status: str,
    approved: list[str],
    workflow: Workflow,
) -> None:
    run = workflow("deploy_and_wait", {"branch": "hold/x", **arguments})

    assert (run.error, run.exit_code) == (None, exit_code)
    assert [(row["status"], row["approved"]) for row in run.result] == [(status, approved)]
    assert writes(run) == ["trigger_pipeline"] + ["approve_workflow_job"] * len(approved)
    hint = "waits for an approval: --arg approve=true gives it"
    assert (hint in str(run.result_text)) == (status == "on_hold")


def test_a_deployment_that_fails_says_why(workflow: Workflow) -> None:
    run = workflow(
        "deploy_and_wait",
        {"parameters": {"simulate": "fail", "simulate_job": "deploy"}},
    )

    assert (run.error, run.exit_code) == (None, 1)
    [row] = run.result
    assert row["status"] == "failed"
    [reason] = row["failures"]
    assert reason.startswith("deploy, ")
    assert reason in str(run.result_text)


def test_a_configuration_that_is_refused_is_an_error_that_says_so(workflow: Workflow) -> None:
    run = workflow("deploy_and_wait", {"branch": "error/x"})

    assert run.exit_code == 1
    assert "the pipeline cannot run: Job 'test' requires 'lint'" in str(run.error)


def test_a_deployment_that_takes_too_long_is_an_error_that_says_how_to_wait_on(
    workflow: Workflow,
) -> None:
    run = workflow("deploy_and_wait", {"branch": "slow/x", "timeout": "60"})

    assert run.exit_code == 1
    assert str(run.error).endswith(
        "pipeline 46 still runs after 60 seconds. Wait on with --workflow watch, "
        "or longer with --arg timeout=120"
    )


def test_a_tag_is_deployed_in_place_of_a_branch(workflow: Workflow, circleci: Simulation) -> None:
    run = workflow("deploy_and_wait", {"tag": "v1.2.0"})

    pipeline = circleci.call("get_pipeline", pipeline_id=run.result[0]["pipeline_id"])
    assert (pipeline["vcs"].get("tag"), pipeline["vcs"].get("branch")) == ("v1.2.0", None)
    assert str(run.result_text).startswith("Pipeline 46 of gh/example-org/example-repo on v1.2.0")


def test_a_pipeline_definition_is_run_where_one_is_named(
    workflow: Workflow, circleci: Simulation
) -> None:
    run = workflow("deploy_and_wait", {"definition": "definition-uuid", "branch": "fail/x"})

    assert writes(run) == ["trigger_pipeline_run"]
    assert [row["status"] for row in run.result] == ["failed"]
    pipeline = circleci.call("get_pipeline", pipeline_id=run.result[0]["pipeline_id"])
    assert pipeline["vcs"]["branch"] == "fail/x"


def test_its_plan_is_the_trigger_which_can_be_applied(
    tmp_path: Path,
    workflow: Workflow,
    planned: Callable[..., list[str]],
    circleci: Simulation,
) -> None:
    before = len(circleci.world.pipelines)
    assert planned("deploy_and_wait") == ["trigger_pipeline"]
    assert len(circleci.world.pipelines) == before

    run = workflow("deploy_and_wait", apply=tmp_path / "made.plan")

    assert (run.error, [row["status"] for row in run.result]) == (None, ["success"])


def test_a_run_that_was_ended_is_resumed_without_a_second_trigger(
    tmp_path: Path, workflow: Workflow, circleci: Simulation
) -> None:
    journal = tmp_path / "deploy.db"
    before = len(circleci.world.pipelines)
    short = {"branch": "slow/x", "timeout": "60"}
    first = workflow("deploy_and_wait", short, journal=journal)

    second = workflow("deploy_and_wait", {"branch": "slow/x"}, journal=journal, resume=True)

    assert (first.success, second.error) == (False, None)
    assert [row["status"] for row in second.result] == ["success"]
    assert len(circleci.world.pipelines) == before + 1


def test_an_unknown_project_is_the_answer_of_circleci(workflow: Workflow) -> None:
    run = workflow("deploy_and_wait", {"project": PROJECT + "-2"})

    assert (run.error_type, run.exit_code) == ("api", 1)
