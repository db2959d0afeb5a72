"""What API v3 and v1.1 need beyond v2: on the way out and on the way back."""

from typing import Any

import pytest

from kosmo_circleci.call.arguments import bind
from kosmo_circleci.call.model import ApiRequest, ApiResponse, Arguments, RawArguments
from kosmo_circleci.call.permission import question
from kosmo_circleci.call.request import build
from kosmo_circleci.call.response import decode
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.errors import ApiError, ValidationError

CATALOG = load_catalog()
BYTES = "application/octet-stream"


def sent(name: str, /, **named: Any) -> ApiRequest:
    function = CATALOG[name]
    return build(function, bind(function, RawArguments(named=named)))


def answer(name: str, body: bytes, kind: str = "application/json", status: int = 200) -> Any:
    return decode(CATALOG[name], Arguments({}), ApiResponse(status, {"content-type": kind}, body))


@pytest.mark.parametrize(
    ("name", "named", "request_"),
    [
        (
            "get_job_stdout",
            {"job_id": "a b", "execution": 0, "step_num": "103", "offset": 512},
            ApiRequest(
                "GET",
                "/api/v3/jobs/a%20b/stdout",
                (("filter[execution]", "0"), ("filter[step_num]", "103")),
                headers=(("Range", "bytes=512-"),),
            ),
        ),
        (
            "get_job_stdout",
            {"job_id": "j", "execution": 0, "step_num": 0},
            ApiRequest(
                "GET",
                "/api/v3/jobs/j/stdout",
                (("filter[execution]", "0"), ("filter[step_num]", "0")),
            ),
        ),
        (
            "get_build",
            {"project_slug": "gh/acme/a b", "job_number": 7},
            ApiRequest(
                "GET",
                "/api/v1.1/project/gh/acme/a%20b/7",
                headers=(("Accept", "application/json"),),
            ),
        ),
        (
            "get_build_output",
            {
                "project_slug": "gh/acme/web",
                "job_number": 7,
                "step": 103,
                "index": 0,
                "allocation_id": "5c-0-build/7F",
            },
            ApiRequest(
                "GET",
                "/api/v1.1/project/gh/acme/web/7/output/103/0",
                (("file", "true"), ("allocation-id", "5c-0-build/7F")),
            ),
        ),
        (
            "list_my_runs",
            {"query": {"filter[user_id]": "somebody", "x": 1}},
            ApiRequest("GET", "/api/v3/runs", (("filter[user_id]", "me"), ("x", "1"))),
        ),
        (
            "search_projects",
            {"following": True},
            ApiRequest("GET", "/api/v3/projects", (("filter[following]", "true"),)),
        ),
        ("search_projects", {"following": False}, ApiRequest("GET", "/api/v3/projects")),
        (
            "delete_runner_resource_class",
            {"resource_class_id": "c", "force": False},
            ApiRequest("DELETE", "/api/v3/runner/resource-classes/c"),
        ),
        (
            "search_runs",
            {"project_ids": ["p"], "from": "a", "to": "b"},
            ApiRequest(
                "POST",
                "/api/v3/runs/search",
                body={
                    "scope": {"project_ids": ["p"], "from": "a", "to": "b"},
                    "filter": "",
                    "page": {"limit": 20, "cursor": ""},
                },
            ),
        ),
        (
            "search_runs",
            {
                "project_ids": ["p"],
                "from": "a",
                "to": "b",
                "page_token": "next",
                "payload": {"page": {"limit": 5}, "filter": None},
            },
            ApiRequest(
                "POST",
                "/api/v3/runs/search",
                body={
                    "page": {"limit": 5, "cursor": "next"},
                    "filter": None,
                    "scope": {"project_ids": ["p"], "from": "a", "to": "b"},
                },
            ),
        ),
        (
            "create_orb",
            {"name": "x", "namespace_id": "n", "is_private": True},
            ApiRequest(
                "POST",
                "/api/v3/orb/packages",
                body={
                    "data": {
                        "attributes": {"name": "x", "is_private": True},
                        "references": {"namespace": {"id": "n"}},
                    }
                },
            ),
        ),
        (
            "rerun_workflow_v3",
            {"workflow_id": "w"},
            ApiRequest("POST", "/api/v3/workflows/w/rerun", body={}),
        ),
        (
            "cancel_workflow_v3",
            {"workflow_id": "w"},
            ApiRequest("POST", "/api/v3/workflows/w/cancel"),
        ),
    ],
)
def test_a_call_becomes_the_documented_request(
    name: str, named: dict[str, Any], request_: ApiRequest
) -> None:
    assert sent(name, **named) == request_


