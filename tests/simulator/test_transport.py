import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

PROJECT = "/project/gh/example-org/example-repo"


@pytest.mark.parametrize("token", [None, "", "invalid", "Simulated-Token"])
@pytest.mark.parametrize("path", ["/me", "/nothing/here", "/api/v1.1/projects"])
def test_without_a_good_token_nothing_is_answered(ask: Ask, token: str | None, path: str) -> None:
    assert ask("GET", path, token=token) == (401, {"message": "You must log in first."})


def test_the_header_of_the_token_is_found_in_any_case(simulator: SimulatorTransport) -> None:
    headers = {"circle-token": SIMULATED_TOKEN}
    answer = simulator.send(WireRequest("GET", "http://127.0.0.1:8080/api/v2/me", headers))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/project/gh/acme/nowhere", "Project not found"),
        ("GET", "/project/gh/acme/nowhere/pipeline", "Project not found"),
        ("POST", "/project/gh/acme/nowhere/pipeline", "Project not found"),
        ("GET", "/insights/gh/acme/nowhere/flaky-tests", "Project not found"),
        ("GET", "/insights/gh/acme/summary", "Organization not found"),
        ("GET", "/organization/gh/acme", "Organization not found"),
        ("GET", "/pipeline?org-slug=gh/acme", "Organization not found"),
        ("GET", "/pipeline/nothing", "Pipeline not found"),
        ("GET", "/pipeline/nothing/workflow", "Pipeline not found"),
        ("GET", f"{PROJECT}/pipeline/99", "Pipeline not found"),
        ("GET", "/workflow/nothing", "Workflow not found"),
        ("POST", "/workflow/nothing/cancel", "Workflow not found"),
        ("GET", "/context/nothing", "Context not found"),
        ("GET", f"{PROJECT}/job/999", "Job not found"),
        ("GET", f"{PROJECT}/job/{'9' * 18}", "Job not found"),
        ("GET", f"{PROJECT}/999/artifacts", "Job not found"),
        ("POST", "/jobs/nothing/cancel", "Job not found"),
        ("GET", f"{PROJECT}/envvar/NOTHING", "Environment variable not found"),
        ("GET", "/nothing", "Not found"),
        ("GET", "/", "Not found"),
        ("GET", "/me/", "Not found"),
        ("GET", "/projects", "Not found"),
        ("GET", "/api/v1.1/nothing", "Not found"),
        ("GET", "/nowhere", "Not found"),
    ],
)
def test_what_does_not_exist_is_a_404_that_says_what(
    ask: Ask, method: str, path: str, message: str
) -> None:
    assert ask(method, path) == (404, {"message": message})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/me"),
        ("PATCH", "/context/context-uuid"),
        ("GET", "/workflow/workflow-uuid/cancel"),
        ("POST", f"{PROJECT}/settings"),
    ],
)
def test_a_known_path_with_another_method_is_a_405(ask: Ask, method: str, path: str) -> None:
    assert ask(method, path) == (405, {"message": "Method not allowed"})


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/context", {"owner": {"id": "org-uuid"}}, "name: this field is required"),
        ("POST", "/context", None, "name: this field is required"),
        ("POST", "/context", {"name": 1, "owner": {}}, "name: expected a string"),
        ("POST", "/context", {"name": "a", "owner": "gh/acme"}, "owner: expected an object"),
        ("POST", "/context", [], "The request body must be a JSON object."),
        ("POST", "/context", b"{", "The request body is not valid JSON."),
        ("POST", f"{PROJECT}/envvar", {"name": "A"}, "value: this field is required"),
        ("POST", f"{PROJECT}/envvar", {"name": "A", "value": True}, "value: expected a string"),
        (
            "POST",
            f"{PROJECT}/checkout-key",
            {"type": "ssh"},
            "type: expected one of user-key, deploy-key",
        ),
        (
            "POST",
            f"{PROJECT}/pipeline",
            {"branch": "main", "tag": "v1"},
            "Only one of branch and tag may be given.",
        ),
        (
            "POST",
            f"{PROJECT}/pipeline",
            {"parameters": {"a": [1]}},
            "parameters.a: expected a string, an integer or a boolean",
        ),
        (
            "POST",
            f"{PROJECT}/pipeline",
            {"parameters": {str(number): 1 for number in range(101)}},
            "At most 100 pipeline parameters may be given.",
        ),
        (
            "POST",
            "/workflow/workflow-uuid/rerun",
            {"from_failed": "yes"},
            "from_failed: expected a boolean",
        ),
        (
            "POST",
            "/workflow/workflow-uuid/cancel",
            None,
            "The workflow cannot be canceled, it is success.",
        ),
        ("GET", "/context", None, "Exactly one of these must be given: owner-id, owner-slug"),
        ("GET", "/webhook?scope-type=project", None, "Missing required query parameter: scope-id"),
        (
            "GET",
            "/webhook?scope-id=project-uuid&scope-type=org",
            None,
            "scope-type: expected one of project",
        ),
        ("GET", "/pipeline?mine=maybe", None, "mine: expected true or false"),
        ("GET", "/pipeline?page-token=nonsense", None, "Invalid page token."),
        ("GET", "/pipeline?page-token=%C3%BC", None, "Invalid page token."),
        ("GET", f"{PROJECT}/schedule?page-token=MjA6", None, "Invalid page token."),
        ("GET", f"{PROJECT}/job/latest", None, "job-number: expected an integer"),
    ],
)
def test_a_request_that_does_not_fit_is_a_400_that_says_why(
    ask: Ask, method: str, path: str, body: Any, message: str
) -> None:
    assert ask(method, path, body) == (400, {"message": message})


