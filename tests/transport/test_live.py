"""The wire, over real sockets: what goes out, what comes back, and how failures read."""

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    TransportError,
    WireRequest,
    WireResponse,
)

TOKEN = "CCIPAT_live_0123456789"
HEADERS = {"Accept": "application/json", "User-Agent": "kosmo", "Circle-Token": TOKEN}


@pytest.fixture
def live() -> Iterator[LiveTransport]:
    transport = LiveTransport(read_timeout_s=5, connect_timeout_s=5)
    yield transport
    transport.close()


def me(server: Any) -> WireRequest:
    return WireRequest("GET", f"{server.origin}/api/v2/me", HEADERS)


def test_the_request_goes_out_as_it_is_and_the_answer_comes_back_whole(
    server: Any, live: LiveTransport
) -> None:
    server.plays(server.answer(201, x_request_id="r-1"))
    url = f"{server.origin}/api/v2/me"

    response = live.send(WireRequest("PATCH", url, HEADERS, b'{"a":1}'))

    [sent] = server.seen
    assert (sent.method, sent.target, sent.body) == ("PATCH", "/api/v2/me", b'{"a":1}')
    assert sent.headers == {
        "host": server.origin.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": "kosmo",
        "circle-token": TOKEN,
        "content-length": "7",
    }
    assert (response.status, response.body) == (201, b'{"id":"1"}')
    assert response.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize(
    ("method", "length"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PUT", "0")]
)
def test_a_write_without_a_body_says_that_it_has_none(
    method: str, length: str | None, server: Any, live: LiveTransport
) -> None:
    live.send(me(server)._replace(method=method))
    assert server.seen[0].headers.get("content-length") == length


@pytest.mark.parametrize(
    "target",
    ["/api/v2/a%2Fb%20c%2B+:@;x=1", "/api/v2/%F0%9F%9A%80?q=%2520&r=a%3D", "/", "/?a=/b", "/x?"],
)
def test_a_path_reaches_the_wire_byte_for_byte(
    target: str, server: Any, live: LiveTransport
) -> None:
    live.send(me(server)._replace(url=server.origin + target))
    assert server.seen[0].target == target


def test_a_url_without_a_path_asks_for_the_root(server: Any, live: LiveTransport) -> None:
    live.send(me(server)._replace(url=f"{server.origin}?a=1"))
    assert server.seen[0].target == "/?a=1"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://a:99999/", "http:///x", "http://u@h/"])
def test_what_is_not_the_url_of_a_server_is_not_sent(url: str, live: LiveTransport) -> None:
    with pytest.raises(TransportError, match="not valid HTTP") as caught:
        live.send(WireRequest("GET", url, {}))
    assert caught.value.surely_unsent


def test_redirects_are_not_followed_and_cookies_are_not_kept(
    server: Any, live: LiveTransport
) -> None:
    server.plays(server.answer(302, location="https://evil.example/", set_cookie="s=1; Path=/"))
    for _ in range(2):
        assert live.send(me(server)).status == 302
    assert "cookie" not in server.seen[1].headers


@pytest.mark.parametrize(
    ("header", "value"), [("X-Note", f"a\r\n{TOKEN}"), ("X Note", TOKEN), ("X-Note", "\0")]
)
def test_a_header_that_is_not_http_is_not_sent_and_not_quoted(
    header: str, value: str, server: Any, live: LiveTransport
) -> None:
    with pytest.raises(TransportError) as caught:
        live.send(me(server)._replace(headers={header: value}))
    host = server.origin.removeprefix("http://")
    assert str(caught.value) == f"the request to {host} is not valid HTTP"
    assert (caught.value.surely_unsent, caught.value.__cause__, server.seen) == (True, None, [])


def test_a_run_without_time_sends_nothing(server: Any, live: LiveTransport) -> None:
    with pytest.raises(Cancelled, match="time ran out"):
        live.send(me(server)._replace(url="http://127.0.0.1:1/"), time_left_s=0.0)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda server: server.hangs(HEAD[:8]), id="a head that stops"),
        pytest.param(
            lambda server: trickles(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000), id="a slow head"
        ),
        pytest.param(
            lambda server: trickles(HEAD + b"Content-Length: 9999\r\n\r\n" + b"x" * 5000),
            id="a slow body",
        ),
        pytest.param(
            lambda server: trickles(HEAD + b"\r\n" + b"x" * 5000), id="a slow body without a length"
        ),
    ],
)
def test_no_answer_outlasts_the_runs_time(
    act: Callable[[Any], Any], server: Any, live: LiveTransport
) -> None:
    server.plays(act(server))
    threads = threading.active_count()
    with pytest.raises(Cancelled, match="time ran out"):
        live.send(me(server), time_left_s=0.3)
    assert threading.active_count() <= threads + 1  # the server's own for this connection


def test_the_end_of_a_run_does_not_touch_the_connection_it_gave_back(
    server: Any, live: LiveTransport
) -> None:
    peers = peers_of(server)
    live.send(me(server), time_left_s=0.2)
    time.sleep(0.3)
    assert live.send(me(server)).status == 200
    assert len(set(peers)) == 1


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


