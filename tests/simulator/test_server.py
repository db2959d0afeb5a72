"""The simulator over HTTP, used by independent clients: pycircleci and curl."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pycircleci.api import Api

from kosmo_circleci.errors import ConfigurationError, NetworkError
from kosmo_circleci.simulator.conditions import Conditions
from kosmo_circleci.simulator.server import Server, ServerOptions
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN
from kosmo_circleci.transport.wire import WireRequest
from tests.support.served import FAST, TOKEN, curl

SLUG = ("example-org", "example-repo")


@pytest.fixture
def client(url: str) -> Api:
    return Api(token=SIMULATED_TOKEN, url=f"{url}/api")


def test_pycircleci_triggers_a_pipeline_and_watches_it_to_its_end(client: Api) -> None:
    pipeline = client.trigger_pipeline(*SLUG, branch="fail/it", params={"deploy": False})
    assert (pipeline["number"], pipeline["state"]) == (46, "created")
    assert client.get_pipeline(pipeline["id"])["vcs"]["branch"] == "fail/it"
    statuses = []
    for _ in range(200):
        workflow = client.get_pipeline_workflow(pipeline["id"])[0]
        statuses.append(workflow["status"])
        if workflow["stopped_at"] is not None:
            break
    assert statuses[-1] == "failed"
    jobs = {each["name"]: each for each in client.get_workflow_jobs(workflow["id"])}
    assert {name: job["status"] for name, job in jobs.items()} == {
        "lint": "success",
        "test": "failed",
        "deploy": "not_run",
    }
    details = client.get_job_details(*SLUG, jobs["test"]["job_number"])
    assert details["status"] == "failed"


def test_pycircleci_approves_reruns_and_cancels(client: Api) -> None:
    accepted = {"message": "Accepted."}
    assert client.approve_job("on-hold-workflow-uuid", "approval-uuid") == accepted
    again = client.rerun_workflow("failed-workflow-uuid", from_failed=True)
    assert client.get_workflow(again["workflow_id"])["name"] == "build-and-test"
    assert client.cancel_workflow("running-workflow-uuid") == accepted


def test_pycircleci_keeps_contexts_and_schedules(client: Api) -> None:
    context = client.add_context("staging", username="example-org")
    client.add_context_envvar(context["id"], "KEY", "value-of-it")
    assert [each["variable"] for each in client.get_context_envvars(context["id"])] == ["KEY"]
    assert [each["name"] for each in client.get_contexts("example-org")] == [
        "production",
        "staging",
    ]
    assert client.get_schedule("schedule-uuid")["name"] == "nightly"
    assert client.delete_schedule("schedule-uuid") == {"message": "Schedule deleted."}


def test_pycircleci_follows_pages_and_reads_version_1_1_too(client: Api) -> None:
    for _ in range(30):
        client.trigger_pipeline(*SLUG)
    numbers = [each["number"] for each in client.get_project_pipelines(*SLUG, paginate=True)]
    assert (len(numbers), numbers[0], numbers[-1]) == (43, 75, 33)
    assert client.get_user_info()["login"] == "example-user"
    assert [each["reponame"] for each in client.get_projects()] == ["example-repo", "another-repo"]


def test_curl_reads_and_writes_with_each_kind_of_credentials(url: str) -> None:
    me = (200, '{"id":"user-uuid","login":"example-user","name":"Example User"}')
    assert curl(*TOKEN, f"{url}/api/v2/me") == me
    assert curl("-H", f"Authorization: Bearer {SIMULATED_TOKEN}", f"{url}/api/v2/me") == me
    assert curl("-u", f"{SIMULATED_TOKEN}:", f"{url}/api/v2/me") == me
    assert curl("-H", "Circle-Token: of-somebody", f"{url}/api/v2/me") == (
        401,
        '{"message":"You must log in first."}',
    )
    path = f"{url}/api/v2/project/gh/example-org/example-repo/pipeline"
    json_type = ("-H", "Content-Type: application/json")
    for number, headers in ((46, json_type), (47, ())):  # curl says of any body that it is a form
        status, body = curl(*TOKEN, *headers, "-d", '{"branch":"main"}', path)
        assert (status, json.loads(body)["number"]) == (201, number)
    assert curl(*TOKEN, "-d", "branch=main", path) == (
        400,
        '{"message":"The request body is not valid JSON."}',
    )


def test_an_encoded_slash_stays_part_of_its_segment(url: str) -> None:
    status, body = curl(*TOKEN, f"{url}/api/v2/project/gh%2Fexample-org%2Fexample-repo")
    assert (status, json.loads(body)["name"]) == (200, "example-repo")
    path = "/api/v2/project/gh%2Fexample-org%2Fexample-repo/settings"
    assert curl(*TOKEN, f"{url}{path}") == (404, '{"message":"Not found"}')


def test_a_status_without_a_body_has_none_and_a_connection_is_kept(url: str) -> None:
    group = f"{url}/api/v2/organizations/org-uuid/groups/group-uuid"
    assert curl(*TOKEN, "-X", "DELETE", group) == (204, "")
    done = subprocess.run(
        ["curl", "-sv", "-m", "10", *TOKEN, f"{url}/api/v2/me", f"{url}/api/v2/me"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Re-using existing connection" in done.stderr


def test_a_refusal_carries_its_headers(url: str) -> None:
    with Server(FAST._replace(conditions=Conditions(rate_limit=1))).serving() as limited:
        curl(*TOKEN, f"{limited}/api/v2/me")
        status, answer = curl("-i", *TOKEN, f"{limited}/api/v2/me")
    assert status == 429
    assert "\nRetry-After: 60" in answer
    status, answer = curl("-i", "-X", "DELETE", *TOKEN, f"{url}/api/v2/me")
    assert (status, "\nAllow: GET" in answer) == (405, True)


def test_time_passes_by_itself_and_not_with_the_requests() -> None:
    with Server(ServerOptions(port=0, speed=0.0)).serving() as still:
        path = f"{still}/api/v2/project/gh/example-org/example-repo/pipeline"
        json_type = ("-H", "Content-Type: application/json")
        times = [
            json.loads(curl(*TOKEN, *json_type, "-d", "{}", path)[1])["created_at"]
            for _ in range(2)
        ]
    assert times == ["2025-01-15T10:00:00.000Z"] * 2


def test_a_world_with_a_state_file_goes_on_where_it_was(tmp_path: Path) -> None:
    options = FAST._replace(state_file=tmp_path / "world.json", seed=7)
    with Server(options).serving() as url:
        Api(token=SIMULATED_TOKEN, url=f"{url}/api").add_context("staging", "example-org")
        saved = json.loads((tmp_path / "world.json").read_bytes())
        assert "staging" in [each["name"] for each in saved["contexts"]]
    with Server(options._replace(seed=None)).serving() as url:
        contexts: Any = Api(token=SIMULATED_TOKEN, url=f"{url}/api").get_contexts("example-org")
    assert [each["name"] for each in contexts] == ["production", "staging"]
    with pytest.raises(ConfigurationError, match="holds a world of seed 7, not 8"):
        Server(options._replace(seed=8))


def test_a_change_that_cannot_be_kept_is_answered_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "world.json"
    with Server(FAST._replace(state_file=path)).serving() as url:
        path.unlink()
        folder.rmdir()
        group = f"{url}/api/v2/organizations/org-uuid/groups/group-uuid"
        answer = curl(*TOKEN, "-X", "DELETE", group)
        reason = f"The state file {path} cannot be written: No such file or directory."
        assert (answer[0], json.loads(answer[1])) == (500, {"message": reason})
        assert capsys.readouterr().err == f"error: {reason}\n"
        folder.mkdir()  # so that the end of the server finds its place again
    assert path.exists()


def test_two_servers_do_not_overwrite_each_others_world(tmp_path: Path) -> None:
    options = FAST._replace(state_file=tmp_path / "world.json")
    first, second = Server(options), Server(options)
    delete = WireRequest(
        "DELETE",
        "http://127.0.0.1/api/v2/organizations/org-uuid/groups/group-uuid",
        {"Circle-Token": SIMULATED_TOKEN},
    )
    try:
        assert second.transport.send(delete).status == 204
        with pytest.raises(ConfigurationError, match="was changed by another process"):
            first.transport.send(delete)
        assert second.transport.send(delete).status == 404
    finally:
        first.close()
        second.close()


def test_a_port_in_use_is_reported_with_the_way_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(NetworkError) as refusal:
            Server(ServerOptions(port=port))
    assert refusal.value.message == (
        f"Cannot listen on port {port} of 127.0.0.1: Address already in use. "
        "Choose another with --port; --port 0 takes one that is free."
    )
