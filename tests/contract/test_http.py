"""The contract's section 9, from the script's side: what becomes of an answer, and of a path."""

import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci import Bridge, NetworkError, ValidationError
from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.transport.wire import WireRequest, WireResponse

JSON = {"content-type": "application/json; charset=utf-8"}
CONFIG: Any = {
    "integrations": {
        "circleci": {
            "accounts": {"default": {"token": "CCIPAT_http_0123456789"}},
            "permissions": {"write": "allow"},
        }
    }
}


class Script:
    """A transport that answers by `handler(path and query)`; `paths` has every request."""

    def __init__(self, handler: Callable[[str], WireResponse]) -> None:
        self._handler = handler
        self.paths: list[str] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        assert request.url.startswith("https://circleci.com/")
        path = request.url.removeprefix("https://circleci.com")
        self.paths.append(path)
        return self._handler(path)

    def close(self) -> None:
        """Nothing is open."""


def bridge_that_gets(body: bytes | str, headers: Any = JSON, status: int = 200) -> Bridge:
    raw = body.encode() if isinstance(body, str) else body
    return Bridge(config=CONFIG, transport=Script(lambda _: WireResponse(status, headers, raw)))


@pytest.mark.parametrize(
    "text",
    [
        '{"items":[],"next_page_token":null}',
        '{"a":{},"b":[],"c":[null],"d":[1,null,2],"e":{"f":null}}',
        "[1,1.0,-0.0,1e100,9007199254740993,123456789012345678901234567890]",
        '["\\ud800","🚀","\\u0000","é","\\u2028"]',
        '{"1":"a","2":"b","":"c","🚀 key":"d"}',
        "[[],[[]],{},[{}]]",
        "null",
        "false",
        '"text"',
        "0",
    ],
)
def test_what_the_server_sent_is_what_the_result_says(text: str) -> None:
    bridge = bridge_that_gets(text)
    sent = encode(decode(text), sort_keys=True)  # objects have no order, in JSON as in Lua
    run = bridge.run("return app.integrations.circleci.get_pipeline('p')")
    assert (run.error, encode(run.result, sort_keys=True)) == (None, sent)
    again = bridge.run("return json.encode(app.integrations.circleci.get_pipeline('p'))")
    assert encode(decode(str(again.result)), sort_keys=True) == sent
    called = bridge.call("get_pipeline", {"pipeline_id": "p"})
    assert encode(called, sort_keys=True) == sent


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
RELAYED = Bridge(config=CONFIG, transport=Script(lambda _: WireResponse(200, JSON, ANSWER[0])))
ANSWER = [b""]


