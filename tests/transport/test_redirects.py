"""A token goes to its account's own origin and to nowhere else."""

from typing import Any

import pytest
from memory_transport import MemoryTransport

from kosmo_circleci.call.model import Account, ApiRequest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, ValidationError
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.wire import WireRequest, WireResponse

TOKEN = "CCIPAT_transport_0123456789"


def moved(status: int, location: str) -> WireResponse:
    return WireResponse(status, {"location": location}, b"")


def perform(
    memory: MemoryTransport,
    method: str = "GET",
    path: str = "/api/v2/me",
    origin: str = "https://circleci.com",
    token: str | None = TOKEN,
    **more: Any,
) -> tuple[int, list[str]]:
    """Return the last status and the URLs that were asked for."""
    request = ApiRequest(method, path, **more)
    account = Account("default", origin, token)
    response = Executor(memory, user_agent="test/1").perform(request, account, Deadline())
    return response.status, [each.url for each in memory.sent]


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/api/v2/me",
        "//evil.example/api/v2/me",
        "http://circleci.com/api/v2/me",
        "https://circleci.com:8443/api/v2/me",
        "https://circleci.com.evil.example/",
        "https://user:pass@circleci.com/api/v2/me",
        "https://circleci.com@evil.example/",
        "https://evil.example\\@circleci.com/",
        "\\\\evil.example/",
        "/\\evil.example/",
        "https:/\\evil.example/",
        "https://[::1/",
        "https://circleci.com:port/",
        "ftp://circleci.com/",
        "javascript:alert(1)",
        "https://circleci.com /me",
        "https://circleci.com/\r\nX: y",
        "",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_anywhere_else_is_not_followed(status: int, location: str) -> None:
    memory = MemoryTransport(moved(status, location))
    assert perform(memory) == (status, ["https://circleci.com/api/v2/me"])


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/api/v2/you?a=b%20c", "https://circleci.com/api/v2/you?a=b%20c"),
        ("you", "https://circleci.com/api/v2/you"),
        ("https://circleci.com/x#fragment", "https://circleci.com/x"),
        ("https://circleci.com:443/x", "https://circleci.com:443/x"),
        ("HTTPS://CIRCLECI.com/x", "https://CIRCLECI.com/x"),
        ("//circleci.com/x", "https://circleci.com/x"),
        ("https:///x", "https://circleci.com/x"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed_with_the_token(
    status: int, location: str, url: str
) -> None:
    memory = MemoryTransport(moved(status, location))
    assert perform(memory) == (200, ["https://circleci.com/api/v2/me", url])
    assert [each.headers["Circle-Token"] for each in memory.sent] == [TOKEN, TOKEN]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("status", "followed"), [(301, False), (302, False), (303, False), (307, True), (308, True)]
)
def test_a_write_is_redirected_only_where_it_stays_the_same_write(
    method: str, status: int, followed: bool
) -> None:
    memory = MemoryTransport(moved(status, "/api/v2/there"))
    last, urls = perform(memory, method, body={"a": 1})
    assert (last, len(urls)) == ((200, 2) if followed else (status, 1))
    assert {(each.method, each.body) for each in memory.sent} == {(method, b'{"a":1}')}


def test_a_circle_of_redirects_ends() -> None:
    memory = MemoryTransport(*[moved(302, "/again")] * 10)
    status, urls = perform(memory)
    assert (status, len(urls)) == (302, 6)


def test_a_redirect_over_real_sockets_never_carries_the_token_away(
    server: Any, wire: Any, elsewhere: Any
) -> None:
    server.plays(server.answer(302, b"", location=f"{elsewhere.origin}/api/v2/me"))
    assert (wire.perform().status, elsewhere.seen) == (302, [])

    server.plays(server.answer(307, b"", location="/api/v2/there"), server.answer())
    assert wire.perform("POST", body={"a": 1}).status == 200
    assert [(seen.method, seen.target, seen.body) for seen in server.seen[-2:]] == [
        ("POST", "/api/v2/me", b'{"a":1}'),
        ("POST", "/api/v2/there", b'{"a":1}'),
    ]


@pytest.fixture
def elsewhere(server: Any) -> Any:
    other = type(server)()
    other.plays(other.answer())
    yield other
    other.close()


@pytest.mark.parametrize(
    "path",
    [
        "me",
        "",
        "//evil.example/me",
        "/api/v2/../../me",
        "/api/v2/%2e%2E/me",
        "/api/v2/./me",
        "/api/v2/.%2e",
        "/a b",
        "/a\nb",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/é",
        "@evil.example/",
        ".evil.example/",
        ":80/",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_never_sent(path: str) -> None:
    memory = MemoryTransport()
    with pytest.raises(ValidationError, match="cannot be sent"):
        perform(memory, path=path)
    assert memory.sent == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://circleci.com/base",
        "https://circleci.com?x=1",
        "https://user@circleci.com",
        "circleci.com",
        "//circleci.com",
        "https://",
        "",
    ],
)
def test_an_account_without_a_plain_origin_sends_nothing(origin: str) -> None:
    memory = MemoryTransport()
    with pytest.raises(ConfigurationError, match="is not an origin"):
        perform(memory, origin=origin)
    assert memory.sent == []


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "tökén", "", "\x7f"])
def test_a_token_that_is_not_a_header_value_sends_nothing_and_is_not_shown(token: str) -> None:
    memory = MemoryTransport()
    with pytest.raises(ConfigurationError, match="account 'default'") as caught:
        perform(memory, token=token)
    assert memory.sent == []
    assert token == "" or token not in caught.value.message


def test_an_account_without_a_token_sends_no_token() -> None:
    memory = MemoryTransport()
    perform(memory, token=None)
    assert memory.sent[0].headers == {"Accept": "application/json", "User-Agent": "test/1"}


def test_the_request_is_complete_and_its_query_is_percent_encoded() -> None:
    memory = MemoryTransport()
    perform(
        memory, "PUT", query=(("a b", "c+d&é"), ("a b", ""), ("x", "/?")), body={"k": [1.0, None]}
    )
    assert memory.sent == [
        WireRequest(
            "PUT",
            "https://circleci.com/api/v2/me?a%20b=c%2Bd%26%C3%A9&a%20b=&x=%2F%3F",
            {
                "Accept": "application/json",
                "User-Agent": "test/1",
                "Circle-Token": TOKEN,
                "Content-Type": "application/json",
            },
            b'{"k":[1.0,null]}',
        )
    ]


def test_a_body_that_is_not_json_is_refused_before_it_is_sent() -> None:
    memory = MemoryTransport()
    with pytest.raises(ValidationError, match="cannot be written as JSON"):
        perform(memory, "POST", body={"x": float("nan")})
    assert memory.sent == []
