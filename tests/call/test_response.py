"""Answers: decoded without loss, or an ApiError that says what went wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.call.arguments import bind
from kosmo_circleci.call.model import ApiResponse, Arguments, RawArguments
from kosmo_circleci.call.response import decode, decode_fallback
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Fallback, Function, Rows
from kosmo_circleci.errors import ApiError
from kosmo_circleci.jsonvalue import encode

FUNCTION = Function("get_project", "read", "GET", "/project", "x", "", "", (), "", ())
LIST_PROJECTS = Function(
    "list_projects", "read", "GET", "/projects", "list_projects", "", "", (), "", (),
    fallback=Fallback(
        404, "GET", "/api/v1.1/projects", Rows(("vcs_type", "username", "reponame"), "org_slug")
    ),
)  # fmt: skip
JSON = "application/json; charset=utf-8"
HTML = "an HTML page came instead of the API's answer, from a proxy or a login page"


def answer(body: bytes | str, kind: str | None = JSON, status: int = 200, **more: Any) -> Any:
    headers = {} if kind is None else {"content-type": kind}
    raw = body.encode() if isinstance(body, str) else body
    response = ApiResponse(status, headers | more.pop("headers", {}), raw, **more)
    return decode(FUNCTION, Arguments({}), response)


def fault(*args: Any, **more: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        answer(*args, **more)
    return caught.value


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ('{"a":[1,1.0,null,{},[]]}', JSON, {"a": [1, 1.0, None, {}, []]}),
        ("[1]", "Application/JSON", [1]),
        ('"text"', "application/problem+json", "text"),
        ("null", JSON, None),
        ("0", "text/json", 0),
        ('{"a":1}', None, {"a": 1}),
        ('{"a":1}', "", {"a": 1}),
        ('{"a":1}', "application/octet-stream", {"a": 1}),
        ('{"a":1}', "text/plain; charset=utf-8", '{"a":1}'),
        ("version: 2.1\n", "text/yaml", "version: 2.1\n"),
        ("version: 2.1\n", "application/yaml", "version: 2.1\n"),
        ("version: 2.1\n", "application/x-yaml; charset=UTF-8", "version: 2.1\n"),
        ("version: 2.1\n", "application/vnd.circleci+yaml", "version: 2.1\n"),
        ("<a/>", "text/xml", "<a/>"),
        ("é".encode() + b"\xff", "text/plain", "é�"),
        ("", JSON, {}),
        ("", None, {}),
        ("", "text/html", {}),
        (" \r\n", JSON, {}),
    ],
)
def test_a_body_is_what_its_type_says(body: Any, kind: str | None, value: Any) -> None:
    result = answer(body, kind)
    assert (result, str(result)) == (value, str(value))


def test_204_is_an_empty_table_whatever_came_with_it() -> None:
    assert answer("{broken", JSON, 204) == {}
    assert answer('{"id":"x"}', JSON, 201) == {"id": "x"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_any_json_comes_back_without_loss(value: Any) -> None:
    assert encode(answer(encode(value))) == encode(value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ("[1] x", "Extra data at line 1 column 5"),
        ('{"a": 1 // one\n}', "Expecting ',' delimiter at line 1 column 9"),
        ("{", "Expecting property name enclosed in double quotes at line 1 column 2"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        ("<html><body>Sign in</body></html>", "Expecting value at line 1 column 1"),
    ],
)
def test_a_body_that_is_not_the_json_it_claims_is_an_api_error(body: Any, reason: str) -> None:
    error = fault(body)
    start = "CircleCI API error (200): the body is not the JSON it claims to be: "
    assert str(error) == start + reason
    assert (error.status, error.function_name) == (200, "get_project")


def test_the_start_of_an_unreadable_body_is_kept() -> None:
    assert fault("x" * 500).body == "x" * 199 + "…"


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (
            "<p>Sign in</p>",
            "text/html; charset=utf-8",
            f"{HTML}. Check the base URL and the network",
        ),
        ("<p>Sign in</p>", "application/xhtml+xml", f"{HTML}. Check the base URL and the network"),
        ("\n<!DOCTYPE html><p>", None, f"{HTML}. Check the base URL and the network"),
        (
            "no json",
            None,
            "the body does not say what it is, and is not JSON: Expecting value at line 1 column 1",
        ),
        ("PK", "application/zip", "the answer is of type application/zip, neither JSON nor text"),
    ],
)
def test_what_is_neither_json_nor_text_is_an_api_error(
    body: str, kind: str | None, reason: str
) -> None:
    assert str(fault(body, kind)) == f"CircleCI API error (200): {reason}"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, '{"message":"Project not found"}', "Project not found"),
        (404, '{"message":" Project not found\\n"}', "Project not found"),
        (403, '{"error":"forbidden here"}', "forbidden here"),
        (400, '{"error":{"message":"bad branch"}}', "bad branch"),
        (400, '{"errors":[{"message":"first"},{"message":"second"}]}', "first"),
        (400, '{"errors":["first"]}', "first"),
        (400, '{"message":"","error":"used"}', "used"),
        (400, '{"message":{"text":"x"},"errors":[{"message":"used"}]}', "used"),
        (400, '{"message":null,"errors":[]}', "Bad Request"),
        (429, '{"detail":"x"}', "Too Many Requests"),
        (500, "[]", "Internal Server Error"),
        (500, "null", "Internal Server Error"),
        (401, '"You must log in"', "You must log in"),
        (503, "upstream is down\nsecond line", "upstream is down"),
        (502, "<html>\n<title>502 Bad Gateway</title>", "Bad Gateway"),
        (502, "  <!doctype html>x", "Bad Gateway"),
        (500, "x" * 300, "x" * 199 + "…"),
        (404, "", "Not Found"),
        (520, "", "no reason given"),
        (304, "", "Not Modified"),
    ],
)
@pytest.mark.parametrize("kind", [JSON, "text/plain", None])
def test_an_error_status_carries_the_servers_message_or_the_standard_phrase(
    status: int, body: str, message: str, kind: str | None
) -> None:
    assert str(fault(body, kind, status)) == f"CircleCI API error ({status}): {message}"


def test_an_error_carries_everything_a_program_needs() -> None:
    error = fault(
        '{"message":"Slow down","code":"rate_limited"}',
        status=429,
        headers={"x-request-id": "r-1"},
        attempts=4,
        retry_after_s=12.5,
    )
    assert error.fields() == {
        "type": "api",
        "message": "CircleCI API error (429): Slow down",
        "function_name": "get_project",
        "status": 429,
        "method": "GET",
        "path": "/api/v2/project",
        "code": "rate_limited",
        "body": {"message": "Slow down", "code": "rate_limited"},
        "request_id": "r-1",
        "retry_after": 12.5,
        "attempts": 4,
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"code":"a","error_code":"b","type":"c"}', "a"),
        ('{"code":7,"error_code":"b"}', "b"),
        ('{"type":"c"}', "c"),
        ('{"code":""}', None),
        ('["code"]', None),
    ],
)
def test_the_code_is_the_first_text_among_its_usual_keys(body: str, code: str | None) -> None:
    assert fault(body, status=400).code == code


@pytest.mark.parametrize(
    ("asked_s", "addition"),
    [
        (None, ""),
        (60.0, ""),
        (
            3600.0,
            " (the server asks to wait 3600 s; a call waits 60 s at most, so try again later)",
        ),
    ],
)
def test_an_error_says_when_the_server_asks_for_more_patience_than_a_call_has(
    asked_s: float | None, addition: str
) -> None:
    error = fault('{"message":"Slow down"}', status=429, retry_after_s=asked_s)
    assert (str(error), error.retry_after) == (
        f"CircleCI API error (429): Slow down{addition}",
        asked_s,
    )


def test_an_error_page_is_kept_but_not_whole() -> None:
    assert fault("a line\n" * 1_000, None, 500).body == ("a line\n" * 1_000)[:1_999] + "…"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://user:pw@login.example:8443/in?token=x", "login.example"),
        ("//login.example/in", "login.example"),
        ("http://[broken", "an address that cannot be read"),
        ("/\\login.example", "an address that cannot be read"),
        ("login.example:8443/in", "an address that cannot be read"),
    ],
)
def test_a_redirect_is_refused_and_only_its_host_is_named(location: str, target: str) -> None:
    error = fault("", None, 302, headers={"location": location})
    assert str(error) == (
        f"CircleCI API error (302): a redirect to {target}, which was not followed: only "
        "redirects within the account's own origin are, at most five in a row"
    )


@pytest.mark.parametrize("location", ["/login", "there?next=https://login.example", "?page=2"])
@pytest.mark.parametrize(
    ("function", "rule"),
    [
        (FUNCTION, "at most five in a row"),
        (
            FUNCTION._replace(kind="write", method="POST"),
            "a write by 307 and 308 alone, and at most five in a row",
        ),
    ],
)
def test_a_redirect_at_home_is_told_as_such(function: Function, rule: str, location: str) -> None:
    response = ApiResponse(302, {"location": location}, b"")
    with pytest.raises(ApiError) as caught:
        decode(function, Arguments({}), response)
    assert str(caught.value) == (
        "CircleCI API error (302): a redirect within the account's own origin, which was not "
        f"followed: {rule}"
    )


def projects(rows: str, org_slug: Any = None) -> Any:
    arguments = Arguments({} if org_slug is None else {"org_slug": org_slug})
    response = ApiResponse(200, {"content-type": "application/json"}, rows.encode())
    return decode_fallback(LIST_PROJECTS, arguments, response)


ROWS = encode(
    [
        {"vcs_type": "github", "username": "acme", "reponame": "web"},
        {"vcs_type": "Bitbucket", "username": "acme", "reponame": "api"},
        {"vcs_type": "circleci", "username": "uuid", "reponame": "uuid"},
        {"slug": "github/acme/docs", "vcs_type": "github"},
        {"slug": None, "vcs_type": "github", "username": None},
        {"slug": "gh/other/web"},
    ]
)
WEB = {"vcs_type": "github", "username": "acme", "reponame": "web", "slug": "gh/acme/web"}
API = {"vcs_type": "Bitbucket", "username": "acme", "reponame": "api", "slug": "bb/acme/api"}
APP = {
    "vcs_type": "circleci", "username": "uuid", "reponame": "uuid", "slug": "circleci/uuid/uuid"
}  # fmt: skip
DOCS = {"slug": "github/acme/docs", "vcs_type": "github"}
UNKNOWN = {"slug": None, "vcs_type": "github", "username": None}
OTHER = {"slug": "gh/other/web"}


@pytest.mark.parametrize(
    ("org_slug", "items"),
    [
        (None, [WEB, API, APP, DOCS, UNKNOWN, OTHER]),
        ("", [WEB, API, APP, DOCS, UNKNOWN, OTHER]),
        ("gh/acme", [WEB, DOCS]),
        ("github/acme", [WEB, DOCS]),
        ("GitHub/acme", [WEB, DOCS]),
        ("bitbucket/acme", [API]),
        ("circleci/uuid", [APP]),
        ("gh/ACME", []),
        ("gh", []),
        ("gh/acme/web", []),
    ],
)
def test_a_fallback_lists_the_projects_of_the_organization_asked_for(
    org_slug: Any, items: Any
) -> None:
    assert projects(ROWS, org_slug) == {"items": items, "next_page_token": None}


def test_a_fallback_without_rows_is_an_empty_page() -> None:
    assert projects("[]") == {"items": [], "next_page_token": None}


def test_a_fallback_that_is_no_list_is_an_api_error() -> None:
    with pytest.raises(ApiError) as caught:
        projects('{"items":[]}')
    assert str(caught.value) == "CircleCI API error (200): the answer is not a list"


def test_a_fallback_that_fails_is_an_api_error_like_any_other() -> None:
    with pytest.raises(ApiError) as caught:
        decode_fallback(LIST_PROJECTS, Arguments({}), ApiResponse(401, {}, b'{"message":"No"}'))
    assert str(caught.value) == "CircleCI API error (401): No"


@pytest.mark.parametrize(
    ("name", "named", "method", "path"),
    [
        ("get_project", {"project_slug": "gh/a/b c"}, "GET", "/api/v2/project/gh/a/b%20c"),
        (
            "list_contexts",
            {"owner_slug": "gh/acme", "query": {"api-token": "hush-3f9c"}},
            "GET",
            "/api/v2/context?owner-slug=gh/acme&api-token=***",
        ),
        ("api_get", {"path": "/v1.1/me?x=1"}, "GET", "/api/v1.1/me?x=1"),
        (
            "create_project_env_var",
            {"project_slug": "gh/a/b", "name": "N", "value": "hush-3f9c"},
            "POST",
            "/api/v2/project/gh/a/b/envvar",
        ),
    ],
)
def test_an_api_error_names_the_request_with_secrets_masked(
    name: str, named: dict[str, Any], method: str, path: str
) -> None:
    function = load_catalog()[name]
    response = ApiResponse(404, {}, b'{"message":"Project not found"}')
    with pytest.raises(ApiError) as caught:
        decode(function, bind(function, RawArguments(named=named)), response)
    assert str(caught.value) == "CircleCI API error (404): Project not found"
    assert (caught.value.method, caught.value.path) == (method, path)


def test_an_error_of_the_fallback_names_the_request_that_failed() -> None:
    with pytest.raises(ApiError) as caught:
        decode_fallback(LIST_PROJECTS, Arguments({}), ApiResponse(401, {}, b'{"message":"No"}'))
    assert (caught.value.method, caught.value.path) == ("GET", "/api/v1.1/projects")