@given(VALUES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_answer_goes_through_lua_without_loss(value: Any) -> None:
    ANSWER[0] = encode(value).encode()
    code = "local v = app.integrations.circleci.get_pipeline('p') return v, json.encode(v)"
    run = RELAYED.run(code)
    assert run.error is None, run.error
    assert isinstance(run.result, list)
    result, encoded = run.result
    sent = encode(value, sort_keys=True)
    assert encode(result, sort_keys=True) == sent
    assert encode(decode(str(encoded)), sort_keys=True) == sent


@pytest.mark.parametrize(
    ("status", "headers", "body", "result"),
    [
        (200, {"content-type": "text/plain"}, "a: 1\n", "a: 1\n"),
        (200, {"content-type": "text/plain; charset=utf-8"}, "[1]", "[1]"),
        (200, {"content-type": "application/yaml"}, "a: 1", "a: 1"),
        (200, {}, '{"a":1}', {"a": 1}),
        (200, {"content-type": "application/problem+json"}, '{"a":1}', {"a": 1}),
        (202, JSON, '{"message":"Accepted."}', {"message": "Accepted."}),
        (204, JSON, "", {}),
        (200, JSON, " \n", {}),
        (200, JSON, b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    ],
)
def test_what_a_successful_answer_becomes(
    status: int, headers: Any, body: str | bytes, result: Any
) -> None:
    run = bridge_that_gets(body, headers, status).run(
        "return app.integrations.circleci.get_pipeline('p')"
    )
    assert (run.error, run.result) == (None, result)


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        ("{", JSON, "the body is not the JSON it claims to be: "),
        ('{"a": NaN}', JSON, "NaN is not JSON"),
        ('{"a": Infinity}', JSON, "Infinity is not JSON"),
        ('{"a": 1} trailing', JSON, "Extra data at line 1 column 10"),
        ('{"a": 1 /* comment */}', JSON, "line 1 column 9"),
        ('{"a": 1e400}', JSON, "larger than a double can hold"),
        ("[" * 300 + "]" * 300, JSON, "nested deeper than 200 levels"),
        (b'{"a": "\xff"}', JSON, "not UTF-8 at byte 7"),
        ("<html>Sign in</html>", {"content-type": "text/html"}, "an HTML page came instead"),
        ("<!DOCTYPE html><p>", {}, "an HTML page came instead"),
        ("<html>Sign in</html>", JSON, "the body is not the JSON it claims to be"),
        ("PNG", {"content-type": "image/png"}, "of type image/png, neither JSON nor text"),
    ],
)
def test_an_answer_that_is_not_what_it_claims_is_a_clear_error(
    body: str | bytes, headers: Any, says: str
) -> None:
    run = bridge_that_gets(body, headers).run("return app.integrations.circleci.get_pipeline('p')")
    assert (run.error_type, run.result) == ("api", None)
    assert run.error is not None
    assert run.error.startswith("script:1: CircleCI API error (200): ")
    assert says in run.error
    assert [(call["status"], call["http_status"]) for call in run.call_log] == [("error", 200)]


def test_an_api_error_has_its_fields_in_lua() -> None:
    headers = {**JSON, "x-request-id": "req-1", "retry-after": "120"}
    run = bridge_that_gets('{"message":"Slow down","code":"limited"}', headers, 429).run("""
        local ok, e = pcall(app.integrations.circleci.get_pipeline, "p")
        return {ok, e.type, e.status, e.code, e.body.message, e.request_id, e.retry_after,
                e.attempts, e.function_name, tostring(e), e:match("%d+")}
    """)
    text = (
        "CircleCI API error (429): Slow down (the server asks to wait 120 s; a call waits 60 s at "
        "most, so try again later)"
    )
    expected = [False, "api", 429, "limited", "Slow down", "req-1", 120.0, 1, "get_pipeline", text]
    assert (run.error, run.result) == (None, [*expected, "429"])


PROJECTS = [
    {"vcs_type": "github", "username": "acme", "reponame": "web"},
    {"vcs_type": "bitbucket", "username": "acme", "reponame": "api"},
    {"vcs_type": "github", "username": "other", "reponame": "x", "slug": "gh/other/x"},
]


@pytest.mark.parametrize(
    ("org", "slugs"),
    [
        (None, ["gh/acme/web", "bb/acme/api", "gh/other/x"]),
        ("gh/acme", ["gh/acme/web"]),
        ("github/acme", ["gh/acme/web"]),
        ("bb/acme", ["bb/acme/api"]),
        ("gh/nobody", []),
    ],
)
def test_list_projects_falls_back_to_the_route_that_is_documented(
    org: str | None, slugs: list[str]
) -> None:
    def handler(path: str) -> WireResponse:
        if path.startswith("/api/v2/"):
            return WireResponse(404, JSON, b'{"message":"Not found"}')
        return WireResponse(200, JSON, encode(PROJECTS).encode())  # type: ignore[arg-type]

    script = Script(handler)
    call = f"{{org_slug = {encode(org)}}}" if org else ""
    run = Bridge(config=CONFIG, transport=script).run(
        f"return app.integrations.circleci.list_projects({call})"
    )
    assert run.error is None
    assert isinstance(run.result, dict)
    assert [row["slug"] for row in run.result["items"]] == slugs  # type: ignore[union-attr,index,call-overload]
    assert run.result["next_page_token"] is None
    asked = f"?org-slug={org.replace('/', '%2F')}" if org else ""
    assert script.paths == [f"/api/v2/projects{asked}", "/api/v1.1/projects"]
    log = [(call["function"], call["status"], call["http_status"]) for call in run.call_log]
    name = "app.integrations.circleci.list_projects"
    assert (run.call_count, log) == (2, [(name, "error", 404), (name, "ok", 200)])


