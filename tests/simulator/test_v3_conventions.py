"""What all of API v3 has in common: errors, filters, pages, bodies; and where it is absent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]


def error_of(answer: tuple[int, Any]) -> tuple[Any, ...]:
    status, body = answer
    error = body["error"]
    return status, error["type"], error["title"], error.get("detail")


def test_an_error_has_the_id_of_its_request(send: Send) -> None:
    answer = send("GET", "/api/v3/runs/nothing")
    body: Any = decode(answer.body)
    assert (answer.status, body) == (
        404,
        {
            "error": {
                "id": answer.headers["x-request-id"],
                "type": "not_found",
                "title": "Pipeline not found",
            }
        },
    )


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (
            "/api/v3/jobs",
            (
                400,
                "validation_error",
                "Missing Required Filter",
                "Query parameter 'filter[workflow_id]' is required.",
            ),
        ),
        (
            "/api/v3/runs",
            (
                400,
                "validation_error",
                "Missing Required Filter",
                "Query parameter 'filter[user_id]' is required, and only 'me' is known.",
            ),
        ),
        (
            "/api/v3/projects",
            (
                400,
                "validation_error",
                "Missing Required Filter",
                "One of filter[slug], filter[org_id] and filter[following] is required.",
            ),
        ),
        (
            "/api/v3/orgs?page[limit]=51",
            (
                400,
                "validation_error",
                "Invalid page size",
                "Page limit must be at least 1 and at most 50.",
            ),
        ),
        (
            "/api/v3/runner/agents",
            (
                400,
                "validation_error",
                "Exactly one filter parameter is required.",
                "One of filter[org_id], filter[namespace], filter[resource_class].",
            ),
        ),
        (
            "/api/v3/orgs?page[cursor]=MjA6",
            (400, "validation_error", "Invalid page token.", None),
        ),
    ],
)
def test_a_read_that_makes_no_sense_is_refused(ask: Ask, path: str, error: tuple[Any, ...]) -> None:
    assert error_of(ask("GET", path)) == error


def test_a_request_without_a_good_token_is_unauthorized(ask: Ask) -> None:
    error = (401, "unauthorized", "You must log in first.", None)
    assert error_of(ask("GET", "/api/v3/orgs", token=None)) == error
    assert error_of(ask("GET", "/api/v3/orgs", token="of-somebody")) == error


def test_a_public_route_needs_no_token_but_takes_no_bad_one(simulator: SimulatorTransport) -> None:
    def status(headers: dict[str, str]) -> int:
        url = "https://circleci.com/api/v3/catalog/offerings"
        return simulator.send(WireRequest("GET", url, headers)).status

    assert status({}) == 200
    assert status({"Circle-Token": SIMULATED_TOKEN}) == 200
    bad = ({"Circle-Token": "x"}, {"Circle-Token": ""}, {"Authorization": "Bearer "})
    assert [status(each) for each in bad] == [401, 401, 401]
    assert simulator.world.current_user.login == "example-user"


@pytest.mark.parametrize(
    ("data", "member"),
    [
        ({"attributes": {"name": "a", "color": 1}}, "data.attributes.color"),
        ({"attributes": {"name": "a"}, "id": "x"}, "data.id"),
        ({"attributes": {"name": "a"}, "references": {"org": {"id": "x"}}}, "data.references.org"),
    ],
)
def test_a_create_rejects_unknown_members(ask: Ask, data: dict[str, Any], member: str) -> None:
    references = {"namespace": {"id": "namespace-uuid"}, **data.get("references", {})}
    body = {"data": {**data, "references": references}}
    assert error_of(ask("POST", "/api/v3/orb/packages", body)) == (
        400,
        "validation_error",
        "Unknown member",
        f"{member} is not expected here.",
    )


def test_a_page_leads_to_the_next_with_or_without_its_limit(ask: Ask) -> None:
    for number in range(5):
        body = {"name": f"context-{number}", "owner": {"id": "org-uuid"}}
        assert ask("POST", "/context", body)[0] == 200
    path = "/api/v3/contexts?filter[org_id]=org-uuid"
    first = ask("GET", f"{path}&page[limit]=4")[1]
    names = [each["attributes"]["name"] for each in first["data"]]
    assert names == ["production", "context-0", "context-1", "context-2"]
    for limit in ("", "&page[limit]=2"):
        rest = ask("GET", f"{path}&page[cursor]={first['page']['next']}{limit}")[1]
        assert [each["attributes"]["name"] for each in rest["data"]] == ["context-3", "context-4"]
        assert rest["page"] == {"next": None}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v3/runs"),
        ("GET", "/api/v3/triggers"),
        ("POST", "/api/v3/configs/compile"),
        ("DELETE", "/api/v3/contexts/context-uuid/env-vars"),
        ("GET", "/api/v2/organizations/org-uuid/groups/group-uuid/users"),
        ("GET", "/api/v1.1/recent-builds"),
        ("POST", "/api/v1.1/project/gh/example-org/example-repo/98/ssh-users"),
    ],
)
def test_a_route_that_only_the_simulator_lacks_says_so(ask: Ask, method: str, path: str) -> None:
    status, answer = ask(method, path)
    message = (
        f"The simulator does not have {method} {path}. CircleCI has routes there that are not "
        "simulated."
    )
    error = answer.get("error")
    assert (status, error["title"] if error else answer["message"]) == (404, message)


@pytest.mark.parametrize("path", ["/api/v3/nothing", "/api/v3/", "/api/v2/nothing"])
def test_a_route_that_nothing_has_is_just_not_found(ask: Ask, path: str) -> None:
    status, answer = ask("GET", path)
    assert (status, answer.get("message") or answer["error"]["title"]) == (404, "Not found")


@pytest.fixture
def server() -> Iterator[SimulatorTransport]:
    transport = SimulatorTransport(has_v3=False)
    yield transport
    transport.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v3/jobs/failed-job-uuid", 404),
        ("/api/v3/catalog/offerings", 404),
        ("/api/v2/pipeline/failed-pipeline-uuid", 200),
        ("/api/v1.1/project/gh/example-org/example-repo/98", 200),
    ],
)
def test_a_server_has_no_v3(server: SimulatorTransport, path: str, status: int) -> None:
    request = WireRequest("GET", f"https://ci.example.com{path}", {"Circle-Token": SIMULATED_TOKEN})
    assert server.send(request).status == status
