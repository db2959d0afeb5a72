"""The contract's section 3 from the script's side: calls, values, results, print, args, load."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import JsonValue, decode, encode
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.transport.wire import WireRequest, WireResponse

TOKEN = "token-of-the-test-0123456789"
CONFIG: dict[str, JsonValue] = {
    "integrations": {
        "circleci": {
            "permissions": {"write": "allow"},
            "accounts": {"default": {"token": TOKEN}, "work": {"token": TOKEN + "-work"}},
        }
    }
}


class Scripted:
    """A transport that gives every request the same answer and remembers what it was sent."""

    def __init__(self) -> None:
        self.answer = WireResponse(200, {"content-type": "application/json"}, b"{}")
        self.sent: list[WireRequest] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(request)
        return self.answer

    def close(self) -> None:
        """Has nothing to give back."""


@pytest.fixture(scope="module")
def server() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def bridge(server: Scripted) -> Iterator[Bridge]:
    with Bridge(config=CONFIG, transport=server) as shared:
        yield shared


@pytest.fixture(autouse=True)
def forget(server: Scripted) -> None:
    server.sent.clear()
    server.answer = WireResponse(200, {"content-type": "application/json"}, b"{}")


def answered(bridge: Bridge, server: Scripted, body: bytes, code: str) -> Run:
    """Run `code` with the decoded `body` of one answer in its local `r`."""
    server.answer = WireResponse(200, {"content-type": "application/json"}, body)
    return bridge.run("local r = app.integrations.circleci.api_get('x') " + code)


Sent = tuple[str, str, list[tuple[str, str]], JsonValue]
GET_PIPELINE: Sent = ("GET", "/api/v2/pipeline/id", [], None)


@pytest.mark.parametrize(
    ("call", "request_sent"),
    [
        ("get_pipeline({pipeline_id = 'id'})", GET_PIPELINE),
        ("get_pipeline('id')", GET_PIPELINE),
        ("get_pipeline('id', nil, nil)", GET_PIPELINE),
        ("get_pipeline(5)", ("GET", "/api/v2/pipeline/5", [], None)),
        ("get_current_user()", ("GET", "/api/v2/me", [], None)),
        ("get_current_user({})", ("GET", "/api/v2/me", [], None)),
        (
            "get_job_details({project_slug = 'gh/acme/web', job_number = '42'})",
            ("GET", "/api/v2/project/gh/acme/web/job/42", [], None),
        ),
        (
            "get_job_details('gh/acme/web', 42.0)",
            ("GET", "/api/v2/project/gh/acme/web/job/42", [], None),
        ),
        (
            "list_project_pipelines('gh/acme/50%', nil, 'token')",
            ("GET", "/api/v2/project/gh/acme/50%25/pipeline", [("page-token", "token")], None),
        ),
        (
            "list_project_pipelines({project_slug = 'gh/a/b', branch = 5, query = {mine = true}})",
            (
                "GET",
                "/api/v2/project/gh/a/b/pipeline",
                [("branch", "5"), ("mine", "true")],
                None,
            ),
        ),
        (
            "get_project_insights_summary({project_slug = 'gh/a/b', branches = 'main'})",
            ("GET", "/api/v2/insights/pages/gh/a/b/summary", [("branches", "main")], None),
        ),
        (
            "get_project_insights_summary({project_slug = 'gh/a/b', branches = {'x', 'y'}})",
            (
                "GET",
                "/api/v2/insights/pages/gh/a/b/summary",
                [("branches", "x"), ("branches", "y")],
                None,
            ),
        ),
        ("trigger_pipeline('gh/a/b')", ("POST", "/api/v2/project/gh/a/b/pipeline", [], {})),
        (
            "trigger_pipeline({project_slug = 'gh/a/b', parameters = {n = 1, f = 1.0, ok = false},"
            " payload = {tag = 'v1', branch = 'lost'}, branch = 'main'})",
            (
                "POST",
                "/api/v2/project/gh/a/b/pipeline",
                [],
                {"parameters": {"n": 1, "f": 1.0, "ok": False}, "tag": "v1", "branch": "main"},
            ),
        ),
        (
            "rerun_workflow({workflow_id = 'w', jobs = {}})",
            ("POST", "/api/v2/workflow/w/rerun", [], {"jobs": []}),
        ),
        (
            "api_post({path = '/x', body = {list = json.array(), null = json.null, map = {}}})",
            ("POST", "/api/v2/x", [], {"list": [], "null": None, "map": {}}),
        ),
        (
            "api_get({path = 'x?a=1', query = {b = 'ä b'}})",
            ("GET", "/api/v2/x", [("a", "1"), ("b", "ä b")], None),
        ),
    ],
)
def test_a_call_sends_the_request_its_arguments_mean(
    call: str, request_sent: Sent, bridge: Bridge, server: Scripted
) -> None:
    run = bridge.run(f"app.integrations.circleci.{call}")

    assert run.error is None
    [sent] = server.sent
    url = urlsplit(sent.url)
    body = None if sent.body is None else decode(sent.body)
    assert (sent.method, url.path, sorted(parse_qsl(url.query)), body) == request_sent
    assert type(body) is type(request_sent[3])


def test_an_account_is_a_segment_of_the_path(bridge: Bridge, server: Scripted) -> None:
    run = bridge.run(
        "local c = app.integrations.circleci"
        " c.get_current_user() c.default.get_current_user() c.work.get_current_user()"
    )
    bridge.run("app.integrations.circleci.get_current_user()", account="work")

    tokens = [request.headers["Circle-Token"] for request in server.sent]
    assert tokens == [TOKEN, TOKEN, TOKEN + "-work", TOKEN + "-work"]
    assert [(call["function"], call["account"]) for call in run.call_log] == [
        ("app.integrations.circleci.get_current_user", "default"),
        ("app.integrations.circleci.default.get_current_user", "default"),
        ("app.integrations.circleci.work.get_current_user", "work"),
    ]


@pytest.mark.parametrize(
    ("body", "code", "result"),
    [
        (b'{"a":null,"b":1}', "return r.a == nil, r.b", [True, 1]),
        (b'{"next_page_token":null}', "if r.next_page_token then return 1 end return 2", 2),
        (b"[1,null,3]", "return #r >= 1, r[1], r[2] == nil, r[3]", [True, 1, True, 3]),
        (b'{"items":[]}', "return #r.items, r.items, json.encode(r)", [0, [], '{"items":[]}']),
        (b'{"map":{}}', "return next(r.map) == nil, r.map", [True, {}]),
        (b"[1,1.0]", "return math.type(r[1]), math.type(r[2])", ["integer", "float"]),
        (b"[9007199254740993]", "return r[1] == 9007199254740993, r", [True, [9007199254740993]]),
        (b"[12345678901234567890]", "return tostring(r[1])", "12345678901234567890"),
        (b"[12345678901234567890]", "return r", [12345678901234567890]),
        ('"ä\\u0000\\ud83d\\ude00"'.encode(), "return #r, r", [7, "ä\0😀"]),
        (b'"text"', "return r:upper()", "TEXT"),
        (b"", "return type(r), next(r) == nil, r", ["table", True, {}]),
        (b"null", "return r == nil", True),
        (b'{"1":"a","2":"b"}', "return r['1'], r[1] == nil", ["a", True]),
        (b'{"1":"a","2":"b"}', "return json.encode(r)", '{"1":"a","2":"b"}'),
    ],
)
def test_an_answer_is_its_json_without_loss(
    body: bytes, code: str, result: JsonValue, bridge: Bridge, server: Scripted
) -> None:
    run = answered(bridge, server, body, code)

    assert (run.error, run.result) == (None, result)


def test_a_text_answer_is_a_string(bridge: Bridge, server: Scripted) -> None:
    server.answer = WireResponse(200, {"content-type": "text/plain"}, b'{"not": json}')
    assert bridge.run("return app.integrations.circleci.api_get('x')").result == '{"not": json}'


def test_no_content_is_an_empty_table(bridge: Bridge, server: Scripted) -> None:
    server.answer = WireResponse(204, {}, b"")
    run = bridge.run("local r = app.integrations.circleci.api_delete('x') return type(r), r")
    assert run.result == ["table", {}]


TEXT = st.text(st.characters(codec="utf-8"), max_size=10) | st.sampled_from(["\ud800", "\0", "1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(JSON)
def test_any_answer_survives_lua(bridge: Bridge, server: Scripted, value: JsonValue) -> None:
    body = encode(value).encode("utf-8", "surrogatepass")
    run = answered(bridge, server, body, "return json.encode(r), r")

    assert run.error is None
    assert isinstance(run.result, list)
    text, returned = run.result
    assert isinstance(text, str)
    for back in (decode(text), returned):
        assert encode(back, sort_keys=True) == encode(value, sort_keys=True)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("", None),
        ("return", None),
        ("return nil", None),
        ("return 1", 1),
        ("return 1, nil", [1, None]),
        ("return nil, nil, 3", [None, None, 3]),
        ("return {}", {}),
        ("return {1, 2}", [1, 2]),
        ("return {1, nil, 3}", [1, None, 3]),
        ("return {[1] = 'a', x = 'b'}", {"1": "a", "x": "b"}),
        ("return json.array()", []),
        ("return json.null", None),
        ("return {a = json.null}", {"a": None}),
        ("return 0/0, -0.0, 1e100", ["nan", -0.0, 1e100]),
        ("return math.mininteger, math.maxinteger", [-(2**63), 2**63 - 1]),
        ("return print", "<function>"),
        ("return coroutine.create(print)", "<thread>"),
        ("return 'a\\0b', '\\u{1F600}'", ["a\0b", "😀"]),
        ("#!/usr/bin/env kosmo\nreturn 1", 1),
        ("return args.branch, args.missing", ["main", None]),
        ("return load('return ...')(5)", 5),
        ("return load('return x', 'n', 't', {x = 6})()", 6),
        ("return (load('x = = 1', '=here'))", None),
        ("local t = {'return ', '7'} return load(function() return table.remove(t, 1) end)()", 7),
        ("return _VERSION", "Lua 5.4"),
        ("return lua_read_doc == docs.read, #docs.read('circleci') > 1000", [True, True]),
        ("return docs.list():match('circleci%.get_pipeline%f[^%w_]') ~= nil", True),
        ("return docs.search('stop a workflow'):match('^[%w_.]+')", "circleci.cancel_workflow"),
        ("return #app.integrations.circleci, app.integrations.circleci.default ~= nil", [0, True]),
    ],
)  # fmt: skip
def test_a_result_is_what_the_chunk_returned(code: str, result: JsonValue, bridge: Bridge) -> None:
    run = bridge.run(code, args={"branch": "main"})

    assert run.error is None
    assert json.dumps(run.result) == json.dumps(result)