def test_list_projects_asks_once_where_the_first_route_answers() -> None:
    script = Script(lambda _: WireResponse(200, JSON, b'{"items":[],"next_page_token":null}'))
    bridge = Bridge(config=CONFIG, transport=script)
    bridge.call("list_projects", {"org_slug": "gh/acme", "page_token": "a b"})
    assert script.paths == ["/api/v2/projects?org-slug=gh%2Facme&page-token=a%20b"]


def test_compile_config_goes_to_the_accounts_own_origin() -> None:
    script = Script(lambda _: WireResponse(200, JSON, b'{"valid":true}'))
    Bridge(config=CONFIG, transport=script).call("compile_config", {"config_yaml": "version: 2.1"})
    assert script.paths == ["/api/v2/compile-config-with-defaults"]


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/me",
        "HTTPS://circleci.com/api/v2/me",
        "//evil.example/me",
        "/\\evil.example/me",
        "user@evil.example/me",
        "/../../me",
        "/%2e%2e/me",
        "/%252e%252e/me",
        "/a/%2E./b",
        "/a%2fb",
        "/a%5Cb",
        "/a\nb",
        "/a%0ab",
        "/a%00b",
        "/a#b",
        "",
    ],
)
def test_a_raw_path_that_could_lead_elsewhere_is_refused_before_anything_is_sent(path: str) -> None:
    script = Script(lambda _: WireResponse(200, JSON, b"{}"))
    with pytest.raises(ValidationError):
        Bridge(config=CONFIG, transport=script).call("api_get", {"path": path})
    assert script.paths == []


COUNTED = Script(lambda _: WireResponse(200, JSON, b"{}"))


@given(st.text(max_size=40))
def test_a_path_parameter_is_one_segment_or_refused(value: str) -> None:
    COUNTED.paths.clear()
    bridge = Bridge(config=CONFIG, transport=COUNTED)
    try:
        bridge.call("get_checkout_key", {"project_slug": "gh/acme/web", "fingerprint": value})
    except ValidationError:
        assert COUNTED.paths == []
        return
    [path] = COUNTED.paths
    start = "/api/v2/project/gh/acme/web/checkout-key/"
    assert path.startswith(start)
    last = path.removeprefix(start)
    assert not set(last) & set("/?#\\")
    assert last.replace("%2E", ".") not in ("", ".", "..")


@given(st.text(max_size=40))
def test_a_slug_keeps_its_number_of_segments_or_is_refused(value: str) -> None:
    COUNTED.paths.clear()
    bridge = Bridge(config=CONFIG, transport=COUNTED)
    try:
        bridge.call("get_project", {"project_slug": f"gh/{value}"})
    except ValidationError:
        assert COUNTED.paths == []
        return
    [path] = COUNTED.paths
    assert path.count("/") == "/api/v2/project/gh/acme/web".count("/")
    assert not {"", ".", ".."} & set(path.split("/")[1:])


@pytest.fixture
def large_answers() -> Iterator[str]:
    """A server whose answers do not fit: 65 MiB, plain, or compressed into 64 KiB."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = gzip.compress(bytes(65 * 1024 * 1024), 9) if "gzip" in self.path else b""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            if body:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            try:
                self.wfile.write(body)
                for _ in range(0 if body else 65):
                    self.wfile.write(b" " * 1024 * 1024)
            except OSError:
                pass  # nobody wants the rest

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to tell."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_an_answer_over_64_mib_is_a_network_error(how: str, large_answers: str) -> None:
    accounts = {"default": {"token": "CCIPAT_http_0123456789", "url": large_answers}}
    config: Any = {"integrations": {"circleci": {"accounts": accounts}}}
    with Bridge(config=config) as bridge, pytest.raises(NetworkError) as caught:
        bridge.call("api_get", {"path": f"/{how}"})
    assert caught.value.message == (
        f"GET /api/v2/{how}: the answer is larger than 64 MiB (1 attempt)."
    )
