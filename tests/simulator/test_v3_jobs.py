"""Jobs of API v3: steps and what they printed, tests, artifacts, the use of their machines."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

PROJECT = "/project/gh/example-org/example-repo"


def job(ask: Ask, job_id: str) -> Any:
    status, answer = ask("GET", f"/api/v3/jobs/{job_id}")
    assert status == 200, answer
    return answer["data"]


def jobs_of(ask: Ask, workflow_id: str) -> dict[str, Any]:
    answer = ask("GET", f"/api/v3/jobs?filter[workflow_id]={workflow_id}")[1]
    return {each["attributes"]["name"]: each for each in answer["data"]}


def step(ask: Ask, job_id: str, name: str, execution: int = 0) -> Any:
    steps = job(ask, job_id)["attributes"]["parallel_executions"][execution]["steps"]
    return next(each for each in steps if each["name"] == name)


def fetch(
    simulator: SimulatorTransport, path: str, num: int, *, execution: int = 0, **headers: str
) -> WireResponse:
    query = f"filter[execution]={execution}&filter[step_num]={num}"
    url = f"https://circleci.com/api/v3/jobs/{path}?{query}"
    return simulator.send(WireRequest("GET", url, {"Circle-Token": SIMULATED_TOKEN, **headers}))


def test_a_job_that_has_run_tells_its_steps(ask: Ask) -> None:
    data = job(ask, "failed-job-uuid")
    assert data["references"] == {
        "project": {"id": "project-uuid"},
        "pipeline": {"id": "failed-pipeline-uuid"},
        "workflow": {"id": "failed-workflow-uuid"},
        "user": {"id": "another-user-uuid"},
    }
    attributes = data["attributes"]
    assert (attributes["name"], attributes["phase"], attributes["outcome"]) == (
        "test",
        "ended",
        "failed",
    )
    first, second = attributes["parallel_executions"]
    assert {each["outcome"] for each in second["steps"]} == {"succeeded"}
    [failed] = [each for each in first["steps"] if each["outcome"] != "succeeded"]
    times = {key: failed.pop(key) for key in ("started_at", "ended_at")}
    assert failed.pop("stdout_bytes") > 500
    assert failed == {
        "num": 103,
        "name": "Run tests",
        "type": "run",
        "phase": "ended",
        "outcome": "failed",
        "exit_code": 1,
        "command": "#!/bin/bash -eo pipefail\npytest --junitxml=test-results/results.xml",
        "stderr_bytes": 0,
    }
    assert attributes["started_at"] < times["started_at"] < times["ended_at"]


@pytest.mark.parametrize("job_id", ["failed-deploy-job-uuid", "hold-deploy-job-uuid", "nothing"])
def test_a_job_that_has_not_run_is_a_404(ask: Ask, job_id: str) -> None:
    status, answer = ask("GET", f"/api/v3/jobs/{job_id}")
    assert (status, answer["error"]["title"]) == (404, "Job not found")


def test_a_list_of_jobs_runs_ahead_of_their_details(ask: Ask) -> None:
    pipeline_id = ask("POST", f"{PROJECT}/pipeline", {"branch": "slow/x"})[1]["id"]
    workflow_id = ask("GET", f"/pipeline/{pipeline_id}/workflow")[1]["items"][0]["id"]
    lint = jobs_of(ask, workflow_id)["lint"]
    assert lint["attributes"]["phase"] == "started"
    assert "started_at" not in lint["attributes"]
    attributes = job(ask, lint["id"])["attributes"]
    assert (attributes["phase"], attributes["parallel_executions"]) == ("queued", [])


def test_an_approval_that_waits_has_not_ended(ask: Ask) -> None:
    held = jobs_of(ask, "on-hold-workflow-uuid")["hold-deploy"]["attributes"]
    assert (held["type"], held["phase"], held.get("number")) == ("approval", "started", None)


@pytest.mark.parametrize(
    ("workflow_id", "outcomes"),
    [
        ("timedout-workflow-uuid", {"lint": "succeeded", "test": "timedout", "deploy": "not_run"}),
        (
            "infra-workflow-uuid",
            {"lint": "succeeded", "test": "infrastructure_fail", "deploy": "not_run"},
        ),
        (
            "deploy-failed-workflow-uuid",
            {"lint": "succeeded", "test": "succeeded", "deploy": "failed"},
        ),
        ("canceled-workflow-uuid", {"lint": "succeeded", "test": "canceled", "deploy": "canceled"}),
    ],
)
def test_jobs_end_in_every_way(ask: Ask, workflow_id: str, outcomes: dict[str, str]) -> None:
    jobs = jobs_of(ask, workflow_id)
    assert {name: each["attributes"]["outcome"] for name, each in jobs.items()} == outcomes


def test_a_killed_step_has_no_exit_code_and_a_lost_one_no_outcome(ask: Ask) -> None:
    killed = step(ask, "timedout-job-uuid", "Run tests")
    assert (killed["outcome"], "exit_code" in killed) == ("timedout", False)
    lost = step(ask, "infra-job-uuid", "Spin up environment")
    assert (lost["phase"], "outcome" in lost, "ended_at" in lost) == ("started", False, False)


def test_an_output_is_bytes_with_their_colours(ask: Ask, simulator: SimulatorTransport) -> None:
    answer = fetch(simulator, "failed-job-uuid/stdout", 103)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.headers["x-terminal"] == "true"
    assert answer.body.endswith(b"AssertionError: expected 200, got 500\r\n")
    assert b"\x1b[31mFAILED\x1b[0m" in answer.body
    assert len(answer.body) == step(ask, "failed-job-uuid", "Run tests")["stdout_bytes"]


def test_a_range_is_the_rest_of_an_output(simulator: SimulatorTransport) -> None:
    whole = fetch(simulator, "failed-job-uuid/stdout", 103).body
    size = len(whole)
    rest = fetch(simulator, "failed-job-uuid/stdout", 103, Range=f"bytes={size - 20}-")
    assert (rest.status, rest.body) == (206, whole[-20:])
    assert rest.headers["content-range"] == f"bytes {size - 20}-{size - 1}/{size}"
    part = fetch(simulator, "failed-job-uuid/stdout", 103, Range="bytes=5-9")
    assert part.body == whole[5:10]
    past = fetch(simulator, "failed-job-uuid/stdout", 103, Range=f"bytes={size}-")
    assert (past.status, past.headers["content-range"]) == (416, f"bytes */{size}")


def test_standard_error_says_why_a_deployment_failed(simulator: SimulatorTransport) -> None:
    answer = fetch(simulator, "deploy-failed-deploy-job-uuid/stderr", 103)
    assert answer.body.startswith(b"Error: deployment of web to production failed: ")
    assert "x-terminal" not in answer.headers


def test_a_condensed_output_is_the_part_about_the_error(simulator: SimulatorTransport) -> None:
    condensed = fetch(simulator, "failed-job-uuid/stdout/condensed", 103).body
    whole = fetch(simulator, "failed-job-uuid/stdout", 103).body
    assert condensed in whole
    assert len(condensed) < len(whole)
    assert b"AssertionError" in condensed
    assert fetch(simulator, "failed-job-uuid/stdout/condensed", 102).status == 404


@pytest.mark.parametrize(
    ("path", "num", "execution"),
    [
        ("failed-job-uuid/stderr", 103, 0),  # it printed nothing there
        ("failed-job-uuid/stdout", 104 + 50, 0),
        ("failed-job-uuid/stdout", 103, 2),
        ("failed-deploy-job-uuid/stdout", 103, 0),  # it has not run
    ],
)
def test_an_output_that_is_not_there_is_a_404(
    simulator: SimulatorTransport, path: str, num: int, execution: int
) -> None:
    assert fetch(simulator, path, num, execution=execution).status == 404


def test_the_output_of_a_running_step_is_followed_to_its_end(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    body = {"branch": "fail/x", "parameters": {"simulate_log_bytes": 10_000}}
    pipeline_id = ask("POST", f"{PROJECT}/pipeline", body)[1]["id"]
    workflow_id = ask("GET", f"/pipeline/{pipeline_id}/workflow")[1]["items"][0]["id"]
    job_id = jobs_of(ask, workflow_id)["test"]["id"]
    simulator.advance(4)
    text, reads, complete = b"", 0, False
    while not complete:
        answer = fetch(simulator, f"{job_id}/stdout", 103, Range=f"bytes={len(text)}-")
        if answer.status in (200, 206):
            text += answer.body
        assert answer.status in (206, 404, 416)
        complete = answer.headers.get("x-terminal") == "true"
        reads += 1
        simulator.advance(0.5)
        assert reads < 20
    assert text.endswith(b"AssertionError: expected 200, got 500\r\n")
    assert text == fetch(simulator, f"{job_id}/stdout", 103).body
    assert len(text) > 10_000


def test_the_end_of_a_long_log_is_read_without_the_rest(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    parameters = {
        "simulate_log_bytes": 50_000_000,
        "simulate_steps": 199,
        "simulate_parallelism": 1,
    }
    body = {"branch": "fail/x", "parameters": parameters}
    pipeline_id = ask("POST", f"{PROJECT}/pipeline", body)[1]["id"]
    workflow_id = ask("GET", f"/pipeline/{pipeline_id}/workflow")[1]["items"][0]["id"]
    simulator.advance(60)
    job_id = jobs_of(ask, workflow_id)["test"]["id"]
    [execution] = job(ask, job_id)["attributes"]["parallel_executions"]
    failed = [each for each in execution["steps"] if each["outcome"] == "failed"]
    assert len(failed) == 200
    assert sum(each["stdout_bytes"] for each in failed) >= 50_000_000
    tracemalloc.start()
    try:
        for each in failed:
            offset = each["stdout_bytes"] - 100
            tail = fetch(simulator, f"{job_id}/stdout", each["num"], Range=f"bytes={offset}-")
            assert (tail.status, len(tail.body)) == (206, 100)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_test_results_are_json_lines(send: Send) -> None:
    answer = send("GET", "/api/v3/jobs/failed-job-uuid/tests")
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows: list[Any] = [decode(line) for line in answer.body.splitlines()]
    assert [(each["name"], each["result"], each["message"]) for each in rows] == [
        ("test_login", "failure", "AssertionError: expected 200, got 500"),
        ("test_logout", "success", ""),
        ("test_profile", "success", ""),
    ]
    assert send("GET", "/api/v3/jobs/lint-job-uuid/tests").body == b""
    assert send("GET", "/api/v3/jobs/timedout-job-uuid/tests").body == b""


def test_artifacts_can_be_downloaded(ask: Ask, simulator: SimulatorTransport) -> None:
    rows = ask("GET", "/api/v3/jobs/failed-job-uuid/artifacts")[1]["data"]
    of_v2 = ask("GET", f"{PROJECT}/98/artifacts")[1]["items"]
    assert [each["attributes"]["url"] for each in rows] == [each["url"] for each in of_v2]
    log = next(each["attributes"] for each in rows if each["attributes"]["path"] == "logs/test.log")
    assert log["execution"] == 0
    answer = simulator.send(WireRequest("GET", log["url"], {}))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert b"AssertionError" in answer.body
    missing = log["url"].replace("test.log", "other.log")
    assert simulator.send(WireRequest("GET", missing, {})).status == 404


def test_a_long_job_has_a_series_of_its_usage_and_a_short_one_an_empty_one(ask: Ask) -> None:
    usage = ask("GET", "/api/v3/jobs/timedout-job-uuid/resource-usage")[1]["data"]["attributes"]
    limit = usage["resource_class"]["memory_limit_bytes"]
    for each in usage["parallel_executions"]:
        assert (each["interval_ms"], len(each["cpu_cores"])) == (15_000, 660 // 15)
        assert all(0 < cores <= 2 for cores in each["cpu_cores"])
        assert all(0 < size <= limit for size in each["memory_bytes"])
    short = ask("GET", "/api/v3/jobs/job-uuid/resource-usage")[1]["data"]["attributes"]
    assert [each["cpu_cores"] for each in short["parallel_executions"]] == [[], []]
    assert ask("GET", "/api/v3/jobs/hold-deploy-job-uuid/resource-usage")[0] == 404
