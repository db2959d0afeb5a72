"""Builds of API v1.1: all that a CircleCI Server tells about steps, from the same world."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

EXAMPLE = "/api/v1.1/project/gh/example-org/example-repo"
ANOTHER = "/api/v1.1/project/github/example-org/another-repo"


def actions(build: Any) -> list[Any]:
    return [action for step in build["steps"] for action in step["actions"]]


def test_a_build_is_the_job_of_v2(ask: Ask) -> None:
    build = ask("GET", f"{EXAMPLE}/98")[1]
    assert (build["build_num"], build["branch"], build["status"]) == (98, "fail/payments", "failed")
    assert (build["lifecycle"], build["outcome"], build["failed"]) == ("finished", "failed", True)
    assert build["build_time_millis"] == 10_000
    assert build["workflows"] == {
        "job_name": "test",
        "job_id": "failed-job-uuid",
        "workflow_id": "failed-workflow-uuid",
        "workflow_name": "build-and-test",
    }


def test_a_step_has_an_action_for_each_execution(ask: Ask) -> None:
    build = ask("GET", f"{EXAMPLE}/98")[1]
    tests = next(each for each in build["steps"] if each["name"] == "Run tests")
    first, second = tests["actions"]
    assert (first["index"], first["step"], first["status"]) == (0, 103, "failed")
    assert (first["failed"], first["exit_code"]) == (True, 1)
    assert (second["index"], second["status"], second["exit_code"]) == (1, "success", 0)
    assert first["bash_command"].endswith("\npytest --junitxml=test-results/results.xml")


@pytest.mark.parametrize(
    ("number", "status", "flag", "failing"),
    [
        (2, "timedout", "timedout", ("Run tests", "timedout", None, None, True)),
        (5, "infrastructure_fail", "infrastructure_fail", None),
        (9, "failed", "failed", ("Deploy to production", "failed", 1, True, None)),
        (11, "canceled", "canceled", ("Run tests", "canceled", None, None, None)),
    ],
)
def test_a_build_tells_every_way_of_failing(
    ask: Ask, number: int, status: str, flag: str, failing: tuple[Any, ...] | None
) -> None:
    build = ask("GET", f"{ANOTHER}/{number}")[1]
    assert (build["status"], build[flag]) == (status, True)
    bad = [each for each in actions(build) if each["status"] not in ("success", "running")]
    keys = ("name", "status", "exit_code", "failed", "timedout")
    assert [tuple(each[key] for key in keys) for each in bad[:1]] == ([failing] if failing else [])
    assert bool(build["messages"]) is (status == "infrastructure_fail")


def test_an_output_is_read_by_its_number(ask: Ask, send: Send) -> None:
    action = next(each for each in actions(ask("GET", f"{EXAMPLE}/98")[1]) if each["failed"])
    allocation = quote(action["allocation_id"], safe="")
    path = f"{EXAMPLE}/98/output/{action['step']}/{action['index']}"
    answer = send("GET", f"{path}?file=true&allocation-id={allocation}")
    assert answer.status == 200
    assert answer.body.endswith(b"AssertionError: expected 200, got 500\r\n")
    assert send("GET", f"{path}?file=true&allocation-id=other").status == 404
    assert send("GET", f"{EXAMPLE}/98/output/999/0?file=true").status == 404


def test_a_presigned_output_needs_no_token_and_fits_one_step_alone(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    build = ask("GET", f"{ANOTHER}/9")[1]
    url = next(each for each in actions(build) if each["failed"])["output_url"]
    assert url.startswith("https://circleci.com/api/private/output/presigned/")
    answer = simulator.send(WireRequest("GET", url, {}))
    rows: Any = decode(answer.body)
    assert [each["type"] for each in rows] == ["out", "err"]
    assert rows[1]["message"].startswith("Error: deployment of web to production failed")
    assert simulator.send(WireRequest("GET", url[:-1] + "x", {})).status == 401
    other_step = url.replace("/103?", "/102?")
    assert simulator.send(WireRequest("GET", other_step, {})).status == 401


def test_a_build_of_another_project_is_a_404(ask: Ask) -> None:
    assert ask("GET", f"{EXAMPLE}/9999") == (404, {"message": "Job not found"})
    path = "/api/v1.1/project/gh/another-org/private-repo/1"
    assert ask("GET", path) == (404, {"message": "Project not found"})


def test_a_project_can_be_followed(ask: Ask) -> None:
    answer = ask("POST", f"{EXAMPLE}/follow")
    assert answer == (200, {"followed": True, "first_build": None})


SUNSET = "Mon, 01 Feb 2027 00:00:00 GMT"


@pytest.mark.parametrize(
    ("path", "body", "status", "branch"),
    [
        ("/build", {"branch": "fail/x"}, 200, "fail/x"),
        ("/build", None, 200, "main"),
        ("", {"branch": "release"}, 201, "release"),
        ("/tree/feature%2Flogin", None, 201, "feature/login"),
    ],
)
def test_a_route_that_triggers_says_when_it_ends(
    ask: Ask, send: Send, path: str, body: Any, status: int, branch: str
) -> None:
    answer = send("POST", f"{EXAMPLE}{path}", body)
    assert (answer.status, answer.headers["sunset"]) == (status, SUNSET)
    assert answer.headers["deprecation"] == "true"
    newest = ask("GET", "/project/gh/example-org/example-repo/pipeline")[1]["items"][0]
    assert (newest["number"], newest["vcs"]["branch"]) == (46, branch)
    if status == 201:
        assert decode(answer.body)["build_num"] == 113  # type: ignore[index,call-overload]


@pytest.mark.parametrize("action", ["retry", "ssh"])
def test_a_build_is_run_again_as_a_new_one(ask: Ask, send: Send, action: str) -> None:
    answer = send("POST", f"{EXAMPLE}/98/{action}")
    assert (answer.status, answer.headers["sunset"]) == (200, SUNSET)
    again: Any = decode(answer.body)
    assert (again["build_num"], again["retry_of"]) == (113, 98)
    assert ask("GET", f"{EXAMPLE}/113")[1]["workflows"]["job_name"] == "test"


def test_such_a_route_is_gone_when_its_time_has_come(
    send: Send, simulator: SimulatorTransport
) -> None:
    simulator.advance(750 * 86_400)
    assert send("POST", f"{EXAMPLE}/build").status == 410
    assert send("GET", f"{EXAMPLE}/98").status == 200
