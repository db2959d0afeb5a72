"""What resources refuse beyond missing fields and wrong types, and small print of their answers."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"
NAME_RULE = "The name of a variable has letters, digits and underscores, and begins with no digit."


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", f"{PROJECT}/envvar", {"name": "1ST", "value": "x"}, NAME_RULE),
        ("POST", f"{PROJECT}/envvar", {"name": "", "value": "x"}, NAME_RULE),
        ("POST", f"{PROJECT}/envvar", {"name": "A-B", "value": "x"}, NAME_RULE),
        ("PUT", "/context/context-uuid/environment-variable/A%20B", {"value": "x"}, NAME_RULE),
        (
            "PATCH",
            f"{PROJECT}/settings",
            {"advanced": {"autocancel": True}},
            "Unknown setting: advanced.autocancel",
        ),
        (
            "POST",
            "/organization",
            {"name": "a/b", "vcs_type": "github"},
            "name: expected a name without a slash",
        ),
        (
            "POST",
            "/organization",
            {"name": "example-org", "vcs_type": "github"},
            "Organization gh/example-org already exists.",
        ),
        (
            "POST",
            "/organization/org-uuid/project",
            {"name": "example-repo"},
            "Project gh/example-org/example-repo already exists.",
        ),
        (
            "GET",
            "/deploy/components?org-id=org-uuid&page-size=101",
            None,
            "page-size: expected an integer from 1 to 100",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Ask, method: str, path: str, body: Any, message: str
) -> None:
    assert ask(method, path, body) == (400, {"message": message})


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", f"{PROJECT}/job/{{}}", "job-number"),
        ("POST", f"{PROJECT}/job/{{}}/cancel", "job-number"),
        ("GET", f"{PROJECT}/pipeline/{{}}", "pipeline-number"),
        ("GET", "/deploy/components?org-id=org-uuid&page-size={}", "page-size"),
    ],
)
@pytest.mark.parametrize("digits", [19, 5_000])  # Python reads at most 4,300
def test_a_number_that_no_server_counts_to_is_refused(
    ask: Ask, method: str, path: str, name: str, digits: int
) -> None:
    message = f"{name}: expected an integer"
    assert ask(method, path.format("9" * digits)) == (400, {"message": message})


def test_a_body_of_another_media_type_is_not_read(simulator: SimulatorTransport) -> None:
    def status(media_type: str) -> int:
        headers = {"Circle-Token": SIMULATED_TOKEN, "Content-Type": media_type}
        url = f"https://circleci.com/api/v2{PROJECT}/pipeline"
        return simulator.send(WireRequest("POST", url, headers, b"{}")).status

    assert [status(each) for each in ("text/plain", "multipart/form-data")] == [415, 415]
    read = ("application/json", "application/json; charset=utf-8")
    assert [status(each) for each in (*read, "application/x-www-form-urlencoded")] == [201] * 3


def test_a_project_made_twice_from_its_repository_is_the_same(ask: Ask) -> None:
    path = "/project/gh/example-org/new-repo"
    assert ask("POST", path)[0] == 201
    first = ask("GET", path)
    assert ask("POST", path)[0] == 201
    assert ask("GET", path) == first
    assert ask("POST", "/project/gh/nobody/new-repo") == (
        404,
        {"message": "Organization not found"},
    )


def test_a_job_run_again_with_ssh_says_so(ask: Ask, simulator: SimulatorTransport) -> None:
    body = {"jobs": ["job-uuid"], "enable_ssh": True}
    workflow_id = ask("POST", "/workflow/workflow-uuid/rerun", body)[1]["workflow_id"]
    simulator.advance(60)
    jobs = ask("GET", f"/workflow/{workflow_id}/job")[1]["items"]
    messages = [ask("GET", f"{PROJECT}/job/{each['job_number']}")[1]["messages"] for each in jobs]
    note = {"type": "info", "message": "This job was run again with SSH enabled."}
    assert messages == [[], [note], [note]]


def test_a_list_of_all_pipelines_ends_with_the_250th(ask: Ask) -> None:
    for _ in range(260):
        ask("POST", f"{PROJECT}/pipeline", {})
    count, token = 0, None
    while count == 0 or token is not None:
        page = ask("GET", "/pipeline", **({"page_token": token} if token else {}))[1]
        count, token = count + len(page["items"]), page["next_page_token"]
    assert count == 250