def test_an_answer_is_json_in_utf_8_with_a_request_id(send: Send) -> None:
    send("POST", f"{PROJECT}/pipeline", {"branch": "fünf"})
    answer = send("GET", f"{PROJECT}/pipeline/46")
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-request-id"]) == 36
    assert "fünf".encode() in answer.body
    refused = send("GET", "/nothing")
    assert refused.headers["content-type"] == "application/json"


def conversation(seed: int) -> list[WireResponse]:
    transport = SimulatorTransport(seed=seed)
    headers = {"Circle-Token": SIMULATED_TOKEN}
    requests = [
        ("POST", f"{PROJECT}/pipeline", b'{"branch": "main"}'),
        ("GET", "/pipeline", None),
        ("POST", "/workflow/workflow-uuid/rerun", b"{}"),
        ("GET", "/insights/gh/example-org/example-repo/flaky-tests", None),
        ("POST", "/projects/project-uuid/rollback", b"{}"),
        ("GET", "/nothing", None),
    ]
    base = "https://circleci.com/api/v2"
    return [transport.send(WireRequest(m, base + p, headers, body)) for m, p, body in requests]


def test_two_worlds_of_one_seed_answer_with_the_same_bytes() -> None:
    assert conversation(7) == conversation(7)


def test_two_worlds_of_different_seeds_differ_in_their_ids() -> None:
    one, other = conversation(1)[0], conversation(2)[0]
    assert decode(one.body)["id"] != decode(other.body)["id"]
    assert one.headers["x-request-id"] != other.headers["x-request-id"]


def test_each_request_moves_the_clock_five_seconds(ask: Ask) -> None:
    times = [ask("POST", f"{PROJECT}/pipeline", {})[1]["created_at"] for _ in range(3)]
    assert times == [
        "2025-01-15T10:00:05.000Z",
        "2025-01-15T10:00:10.000Z",
        "2025-01-15T10:00:15.000Z",
    ]


def test_many_threads_get_numbers_of_their_own(ask: Ask) -> None:
    numbers: list[int] = []

    def trigger() -> None:
        numbers.extend(ask("POST", f"{PROJECT}/pipeline", {})[1]["number"] for _ in range(10))

    threads = [threading.Thread(target=trigger) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(numbers) == list(range(46, 126))


def test_the_simulated_time_is_a_wall_clock_of_its_own(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    began = datetime(2025, 1, 15, 10, 0, tzinfo=UTC)
    assert simulator.epoch_s() == began.timestamp()
    simulator.advance(3600.5)
    created_at = ask("POST", f"{PROJECT}/pipeline", {})[1]["created_at"]
    assert simulator.epoch_s() == (began + timedelta(seconds=3605.5)).timestamp()
    assert datetime.fromisoformat(created_at) == began + timedelta(seconds=3605)


def test_the_seeded_pipelines_lie_in_the_days_before_the_simulated_now(
    ask: Ask, simulator: SimulatorTransport
) -> None:
    now = datetime.fromtimestamp(simulator.epoch_s(), UTC)
    items = ask("GET", f"{PROJECT}/pipeline")[1]["items"]
    ages = [now - datetime.fromisoformat(each["created_at"]) for each in items]
    assert [age.days for age in ages] == [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert all(age > timedelta(0) for age in ages)


def test_no_two_things_of_the_seeded_world_share_an_id(simulator: SimulatorTransport) -> None:
    world = simulator.world
    workflows = world.workflows.values()
    ids = [*world.pipelines, *world.workflows, *(job.id for each in workflows for job in each.jobs)]
    twice = {each for each in ids if ids.count(each) > 1}
    assert twice == {"flaky-lint-job-uuid"}  # the rerun of its workflow took it over


def test_a_closed_simulator_refuses_to_answer() -> None:
    transport = SimulatorTransport()
    transport.close()
    with pytest.raises(TransportError, match="closed"):
        transport.send(WireRequest("GET", "https://circleci.com/api/v2/me", {}))