@pytest.mark.parametrize("in_one_piece", [True, False])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(HEAD + b"Content-Length: 4\r\n\r\ntrue", b"true", id="of known length"),
        pytest.param(HEAD + b"Content-Length: 0\r\n\r\n", b"", id="empty"),
        pytest.param(HEAD + CHUNKED + b"2\r\ntr\r\n2;x\r\nue\r\n0\r\n\r\n", b"true", id="chunked"),
        pytest.param(
            HEAD + CHUNKED + b"4\r\ntrue\r\n0\r\nX-Sum: 1\r\n\r\n", b"true", id="with a trailer"
        ),
        pytest.param(
            HEAD + CHUNKED + b"6\r\n\r\n\n\r\n\n\r\n0\r\n\r\n", b"\r\n\n\r\n\n", id="of line ends"
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="without a body"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
            b"{}",
            id="after an interim one",
        ),
    ],
)
def test_bytes_behind_a_complete_answer_are_never_the_next_answer(
    answer: bytes, body: bytes, in_one_piece: bool, server: Any, live: LiveTransport
) -> None:
    send = keeps_open if in_one_piece else byte_by_byte
    server.plays(send(answer + NEXT), server.answer())
    peers = peers_of(server)
    assert live.send(me(server)).body == body
    time.sleep(0.05)
    assert live.send(me(server)).body == b'{"id":"1"}'
    assert len(set(peers)) == 2


@pytest.mark.parametrize(
    "answer", [HEAD + b"Content-Length: 2\r\n\r\n{}", HEAD + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"]
)
def test_a_complete_answer_with_nothing_behind_it_keeps_the_connection(
    answer: bytes, server: Any, live: LiveTransport
) -> None:
    server.plays(keeps_open(answer))
    peers = peers_of(server)
    assert [live.send(me(server)).body for _ in range(3)] == [b"{}"] * 3
    assert len(set(peers)) == 1


def test_a_large_chunked_answer_comes_back_whole(server: Any, live: LiveTransport) -> None:
    packed = gzip.compress(bytes(i * i % 251 for i in range(300_000)), 1)
    lines = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces(packed, 7000))
    head = HEAD + b"Content-Encoding: gzip\r\n" + CHUNKED
    server.plays(keeps_open(head + lines + b"0\r\n\r\n"))
    assert live.send(me(server)).body == gzip.decompress(packed)


def test_heads_without_end_are_given_up(server: Any, live: LiveTransport) -> None:
    def act(connection: socket.socket) -> bool:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    server.plays(act)
    with pytest.raises(TransportError, match="broke before an answer arrived"):
        live.send(me(server))


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (b"", b"x" * 1001),
        (b"Content-Length: 5000000000\r\n", b"x"),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"x" * 1_000_000)),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"") * 100),
    ],
)
def test_an_answer_over_the_limit_is_given_up(headers: bytes, content: bytes, server: Any) -> None:
    live = LiveTransport(max_body_bytes=1000)
    server.plays(server.sends(HEAD + headers + b"\r\n" + content))
    with pytest.raises(BodyTooLarge, match="the answer is larger than 1000 bytes"):
        live.send(me(server))
    live.close()


def test_a_compressed_answer_is_unpacked(server: Any, live: LiveTransport) -> None:
    server.plays(server.answer(200, gzip.compress(b'{"items": []}'), content_encoding="gzip"))
    assert live.send(me(server)).body == b'{"items": []}'


def test_a_closed_transport_sends_nothing(server: Any, live: LiveTransport) -> None:
    live.close()
    with pytest.raises(Cancelled, match="closed already"):
        live.send(me(server))


def test_closing_ends_what_is_in_flight(server: Any, live: LiveTransport) -> None:
    server.plays(server.hangs())
    closing = threading.Timer(0.2, live.close)
    closing.start()
    with pytest.raises(Cancelled, match="closed while the request was in flight"):
        live.send(me(server))
    closing.join()


FORK = """
import os, sys
from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import WireRequest
live, request = LiveTransport(), WireRequest("GET", sys.argv[1] + "/api/v2/me", {})
assert live.send(request).status == 200
child = os.fork()
if child == 0:
    os._exit(0 if live.send(request).status == 200 else 1)
assert os.waitpid(child, 0)[1] == 0
assert live.send(request).status == 200
"""


def test_a_fork_has_connections_of_its_own(server: Any) -> None:
    peers = peers_of(server)
    subprocess.run([sys.executable, "-c", FORK, server.origin], check=True, timeout=30)
    parent, child, parent_again = peers
    assert parent == parent_again != child


def test_every_address_of_a_host_is_tried(
    server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.origin.rpartition(":")[2])
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
        for address in ("127.0.0.9", "127.0.0.1")  # nobody listens on the first
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
    url = f"http://localhost:{port}/api/v2/me"
    assert live.send(WireRequest("GET", url, {})) == WireResponse(
        200, {"content-type": "application/json", "content-length": "10"}, b'{"id":"1"}'
    )


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def keeps_open(raw: bytes) -> Callable[[socket.socket], bool]:
    def act(connection: socket.socket) -> bool:
        connection.sendall(raw)
        return True

    return act


def byte_by_byte(raw: bytes) -> Callable[[socket.socket], bool]:
    def act(connection: socket.socket) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for each in pieces(raw, 1):
            connection.sendall(each)
            time.sleep(0.0002)
        return True

    return act


def trickles(raw: bytes) -> Callable[[socket.socket], bool]:
    def act(connection: socket.socket) -> bool:
        for each in pieces(raw, 1):
            connection.sendall(each)
            time.sleep(0.02)
        return False

    return act


def peers_of(server: Any) -> list[str]:
    """Note from now on which connection each request comes over."""
    peers: list[str] = []

    def noting(act: Callable[[socket.socket], bool]) -> Callable[[socket.socket], bool]:
        def noted(connection: socket.socket) -> bool:
            peers.append(str(connection.getpeername()))
            return act(connection)

        return noted

    server.plays(*(noting(act) for act in server.acts))
    return peers