def test_items_of_an_array_may_be_objects() -> None:
    profiles: Any = [{"file_name": "a", "blob": "TQ=="}]
    arguments = {"org_id": "o", "signing_certificate_id": "c", "name": "n"}
    request = sent("create_signing_config", provisioning_profiles=profiles, **arguments)
    assert request.body == {
        "data": {
            "attributes": {"name": "n", "provisioning_profiles": profiles},
            "references": {"org": {"id": "o"}, "signing_certificate": {"id": "c"}},
        }
    }
    with pytest.raises(
        ValidationError, match=r"Item 2 of parameter 'provisioning_profiles' takes "
    ):
        sent("create_signing_config", provisioning_profiles=[{}, "x"], **arguments)


@pytest.mark.parametrize(
    ("name", "body", "kind", "status", "value"),
    [
        ("get_job_stdout", b"a\r\n\x1b[31mb\xff", BYTES, 200, "a\r\n\x1b[31mb�"),
        ("get_job_stdout", b'{"a": 1}', BYTES, 206, '{"a": 1}'),
        ("get_job_stdout", b"<html>printed by a test", BYTES, 200, "<html>printed by a test"),
        ("get_job_stdout", b" \n", BYTES, 200, " \n"),
        ("get_job_stdout", b"", BYTES, 204, ""),
        ("get_job_stdout", b'{"error":{"title":"gone"}}', "application/json", 404, ""),
        ("get_job_stdout", b"", BYTES, 416, ""),
        ("get_job_stderr", b"", BYTES, 416, ""),
        ("get_job_stdout_condensed", b"", BYTES, 416, ""),
        ("get_build_output", b"", "text/plain", 404, ""),
        ("get_build_output", b"", "text/plain", 416, ""),
        ("get_orb_source", b"version: 2.1\n", "text/plain", 200, "version: 2.1\n"),
        (
            "list_job_test_results",
            b'{"name":"a","run_time":1.0}\n\r\n{"name":"b"}',
            "application/x-ndjson",
            200,
            [{"name": "a", "run_time": 1.0}, {"name": "b"}],
        ),
        ("list_job_test_results", b"", "application/x-ndjson", 200, []),
        ("list_job_test_results", b"", "application/json", 404, []),
        ("list_run_workflows", b'{"error":{"title":"Not found"}}', "application/json", 404,
         {"data": []}),
        ("delete_namespace", b"", "application/json", 204, {}),
        ("api_get", b"log \xff", BYTES, 200, "log �"),
        ("api_get", b'{"a":1}\n{"a":2}\n', "application/x-ndjson", 200, [{"a": 1}, {"a": 2}]),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_the_manifest_says(
    name: str, body: bytes, kind: str, status: int, value: Any
) -> None:
    result = answer(name, body, kind, status)
    assert (result, str(result)) == (value, str(value))


def test_another_status_of_an_output_is_an_error() -> None:
    with pytest.raises(ApiError, match=r"\(403\): Forbidden"):
        answer("get_job_stdout", b"", BYTES, 403)


def test_a_login_page_is_no_log() -> None:
    with pytest.raises(ApiError, match="an HTML page came instead"):
        answer("get_job_stdout", b"<p>Sign in</p>", "text/html; charset=utf-8")


def test_a_line_that_is_not_json_is_named() -> None:
    with pytest.raises(ApiError, match=r"line 3 of the answer is not JSON: NaN is not JSON"):
        answer("list_job_test_results", b'{"a":1}\n\n{"a":NaN}\n')


@pytest.mark.parametrize(
    ("body", "message", "code", "request_id"),
    [
        (
            b'{"error":{"id":"trace-1","type":"validation_error","title":"Missing Required Filter",'
            b'"detail":"Query parameter \'filter[workflow_id]\' is required."}}',
            "Missing Required Filter: Query parameter 'filter[workflow_id]' is required.",
            "validation_error",
            "trace-1",
        ),
        (b'{"error":{"type":"not_found","title":"Not Found"}}', "Not Found", "not_found", "header"),
        (b'{"error":{"detail":"only this"}}', "only this", None, "header"),
        (b'{"error":{}}', "Bad Request", None, "header"),
        (b'{"error":{"title":7,"id":7}}', "Bad Request", None, "header"),
        (b'{"message":"of an older back end"}', "of an older back end", None, "header"),
        (b'{"error":"as text"}', "as text", None, "header"),
    ],
)
def test_an_error_of_v3_reads_title_and_detail(
    body: bytes, message: str, code: str | None, request_id: str
) -> None:
    headers = {"content-type": "application/json", "x-request-id": "header"}
    with pytest.raises(ApiError) as caught:
        decode(CATALOG["list_jobs_v3"], Arguments({}), ApiResponse(400, headers, body))
    error = caught.value
    assert str(error) == f"CircleCI API error (400): {message}"
    assert (error.code, error.request_id) == (code, request_id)


def test_a_permission_question_names_the_version_of_the_route() -> None:
    function = CATALOG["cancel_workflow_v3"]
    arguments = bind(function, RawArguments(named={"workflow_id": "w"}))
    first = question(function, arguments, "default", "circleci.cancel_workflow_v3").splitlines()[0]
    assert first == (
        "circleci.cancel_workflow_v3 (write, POST /api/v3/workflows/{id}/cancel, account default)"
    )
