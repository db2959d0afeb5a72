"""Contract, section 14: credentials in answers, public routes, routes that go away."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.transport.wire import WireRequest, WireResponse

ACCOUNT = {"default": {"token": "CCIPAT_v3_0123456789"}}
URL = "https://circleci.com/api/private/output/presigned/1/0/101?token=eyJhbGciOi"


class Answering:
    """A transport that answers everything alike, and keeps what it was sent."""

    def __init__(self, value: Any, **headers: str) -> None:
        self._value = value
        self._headers = headers
        self.sent: list[WireRequest] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(request)
        headers = {"content-type": "application/json", **self._headers}
        return WireResponse(200, headers, json.dumps(self._value).encode())

    def close(self) -> None:
        """Nothing is open."""


def bridge(transport: Answering, accounts: Any = ACCOUNT) -> Bridge:
    config = {"integrations": {"circleci": {"accounts": accounts}}}
    return Bridge(config=config, transport=transport, environ={"HOME": "/nonexistent"})


BUILD = {"build_num": 7, "steps": [{"name": "s", "actions": [{"output_url": URL}]}]}
SLUG = "{project_slug = 'gh/acme/web', job_number = 7}"


def test_a_url_that_is_a_credential_is_masked_wherever_text_leaves() -> None:
    with bridge(Answering(BUILD)) as door:
        run = door.run(f"""
            local build = app.integrations.circleci.get_build({SLUG})
            local url = build.steps[1].actions[1].output_url
            print(url)
            print(#url)   -- inside Lua the value stays as it is
            return build
        """)
    assert (run.error, run.output) == (None, f"***\n{len(URL)}")
    assert run.result["steps"][0]["actions"][0]["output_url"] == "***"
    assert "eyJhbGciOi" not in run.to_json()


TOKEN = {"data": {"id": "t", "attributes": {"nickname": "n", "token": "runner-token-0123"}}}


@pytest.mark.parametrize("isolate", [False, True])
def test_a_credential_that_was_asked_for_is_in_the_result_and_nowhere_else(isolate: bool) -> None:
    code = """
        local answer = app.integrations.circleci.{call}
        print(answer.{path})
        return answer.{path}
    """
    call = "create_runner_token({resource_class_id = 'c', nickname = 'n'})"
    if isolate:
        call = "create_runner_token({resource_class_id = 'resource-class-uuid', nickname = 'n'})"
    code = code.replace("{call}", call).replace("{path}", "data.attributes.token")
    with Bridge(simulate=True) if isolate else bridge(Answering(TOKEN)) as door:
        run = door.run(code, force=True, isolate=isolate)
    assert (run.error, run.output) == (None, "***")
    assert isinstance(run.result, str)
    assert len(run.result) > 4
    assert run.result != "***"


def test_the_urls_of_a_usage_export_are_in_the_result() -> None:
    export = {"usage_export_job_id": "u", "state": "completed", "download_urls": [URL, URL + "2"]}
    with bridge(Answering(export)) as door:
        run = door.run("""
            local export = app.integrations.circleci.get_usage_export("o", "u")
            print(export.download_urls[1])
            return export.download_urls
        """)
    assert (run.result, run.output) == ([URL, URL + "2"], "***")


def test_a_public_route_works_without_a_token_and_sends_no_header() -> None:
    transport = Answering({"data": {"attributes": {}}})
    with bridge(transport, {}) as door:
        run = door.run("return app.integrations.circleci.get_catalog_offerings()")
        refused = door.run("return app.integrations.circleci.list_orgs()")
    assert (run.error, run.success) == (None, True)
    assert refused.error_type == "configuration"
    [request] = transport.sent
    assert request.url == "https://circleci.com/api/v3/catalog/offerings"
    assert not {"circle-token", "authorization"} & {name.lower() for name in request.headers}


def test_a_public_route_sends_the_token_there_is() -> None:
    transport = Answering({"data": {"attributes": {}}})
    with bridge(transport) as door:
        assert door.run("return app.integrations.circleci.get_catalog_offerings()").success
    assert transport.sent[0].headers["Circle-Token"] == ACCOUNT["default"]["token"]


def test_the_command_line_has_the_functions_of_v3(tmp_path: Path) -> None:
    def kosmo(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "kosmo_circleci", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    page = kosmo("docs", "circleci.get_job_stdout")
    assert "- HTTP: `GET /api/v3/jobs/{id}/stdout`\n- API: v3" in page
    assert "In bytes." in page
    schema = json.loads(kosmo("integrations:schema", "get_job_resource_usage", "--json"))
    attributes = schema["x-answer"]["properties"]["data"]["properties"]["attributes"]
    executions = attributes["properties"]["parallel_executions"]["items"]["properties"]
    assert executions["interval_ms"]["x-unit"] == "ms"
    assert executions["memory_bytes"]["items"]["x-unit"] == "bytes"
    listed = json.loads(kosmo("integrations:list", "--json"))["functions"]
    assert {"create_orb", "get_build", "get_job"} <= {each["name"] for each in listed}
