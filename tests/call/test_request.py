"""Requests: the exact method, path, query and body of a call."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.call.arguments import bind
from kosmo_circleci.call.model import ApiRequest, Arguments, RawArguments
from kosmo_circleci.call.request import build, fallback
from kosmo_circleci.catalog.model import Fallback, Function, Parameter, Rows
from kosmo_circleci.errors import ValidationError

SLUG = {"project_slug": "gh/acme/web"}


def request_of(function: Function, **arguments: Any) -> ApiRequest:
    return build(function, bind(function, RawArguments(named=arguments)))


@pytest.mark.parametrize(
    ("slug", "number", "path"),
    [
        ("gh/acme/web", 12, "/api/v2/project/gh/acme/web/job/12"),
        ("gh/acme/50%", "12", "/api/v2/project/gh/acme/50%25/job/12"),
        ("bb/a b/c+d:é", 12.0, "/api/v2/project/bb/a%20b/c%2Bd%3A%C3%A9/job/12"),
        ("gh/acme/{job-number}", 1, "/api/v2/project/gh/acme/%7Bjob-number%7D/job/1"),
    ],
)
def test_project_slug_keeps_its_slashes_and_encodes_each_segment(
    get_job_details: Function, slug: str, number: Any, path: str
) -> None:
    request = request_of(get_job_details, project_slug=slug, job_number=number)
    assert request == ApiRequest("GET", path)


def test_a_slug_may_fill_several_placeholders(make_function: Any, make_parameter: Any) -> None:
    wire = "{provider}/{organization}/{project}"
    slug = make_parameter("project_slug", "path", wire=wire, encoding="slug", segments=(3,))
    settings = make_function("get_project_settings", "GET", f"/project/{wire}/settings", slug)
    assert request_of(settings, **SLUG) == ApiRequest("GET", "/api/v2/project/gh/acme/web/settings")


def test_query_pairs_come_in_the_manifests_order_and_then_what_passes_through(
    get_insights: Function,
) -> None:
    request = request_of(
        get_insights,
        limit=20,
        all_branches=False,
        project_names=["web", "api & co"],
        org_slug="gh/acme",
        reporting_window="last-7-days",
        query={"all-branches": True, "z": [1, None, True], "empty": [], "none": None, "f": 1.0},
    )
    assert request == ApiRequest(
        "GET",
        "/api/v2/insights/gh/acme/summary",
        (
            ("reporting-window", "last-7-days"),
            ("project-names", "web"),
            ("project-names", "api & co"),
            ("all-branches", "false"),
            ("limit", "20"),
            ("z", "1"),
            ("z", "true"),
            ("f", "1.0"),
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({}, {}),
        ({"branch": "main"}, {"branch": "main"}),
        ({"parameters": {"deploy": True}}, {"parameters": {"deploy": True}}),
        ({"parameters": []}, {"parameters": {}}),
        (
            {"branch": "main", "payload": {"branch": "dev", "x": None}},
            {"branch": "main", "x": None},
        ),
        ({"payload": {"parameters": {"a": 1}}, "parameters": {"b": 2}}, {"parameters": {"b": 2}}),
    ],
)
def test_a_body_holds_the_fields_and_below_them_the_payload(
    trigger_pipeline: Function, arguments: Any, body: Any
) -> None:
    request = request_of(trigger_pipeline, **SLUG, **arguments)
    assert request == ApiRequest("POST", "/api/v2/project/gh/acme/web/pipeline", (), body)


@pytest.mark.parametrize(
    ("arguments", "owner"),
    [
        ({"owner_id": "i", "owner_type": "account"}, {"id": "i", "type": "account"}),
        ({"owner_id": "i", "owner": {"id": "j", "x": 1}}, {"id": "i", "x": 1}),
        ({"owner_id": "i", "payload": {"owner": {"id": "j", "x": 1}}}, {"id": "i", "x": 1}),
        ({"owner": {"id": "i"}, "payload": {"owner": {"x": 1}}}, {"id": "i"}),
        ({"owner_id": "i", "payload": {"owner": "gh/acme"}}, {"id": "i"}),
    ],
)
def test_a_convenience_fills_a_field_of_its_object(
    create_context: Function, arguments: Any, owner: Any
) -> None:
    request = request_of(create_context, name="x", **arguments)
    assert request == ApiRequest("POST", "/api/v2/context", (), {"name": "x", "owner": owner})


def test_the_callers_objects_stay_as_they_were(create_context: Function) -> None:
    owner, payload = {"type": "organization"}, {"owner": {"id": "j"}}
    request_of(create_context, name="x", owner=owner, owner_id="i", payload=payload)
    request_of(create_context, name="x", owner_id="i", payload=payload)
    assert (owner, payload) == ({"type": "organization"}, {"owner": {"id": "j"}})


def test_an_operation_without_a_body_sends_none_unless_a_payload_is_given(
    cancel_workflow: Function,
) -> None:
    path = "/api/v2/workflow/w%2F1/cancel"
    assert request_of(cancel_workflow, workflow_id="w/1") == ApiRequest("POST", path)
    with_payload = request_of(cancel_workflow, workflow_id="w/1", payload={"a": 1})
    assert with_payload == ApiRequest("POST", path, (), {"a": 1})


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ({"path": "me"}, ApiRequest("GET", "/api/v2/me")),
        (
            {"path": "/api/v1.1/projects?a=1&a=2&b=x%20y", "query": {"a": [3, 4], "c": True}},
            ApiRequest(
                "GET",
                "/api/v1.1/projects",
                (("b", "x y"), ("a", "3"), ("a", "4"), ("c", "true")),
            ),
        ),
        ({"path": "/me?a=1", "query": {"a": None}}, ApiRequest("GET", "/api/v2/me", (("a", "1"),))),
    ],
)
def test_a_raw_path_merges_its_query(
    api_get: Function, arguments: Any, request_: ApiRequest
) -> None:
    assert request_of(api_get, **arguments) == request_


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_raw_body_is_sent_as_it_is_and_empty_when_absent(
    make_function: Any, api_post: Function, method: str
) -> None:
    function = make_function("api", method, "{path}", *api_post.parameters, operation="raw")
    body = {"a": [None, 1.0, {"b": []}]}
    assert request_of(function, path="/x", body=body) == ApiRequest(method, "/api/v2/x", (), body)
    assert request_of(function, path="/x") == ApiRequest(method, "/api/v2/x", (), {})


def test_what_was_not_bound_first_is_still_refused(
    get_job_details: Function, api_get: Function
) -> None:
    for function, values in [
        (get_job_details, {"project_slug": "gh/acme/..", "job_number": 1}),
        (api_get, {"path": "//evil.example"}),
    ]:
        with pytest.raises(ValidationError) as caught:
            build(function, Arguments(values))
        assert caught.value.function_name == function.name
        assert str(caught.value).startswith(f"{function.name}: ")


@pytest.mark.parametrize(
    ("declared", "path"),
    [("/api/v1.1/projects", "/api/v1.1/projects"), ("/project", "/api/v2/project")],
)
def test_a_fallback_asks_the_path_it_names_without_a_query(
    make_function: Any, declared: str, path: str
) -> None:
    rule = Fallback(404, "GET", declared, Rows(("vcs_type",), "org_slug"))
    function = make_function("list_projects", "GET", "/projects", fallback=rule)
    assert fallback(function) == ApiRequest("GET", path)
    assert fallback(make_function("get_current_user", "GET", "/me")) is None


SLUG_PARAMETER = Parameter(
    "project_slug", "project-slug", "path", "string", "", True, encoding="slug", segments=(3,)
)
KEY = Parameter("fingerprint", "fingerprint", "path", "string", "", True)
GET_KEY = Function(
    "get_checkout_key", "read", "GET", "/project/{project-slug}/checkout-key/{fingerprint}",
    "get_checkout_key", "", "", (SLUG_PARAMETER, KEY), "", (),
)  # fmt: skip


@given(st.text(), st.lists(st.text(), min_size=1, max_size=4))
def test_no_value_ever_adds_a_segment_to_the_path(fingerprint: str, slug: list[str]) -> None:
    arguments = {"fingerprint": fingerprint, "project_slug": "/".join(slug)}
    try:
        path = build(GET_KEY, Arguments(arguments)).path
    except ValidationError:
        return
    assert path.split("/")[:4] == ["", "api", "v2", "project"]
    assert [unquote(part) for part in path.split("/")[4:]] == [
        *arguments["project_slug"].split("/"), "checkout-key", fingerprint
    ]  # fmt: skip
    assert path.count("/") == 8
