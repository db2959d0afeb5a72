"""The simulator over HTTP, used by independent clients: pycircleci and curl."""

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pycircleci.api import Api

from kosmo_circleci.errors import ConfigurationError, NetworkError
from kosmo_circleci.simulator.conditions import Conditions
from kosmo_circleci.simulator.server import Server, ServerOptions
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN
from kosmo_circleci.transport.wire import WireRequest

FAST = ServerOptions(port=0, speed=1000.0)
SLUG = ("example-org", "example-repo")

Curl = Callable[..., tuple[int, str]]


@pytest.fixture
def url() -> Iterator[str]:
    """A new simulator, a thousand times as fast as real time."""
    with Server(FAST).serving() as address:
        yield address


@pytest.fixture
def client(url: str) -> Api:
    return Api(token=SIMULATED_TOKEN, url=f"{url}/api")


def curl(*arguments: str) -> tuple[int, str]:
    """Return the status and the body that curl got."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "-w",
            "\n%{http_code}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


TOKEN = ("-H", f"Circle-Token: {SIMULATED_TOKEN}")


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


def test_outputs_come_whole_and_in_ranges(url: str) -> None:
    path = (
        f"{url}/api/v3/jobs/failed-job-uuid/stdout?filter%5Bexecution%5D=0&filter%5Bstep_num%5D=103"
    )
    status, whole = curl(*TOKEN, path)
    assert (status, whole.rstrip().rpartition(" - ")[2]) == (
        200,
        "AssertionError: expected 200, got 500",
    )
    status, answer = curl("-i", *TOKEN, "-H", "Range: bytes=5-", path)
    assert status == 206
    assert "\nContent-Range: bytes 5-" in answer
    assert "\nX-Terminal: true" in answer
    status, _ = curl(*TOKEN, "-H", "Range: bytes=99999999-", path)
    assert status == 416


def test_artifacts_and_presigned_outputs_lead_back_to_the_server(url: str) -> None:
    artifacts = json.loads(curl(*TOKEN, f"{url}/api/v3/jobs/failed-job-uuid/artifacts")[1])
    log = artifacts["data"][2]["attributes"]["url"]
    assert log == f"{url}/output/job/failed-job-uuid/artifacts/0/logs/test.log"
    status, text = curl(log)
    assert (status, "AssertionError" in text) == (200, True)
    build = json.loads(curl(*TOKEN, f"{url}/api/v1.1/project/gh/example-org/example-repo/98")[1])
    output_url = build["steps"][0]["actions"][0]["output_url"]
    assert output_url.startswith(f"{url}/api/private/output/presigned/failed-job-uuid/0/0?token=")
    status, rows = curl(output_url)
    assert (status, json.loads(rows)[0]["type"]) == (200, "out")


def test_a_browser_signs_in(url: str) -> None:
    redirect = "http://127.0.0.1:40123/callback"
    body = json.dumps({"client_name": "curl", "redirect_uris": [redirect]})
    status, answer = curl(
        "-H", "Content-Type: application/json", "-d", body, f"{url}/oauth/register"
    )
    assert status == 201
    query = {
        "response_type": "code",
        "client_id": json.loads(answer)["client_id"],
        "redirect_uri": redirect,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # RFC 7636, appendix B
        "code_challenge_method": "S256",
    }
    status, answer = curl("-i", f"{url}/oauth/authorize?{urlencode(query)}")
    assert status == 302
    code = re.search(r"\nLocation: http://127\.0\.0\.1:40123/callback\?code=(\S+)", answer)
    assert code is not None
    form = {
        "grant_type": "authorization_code",
        "code": code[1],
        "redirect_uri": redirect,
        "client_id": query["client_id"],
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    status, answer = curl("-d", urlencode(form), f"{url}/oauth/token")
    assert status == 200
    token = json.loads(answer)["access_token"]
    assert curl("-H", f"Circle-Token: {token}", f"{url}/api/v2/me")[0] == 200


def test_a_circleci_server_has_no_v3() -> None:
    with Server(FAST._replace(is_server=True)).serving() as server:
        statuses = [
            curl(*TOKEN, f"{server}/api/{path}")[0]
            for path in (
                "v3/jobs/failed-job-uuid",
                "v2/me",
                "v1.1/project/gh/example-org/example-repo/98",
            )
        ]
    assert statuses == [404, 200, 200]


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_idle_connections_do_not_keep_others_out(url: str) -> None:
    idle = [socket.create_connection(("127.0.0.1", _port(url)), timeout=10) for _ in range(150)]
    try:
        assert curl(*TOKEN, f"{url}/api/v2/me")[0] == 200
        # The newest stay; only those that were idle longest made room.
        idle[-1].sendall(b"GET /api/v2/me HTTP/1.0\r\n\r\n")
        assert idle[-1].recv(12) == b"HTTP/1.0 401"
    finally:
        for each in idle:
            each.close()


def test_requests_that_wait_for_a_thread_are_not_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Server(FAST._replace(conditions=Conditions(latency_s=0.05))).serving() as slow:
        threads = [
            threading.Thread(target=curl, args=(*TOKEN, f"{slow}/api/v2/me")) for _ in range(24)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [each.getMessage() for each in caplog.records] == []


@pytest.mark.parametrize(
    "header",
    [
        "Host: circleci.example.com",
        "Host: 127.0.0.1.example.com:80",
        "Origin: https://example.com",
        "Origin: http://127.0.0.1.example.com",
        "Origin: null",
        "Origin: http://[::1",
    ],
)
def test_a_request_that_a_web_page_could_have_sent_is_refused(url: str, header: str) -> None:
    path = f"{url}/api/v2/project/gh/example-org/example-repo/pipeline"
    status, body = curl("-u", f"{SIMULATED_TOKEN}:", "-H", header, "-d", "branch=main", path)
    message = json.loads(body)["message"]
    named = header.replace(": ", " ", 1)
    assert (status, message) == (
        403,
        f"{named} does not name this machine. Use http://127.0.0.1 and the port.",
    )
    newest = json.loads(curl(*TOKEN, path)[1])["items"][0]
    assert newest["number"] == 45


def test_a_page_of_this_machine_may_ask(url: str) -> None:
    for host in ("127.0.0.1", "localhost:1234", "[::1]:1234"):
        headers = ("-H", f"Host: {host}", "-H", f"Origin: http://{host}")
        assert curl(*TOKEN, *headers, f"{url}/api/v2/me")[0] == 200, host


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
