"""Connections, certificates and proxies, over real sockets."""

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.transport.live import LiveTransport
from kosmo_circleci.transport.wire import TransportError, Untrusted, WireRequest, WireResponse

CERTIFICATE = Path(__file__).parent.parent / "data" / "tls" / "certificate.pem"
TOKEN = "CCIPAT_live_0123456789"
REQUEST = WireRequest(
    "GET", "https://circleci.com/api/v2/me", {"Accept": "application/json", "Circle-Token": TOKEN}
)


@pytest.fixture
def live() -> Iterator[LiveTransport]:
    transport = LiveTransport()
    yield transport
    transport.close()


def test_an_unknown_certificate_is_refused_and_names_the_way_out(
    tls_server: Any, live: LiveTransport
) -> None:
    with pytest.raises(TransportError) as caught:
        live.send(REQUEST._replace(url=f"{tls_server.origin}/api/v2/me"))
    host = tls_server.origin.removeprefix("https://")
    assert str(caught.value) == (
        f"the certificate of {host} could not be verified (self-signed certificate); "
        "if an authority of your own signed it, set SSL_CERT_FILE to its certificate"
    )
    assert isinstance(caught.value, Untrusted)
    assert (caught.value.surely_unsent, tls_server.seen) == (True, [])


def test_a_certificate_of_ones_own_is_trusted_once_it_is_named(
    tls_server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    answer = live.send(REQUEST._replace(url=f"{tls_server.origin}/api/v2/me"))
    assert (answer.status, answer.body) == (200, b'{"id":"1"}')
    assert [seen.headers["circle-token"] for seen in tls_server.seen] == [TOKEN]


def test_connections_are_kept_and_grow_with_what_is_under_way(server: Any) -> None:
    live = LiveTransport()
    request = WireRequest("GET", f"{server.origin}/api/v2/me", {})
    ports: set[str] = set()

    def act(connection: Any) -> bool:
        ports.add(str(connection.getpeername()))
        return bool(server.answer()(connection))

    server.plays(act)
    for _ in range(5):
        assert live.send(request) == WireResponse(
            200, {"content-type": "application/json", "content-length": "10"}, b'{"id":"1"}'
        )
    assert len(ports) == 1
    live.close()


def test_a_connection_the_server_has_closed_is_not_used_again(server: Any) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    server.plays(server.sends(whole), server.sends(whole), server.answer())
    live = LiveTransport()
    post = WireRequest("POST", f"{server.origin}/api/v2/me", {}, b"{}")

    for _ in range(3):
        assert live.send(post).status == 200
        time.sleep(0.05)  # for the server's end of the connection to arrive

    live.close()


def test_headers_are_lower_case_and_those_of_one_name_are_one_list(server: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nLink: <a>\r\nX-Request-ID: r-1\r\nlink: <b>\r\n"
    server.plays(server.sends(head + b"Content-Length: 0\r\n\r\n"))
    live = LiveTransport()
    assert live.send(WireRequest("GET", f"{server.origin}/", {})) == WireResponse(
        200, {"link": "<a>, <b>", "x-request-id": "r-1", "content-length": "0"}, b""
    )
    live.close()


def test_more_requests_at_once_than_any_pool_has_connections(server: Any) -> None:
    live = LiveTransport()
    barrier = threading.Barrier(40)

    def act(connection: Any) -> bool:
        barrier.wait(5)  # no answer before all have arrived
        return bool(server.answer()(connection))

    server.plays(act)
    request = WireRequest("GET", f"{server.origin}/api/v2/me", {})
    with ThreadPoolExecutor(40) as threads:
        statuses = [each.status for each in threads.map(lambda _: live.send(request), range(40))]
    assert statuses == [200] * 40
    live.close()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SSL_CERT_FILE", "/no/such/file.pem", "SSL_CERT_FILE names '/no/such/file.pem'"),
        ("HTTPS_PROXY", "no-scheme://proxy:1", "HTTPS_PROXY or ALL_PROXY cannot be used"),
    ],
)
def test_an_environment_that_cannot_be_used_is_a_configuration_error(
    name: str, value: str, says: str, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=says):
        live.send(REQUEST)


def connect_seen(server: Any, live: LiveTransport) -> list[tuple[str, str]]:
    server.plays(server.answer(403, b""))
    with pytest.raises(TransportError) as caught:
        live.send(REQUEST, time_left_s=5)
    assert caught.value.surely_unsent
    return [(seen.method, seen.target) for seen in server.seen]


def test_https_goes_through_the_proxy_of_the_environment_without_showing_it_the_token(
    server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.origin)
    assert connect_seen(server, live) == [("CONNECT", "circleci.com:443")]
    assert TOKEN not in str(server.seen)


def test_requests_go_through_one_tunnel_of_the_proxy_with_its_password_and_the_token_inside(
    server: Any, tls_server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.origin.replace("//", "//ann:s3cr%40t@"))
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    target = tls_server.origin.removeprefix("https://")
    server.plays(tunnel_to(target))
    for _ in range(2):
        answer = live.send(REQUEST._replace(url=f"{tls_server.origin}/api/v2/me"), time_left_s=10)
        assert (answer.status, answer.body) == (200, b'{"id":"1"}')
    [connect] = server.seen
    assert (connect.method, connect.target) == ("CONNECT", target)
    credentials = base64.b64encode(b"ann:s3cr@t").decode()
    assert connect.headers["proxy-authorization"] == f"Basic {credentials}"
    assert "circle-token" not in connect.headers
    assert [seen.headers["circle-token"] for seen in tls_server.seen] == [TOKEN, TOKEN]
    assert "proxy-authorization" not in tls_server.seen[0].headers
    live.close()  # ends the tunnel


def tunnel_to(target: str) -> Callable[[socket.socket], bool]:
    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def act(connection: socket.socket) -> bool:
        host, _, port = target.partition(":")
        with socket.create_connection((host, int(port))) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join(5)
        return False

    return act


def test_a_refusing_proxy_is_named(
    server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", server.origin)
    server.plays(server.answer(407, b""))
    with pytest.raises(TransportError) as caught:
        live.send(REQUEST)
    assert str(caught.value) == (
        "the proxy would not connect to circleci.com (407 X) (HTTPS_PROXY or ALL_PROXY is set)"
    )


def test_no_proxy_names_the_hosts_that_are_reached_directly(
    server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.origin)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(TransportError):  # it speaks no TLS, which is enough to know it was asked
        live.send(REQUEST._replace(url="https://127.0.0.1:1/api/v2/me"))
    assert server.seen == []


def test_plain_http_goes_to_loopback_directly_whatever_the_environment_says(
    server: Any, live: LiveTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert live.send(WireRequest("GET", f"{server.origin}/api/v2/me", {})).status == 200
