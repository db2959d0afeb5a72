"""What is sent again, after how long, and what became of a write: over real sockets."""

import socket
import time
from typing import Any

import pytest

from kosmo_circleci.call.model import ApiRequest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, LimitExceeded, NetworkError

HEAD_ONLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n"
HALF_AN_ANSWER = HEAD_ONLY + b'{"id":'


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_request_that_may_be_repeated_is_after_a_server_error(
    method: str, status: int, server: Any, wire: Any
) -> None:
    server.plays(server.answer(status), server.answer())

    response = wire.perform(method)

    assert (response.status, response.attempts, wire.pauses) == (200, 2, [0.5])
    assert [seen.method for seen in server.seen] == [method, method]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_write_that_may_have_been_done_is_sent_once(
    method: str, status: int, server: Any, wire: Any
) -> None:
    server.plays(server.answer(status))

    response = wire.perform(method, body={"a": 1})

    assert (response.status, response.attempts, wire.pauses) == (status, 1, [])
    assert [seen.body for seen in server.seen] == [b'{"a":1}']


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_every_method_is_repeated_after_a_429_with_the_same_body(
    method: str, server: Any, wire: Any
) -> None:
    server.plays(server.answer(429, retry_after="2"), server.answer())

    response = wire.perform(method, body={"a": 1})

    assert (response.status, response.attempts, wire.pauses) == (200, 2, [2.0])
    assert [seen.body for seen in server.seen] == [b'{"a":1}'] * 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
def test_an_answer_that_would_be_the_same_again_is_taken_as_it_is(
    status: int, server: Any, wire: Any
) -> None:
    server.plays(server.answer(status))

    response = wire.perform()

    assert (response.status, response.attempts, len(server.seen)) == (status, 1, 1)


def test_there_are_four_attempts_with_longer_and_longer_pauses(server: Any, wire: Any) -> None:
    server.plays(server.answer(503))

    response = wire.perform()

    assert (response.status, response.attempts, len(server.seen)) == (503, 4, 4)
    assert wire.pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [("0", 0.0), ("7", 7.0), ("60", 60.0), ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0)],
)
def test_retry_after_replaces_the_backoff(
    header: str, pause_s: float, server: Any, wire: Any
) -> None:
    server.plays(server.answer(503, retry_after=header), server.answer())

    assert wire.perform().status == 200
    assert wire.pauses == [pause_s]


@pytest.mark.parametrize("header", ["61", "Thu, 01 Jan 2026 12:02:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_beyond_a_minute_is_reported_at_once(
    header: str, status: int, server: Any, wire: Any
) -> None:
    server.plays(server.answer(status, retry_after=header))

    response = wire.perform()

    assert (response.status, response.attempts, wire.pauses) == (status, 1, [])
    assert response.retry_after_s == (61.0 if header == "61" else 120.0)


def faults(server: Any) -> dict[str, Any]:
    return {
        "a reset before any answer": server.resets(),
        "a close before any answer": server.sends(b""),
        "a reset after the head": server.resets(HEAD_ONLY),
        "a reset in the body": server.resets(HALF_AN_ANSWER),
        "a body cut short": server.sends(HALF_AN_ANSWER),
        "a broken chunk": server.sends(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"
        ),
        "no answer in time": server.hangs(),
        "a body that stops coming": server.hangs(HALF_AN_ANSWER),
        "no HTTP at all": server.sends(b"220 mail.example.com ESMTP\r\n"),
    }


FAULTS = [
    "a reset before any answer",
    "a close before any answer",
    "a reset after the head",
    "a reset in the body",
    "a body cut short",
    "a broken chunk",
    "no answer in time",
    "a body that stops coming",
    "no HTTP at all",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_is_repeated_after_a_fault_of_the_connection(
    fault: str, server: Any, hasty_wire: Any
) -> None:
    server.plays(faults(server)[fault], server.answer())

    response = hasty_wire.perform()

    assert (response.body, response.attempts, hasty_wire.pauses) == (b'{"id":"1"}', 2, [0.5])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_is_not_and_the_error_says_that_it_may_have_been_done(
    fault: str, server: Any, hasty_wire: Any
) -> None:
    server.plays(faults(server)[fault], server.answer())

    with pytest.raises(NetworkError) as caught:
        hasty_wire.perform("POST", "/api/v2/project/gh/acme/web/pipeline", body={})

    assert caught.value.message.startswith("POST /api/v2/project/gh/acme/web/pipeline: ")
    assert caught.value.message.endswith(
        " (1 attempt); it may have been processed; it was sent once and not repeated."
    )
    assert (caught.value.attempts, len(server.seen), hasty_wire.pauses) == (1, 1, [])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("a reset before any answer", "the connection to {host} broke before an answer arrived"),
        (
            "a reset in the body",
            "the connection to {host} broke before the whole answer (status 200) arrived",
        ),
        ("no answer in time", "{host} did not answer within 0.2 s"),
        ("a body that stops coming", "{host} sent nothing more of its answer within 0.2 s"),
    ],
)
def test_the_error_of_a_read_says_which_call_what_happened_and_how_often(
    fault: str, says: str, server: Any, hasty_wire: Any
) -> None:
    server.plays(faults(server)[fault])

    with pytest.raises(NetworkError) as caught:
        hasty_wire.perform()

    host = server.origin.removeprefix("http://")
    assert caught.value.message == f"GET /api/v2/me: {says.format(host=host)} (4 attempts)."
    assert (caught.value.attempts, len(server.seen)) == (4, 4)


