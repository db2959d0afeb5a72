"""How a pipeline ends is decided by its branch and its parameters, as the guide says."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.plans import CONFIG_TROUBLE
from kosmo_circleci.simulator.transport import SimulatorTransport

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"


def trigger(ask: Ask, **body: Any) -> str:
    status, pipeline = ask("POST", f"{PROJECT}/pipeline", body)
    assert status == 201, pipeline
    return str(pipeline["id"])


def workflows(ask: Ask, pipeline_id: str) -> list[Any]:
    return list(ask("GET", f"/pipeline/{pipeline_id}/workflow")[1]["items"])


def jobs(ask: Ask, workflow_id: str) -> dict[str, Any]:
    return {each["name"]: each for each in ask("GET", f"/workflow/{workflow_id}/job")[1]["items"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"branch": "main"}, "success"),
        ({"branch": "fail/x"}, "failed"),
        ({"branch": "failing/x"}, "success"),
        ({"branch": "x/fail/y"}, "success"),
        ({"branch": "fail"}, "success"),
        ({"branch": "flaky/x"}, "failed"),
        ({"branch": "hold/x"}, "on_hold"),
        ({"branch": "hold/fail/x"}, "failed"),
        ({"branch": "slow/fail/x"}, "failed"),
        ({"tag": "fail/x"}, "success"),
        ({"parameters": {"simulate": "fail"}}, "failed"),
        ({"tag": "v1", "parameters": {"simulate": "hold"}}, "on_hold"),
        ({"branch": "fail/x", "parameters": {"simulate": "success"}}, "success"),
    ],
)
def test_branch_and_parameters_decide_the_end(
    ask: Ask, simulator: SimulatorTransport, body: dict[str, Any], status: str
) -> None:
    pipeline_id = trigger(ask, **body)
    simulator.advance(3600)
    assert workflows(ask, pipeline_id)[0]["status"] == status


def test_what_was_flaky_succeeds_when_it_is_run_again(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    pipeline_id = trigger(ask, branch="flaky/x")
    simulator.advance(60)
    workflow_id = workflows(ask, pipeline_id)[0]["id"]
    assert ask("POST", f"/workflow/{workflow_id}/rerun", {"from_failed": True})[0] == 202
    simulator.advance(60)
    assert [each["status"] for each in workflows(ask, pipeline_id)] == ["failed", "success"]


def test_what_fails_fails_again(ask: Ask, simulator: SimulatorTransport) -> None:
    pipeline_id = trigger(ask, branch="fail/x")
    simulator.advance(60)
    workflow_id = workflows(ask, pipeline_id)[0]["id"]
    ask("POST", f"/workflow/{workflow_id}/rerun", {})
    simulator.advance(60)
    assert [each["status"] for each in workflows(ask, pipeline_id)] == ["failed", "failed"]


def test_slow_takes_ten_times_as_long(ask: Ask, simulator: SimulatorTransport) -> None:
    pipeline_id = trigger(ask, branch="slow/x")
    simulator.advance(290)
    assert workflows(ask, pipeline_id)[0]["status"] == "running"
    simulator.advance(10)
    assert workflows(ask, pipeline_id)[0]["status"] == "success"


def test_an_error_of_the_configuration_leaves_a_pipeline_without_workflows(ask: Ask) -> None:
    status, answer = ask("POST", f"{PROJECT}/pipeline", {"branch": "error/x"})
    assert (status, answer["state"]) == (201, "errored")
    pipeline = ask("GET", f"/pipeline/{answer['id']}")[1]
    assert (pipeline["state"], pipeline["errors"]) == (
        "errored",
        [{"type": "config", "message": CONFIG_TROUBLE}],
    )
    assert workflows(ask, answer["id"]) == []


def test_a_setup_pipeline_goes_on_as_its_parameters_say(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    pipeline_id = trigger(ask, branch="setup/fail/x")
    assert [each["name"] for each in workflows(ask, pipeline_id)] == ["setup"]
    key = next(
        each.continuation_key
        for each in simulator.world.pipelines.values()
        if each.id == pipeline_id
    )
    body = {"continuation-key": key, "configuration": "version: 2.1"}
    assert ask("POST", "/pipeline/continue", body)[0] == 200
    simulator.advance(60)
    answers = [(each["name"], each["status"]) for each in workflows(ask, pipeline_id)]
    assert answers == [("setup", "success"), ("build-and-test", "failed")]


def test_parameters_choose_the_job_its_length_and_its_parallel_runs(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    parameters = {
        "simulate": "fail",
        "simulate_job": "deploy",
        "simulate_seconds": 7,
        "simulate_parallelism": 3,
    }
    pipeline_id = trigger(ask, parameters=parameters)
    simulator.advance(60)
    answers = jobs(ask, workflows(ask, pipeline_id)[0]["id"])
    assert {name: job["status"] for name, job in answers.items()} == {
        "lint": "success",
        "test": "success",
        "deploy": "failed",
    }
    details = ask("GET", f"{PROJECT}/job/{answers['test']['job_number']}")[1]
    assert (details["duration"], details["parallelism"], details["parallel_runs"]) == (
        7000,
        3,
        [{"index": index, "status": "success"} for index in range(3)],
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"simulate": "explode"},
            "parameters.simulate: expected success, fail, flaky, hold, slow, error, setup, "
            "timeout, infra, or several joined by a slash",
        ),
        (
            {"simulate": "success/fail"},
            "parameters.simulate: expected success, fail, flaky, hold, slow, error, setup, "
            "timeout, infra, or several joined by a slash",
        ),
        ({"simulate_job": "x"}, "parameters.simulate_job: expected one of lint, test, deploy"),
        (
            {"simulate_seconds": 0},
            "parameters.simulate_seconds: expected an integer from 1 to 86400",
        ),
        (
            {"simulate_parallelism": True},
            "parameters.simulate_parallelism: expected an integer from 1 to 64",
        ),
    ],
)
def test_parameters_that_make_no_sense_start_nothing(
    ask: Ask, parameters: dict[str, Any], message: str
) -> None:
    answer = ask("POST", f"{PROJECT}/pipeline", {"parameters": parameters})
    assert answer == (400, {"message": message})
    assert ask("POST", f"{PROJECT}/pipeline", {})[1]["number"] == 46


def test_time_moves_on_without_a_request_and_never_back(simulator: SimulatorTransport) -> None:
    simulator.advance(0.25)
    simulator.advance(1.5)
    assert simulator.now_s() == 1.75
    for seconds in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="moves forward only"):
            simulator.advance(seconds)
    assert simulator.now_s() == 1.75
