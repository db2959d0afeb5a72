"""httpx as the wire: what it is told, what it must not do, and how its failures read."""

import gzip
from collections.abc import Iterator

import httpx
import pytest
import respx

from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    TransportError,
    WireRequest,
)

URL = "https://circleci.com/api/v2/me"
TOKEN = "CCIPAT_live_0123456789"
REQUEST = WireRequest("GET", URL, {"Accept": "application/json", "Circle-Token": TOKEN})


@pytest.fixture
def live() -> Iterator[LiveTransport]:
    transport = LiveTransport()
    yield transport
    transport.close()


@respx.mock
def test_the_request_goes_out_as_it_is_and_the_answer_comes_back_whole(live: LiveTransport) -> None:
    route = respx.patch(URL).respond(201, json={"id": "1"}, headers={"X-Request-Id": "r-1"})
    headers = {"Accept": "application/json", "User-Agent": "kosmo", "Circle-Token": TOKEN}

    response = live.send(WireRequest("PATCH", URL, headers, b'{"a":1}'))

    sent = route.calls.last.request
    assert (sent.method, str(sent.url), sent.content) == ("PATCH", URL, b'{"a":1}')
    assert {name: sent.headers[name] for name in headers} == headers
    assert sent.headers["accept-encoding"] == "gzip"
    assert not {"authorization", "cookie"} & set(sent.headers)
    assert (response.status, response.body) == (201, b'{"id":"1"}')
    assert response.headers["x-request-id"] == "r-1"


@respx.mock
@pytest.mark.parametrize(
    "target", ["/api/v2/a%2Fb%20c%2B+:@", "/api/v2/%F0%9F%9A%80?q=%2520&r=a%3D"]
)
def test_a_path_reaches_the_wire_byte_for_byte(target: str, live: LiveTransport) -> None:
    route = respx.route(host="circleci.com").respond(200)
    live.send(REQUEST._replace(url=f"https://circleci.com{target}"))
    assert route.calls.last.request.url.raw_path == target.encode()


@respx.mock
def test_redirects_are_not_followed_and_cookies_are_not_kept(live: LiveTransport) -> None:
    headers = {"Location": "https://evil.example/", "Set-Cookie": "session=1; Path=/"}
    route = respx.get(URL).respond(302, headers=headers)
    for _ in range(2):
        assert live.send(REQUEST).status == 302
    assert "cookie" not in route.calls.last.request.headers


@respx.mock
@pytest.mark.parametrize(
    ("error", "unsent", "message"),
    [
        (httpx.ConnectError("x"), True, "could not connect to circleci.com"),
        (httpx.ConnectTimeout("x"), True, "no connection to circleci.com within 10 s"),
        (httpx.ReadTimeout("x"), False, "circleci.com did not answer within 30 s"),
        (httpx.WriteTimeout("x"), False, "circleci.com did not answer within 30 s"),
        (
            httpx.ReadError("x"),
            False,
            "the connection to circleci.com broke before an answer arrived",
        ),
        (
            httpx.WriteError("x"),
            False,
            "the connection to circleci.com broke before an answer arrived",
        ),
        (
            httpx.RemoteProtocolError("x"),
            False,
            "the connection to circleci.com broke before an answer arrived",
        ),
        (httpx.LocalProtocolError(TOKEN), True, "the request to circleci.com is not valid HTTP"),
        (httpx.ProxyError("403"), True, "the proxy would not connect to circleci.com (403)"),
    ],
)
def test_a_failure_is_told_in_words_and_says_whether_anything_was_sent(
    error: Exception, unsent: bool, message: str, live: LiveTransport
) -> None:
    respx.get(URL).mock(side_effect=error)
    with pytest.raises(TransportError) as caught:
        live.send(REQUEST)
    assert (str(caught.value), caught.value.surely_unsent) == (message, unsent)
    assert caught.value.__cause__ is None


@respx.mock
def test_the_timeouts_are_ten_seconds_to_connect_and_thirty_to_read(live: LiveTransport) -> None:
    route = respx.get(URL).respond(200)
    live.send(REQUEST)
    timeouts = route.calls.last.request.extensions["timeout"]
    assert [timeouts.get(phase) for phase in ("connect", "read", "write")] == [10.0, 30.0, 30.0]


@respx.mock
def test_no_timeout_is_longer_than_the_run_has_left(live: LiveTransport) -> None:
    route = respx.get(URL).respond(200)
    live.send(REQUEST, time_left_s=5.0)
    timeouts = route.calls.last.request.extensions["timeout"]
    assert all(4.0 < timeouts.get(phase) <= 5.0 for phase in ("connect", "read", "pool"))
    with pytest.raises(Cancelled, match="time ran out"):
        live.send(REQUEST, time_left_s=0.0)


@respx.mock
@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, b"x" * 1001),
        ({"Content-Length": "5000000000"}, b"x"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"x" * 1_000_000)),
    ],
)
def test_an_answer_over_the_limit_is_given_up(headers: dict[str, str], content: bytes) -> None:
    respx.get(URL).mock(return_value=httpx.Response(200, headers=headers, stream=Pieces(content)))
    with pytest.raises(BodyTooLarge, match="the answer is larger than 1000 bytes"):
        LiveTransport(max_body_bytes=1000).send(REQUEST)


@respx.mock
def test_a_compressed_answer_is_unpacked(live: LiveTransport) -> None:
    packed = gzip.compress(b'{"items": []}')
    respx.get(URL).mock(
        return_value=httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=Pieces(packed)
        )
    )
    assert live.send(REQUEST).body == b'{"items": []}'


class Pieces(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), 7):
            yield self._content[at : at + 7]


def test_a_closed_transport_sends_nothing(live: LiveTransport) -> None:
    live.close()
    with pytest.raises(Cancelled, match="closed already"):
        live.send(REQUEST)