@pytest.mark.parametrize(
    ("method", "ending"),
    [("GET", "(4 attempts)."), ("POST", "(4 attempts); nothing was sent.")],
)
def test_a_refused_connection_is_tried_again_by_every_method(
    method: str, ending: str, wire: Any
) -> None:
    with socket.socket() as bound:  # bound and not listening: no other process gets the port
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        wire.account = wire.account._replace(origin=f"http://{host}")

        with pytest.raises(NetworkError) as caught:
            wire.perform(method)

    assert caught.value.message == f"{method} /api/v2/me: {host} refused the connection {ending}"
    assert wire.pauses == [0.5, 1.0, 2.0]


def test_a_certificate_that_is_not_trusted_is_met_once(tls_server: Any, wire: Any) -> None:
    wire.account = wire.account._replace(origin=tls_server.origin)

    with pytest.raises(NetworkError, match=r"could not be verified .* \(1 attempt\)\.$"):
        wire.perform()

    assert wire.pauses == []


def test_a_caller_may_want_one_attempt_only(server: Any, wire: Any) -> None:
    server.plays(server.answer(503), server.answer())

    request = ApiRequest("GET", "/api/v2/me")
    answer = wire.executor.perform(request, wire.account, Deadline(), attempts=1)

    assert (answer.status, answer.attempts, wire.pauses) == (503, 1, [])


def test_a_write_that_was_limited_and_then_lost_is_not_sent_a_third_time(
    server: Any, wire: Any
) -> None:
    server.plays(server.answer(429, retry_after="0"), server.resets())

    with pytest.raises(
        NetworkError, match="may have been processed, and was not repeated"
    ) as caught:
        wire.perform("POST", body={})

    assert (caught.value.attempts, len(server.seen)) == (2, 2)


def test_a_slow_server_does_not_outlast_the_runs_time(server: Any, wire: Any) -> None:
    server.plays(server.hangs())
    began = time.monotonic()

    with pytest.raises(LimitExceeded, match=r"The run took longer than 0\.1 s"):
        wire.perform(deadline=Deadline(0.1))

    assert time.monotonic() - began < 2  # the read timeout alone would take 5 s
    assert len(server.seen) == 1


def test_a_server_that_trickles_does_not_outlast_the_runs_time(server: Any, wire: Any) -> None:
    def trickle(connection: socket.socket) -> bool:
        connection.sendall(HEAD_ONLY)
        for _ in range(60):
            connection.sendall(b" ")
            time.sleep(0.05)
        return False

    server.plays(trickle)
    began = time.monotonic()

    with pytest.raises(LimitExceeded):
        wire.perform(deadline=Deadline(0.2))

    assert time.monotonic() - began < 2


def test_a_run_that_was_called_off_sends_nothing_more(server: Any, wire: Any) -> None:
    server.plays(server.answer(503))
    deadline = Deadline()
    deadline.cancel(Interrupted("Ctrl-C"))

    with pytest.raises(Interrupted, match="Ctrl-C"):
        wire.perform(deadline=deadline)

    assert server.seen == []
