"""What the server over HTTP withstands: idle connections, many at once, pages of the web."""

import json
import socket
import threading

import pytest

from kosmo_circleci.simulator.conditions import Conditions
from kosmo_circleci.simulator.server import Server
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN
from tests.support.served import FAST, TOKEN, curl


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_idle_connections_do_not_keep_others_out(url: str) -> None:
    idle = [socket.create_connection(("127.0.0.1", _port(url)), timeout=10) for _ in range(150)]
    try:
        assert curl(*TOKEN, f"{url}/api/v2/me")[0] == 200
        # The newest stay; only those that were idle longest made room.
        idle[-1].sendall(b"GET /api/v2/me HTTP/1.0\r\n\r\n")
        assert idle[-1].recv(12) == b"HTTP/1.0 401"
    finally:
        for each in idle:
            each.close()


def test_requests_that_wait_for_a_thread_are_not_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Server(FAST._replace(conditions=Conditions(latency_s=0.05))).serving() as slow:
        threads = [
            threading.Thread(target=curl, args=(*TOKEN, f"{slow}/api/v2/me")) for _ in range(24)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [each.getMessage() for each in caplog.records] == []


@pytest.mark.parametrize(
    "header",
    [
        "Host: circleci.example.com",
        "Host: 127.0.0.1.example.com:80",
        "Origin: https://example.com",
        "Origin: http://127.0.0.1.example.com",
        "Origin: null",
        "Origin: http://[::1",
    ],
)
def test_a_request_that_a_web_page_could_have_sent_is_refused(url: str, header: str) -> None:
    path = f"{url}/api/v2/project/gh/example-org/example-repo/pipeline"
    status, body = curl("-u", f"{SIMULATED_TOKEN}:", "-H", header, "-d", "branch=main", path)
    message = json.loads(body)["message"]
    named = header.replace(": ", " ", 1)
    assert (status, message) == (
        403,
        f"{named} does not name this machine. Use http://127.0.0.1 and the port.",
    )
    newest = json.loads(curl(*TOKEN, path)[1])["items"][0]
    assert newest["number"] == 45


def test_a_page_of_this_machine_may_ask(url: str) -> None:
    for host in ("127.0.0.1", "localhost:1234", "[::1]:1234"):
        headers = ("-H", f"Host: {host}", "-H", f"Origin: http://{host}")
        assert curl(*TOKEN, *headers, f"{url}/api/v2/me")[0] == 200, host
