"""A server that poses as CircleCI: whatever it answers, limits hold, and the token stays inside.

One server on loopback has an answer for each path; each case is one request of a script.
"""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

import pytest

from kosmo_circleci import Bridge, Limits, Run

TOKEN: Final = "token-of-the-victim-0123456789"
ESCAPES: Final = "\x1b]0;title\x07\x1b[2J\u202e"


class Answer(NamedTuple):
    """What the server says: a body for ever where `endless`. `{token}` is what it was sent."""

    status: int = 200
    body: str = "{}"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    endless: bytes = b""
    pause_s: float = 0.0


def header(name: str, value: str, status: int = 200) -> Answer:
    return Answer(status, headers=(("Content-Type", "application/json"), (name, value)))


# name: (the answer, error type and words of the message, or None and the result)
CASES: Final[dict[str, tuple[Answer, str | None, Any]]] = {
    "the token in a message": (Answer(400, '{"message": "not {token}!"}'), "api", "not ***!"),
    "the token in a body of HTML": (Answer(404, "<p>{token}</p>", ()), "api", "404"),
    "the token as a key": (Answer(body='{"{token}": 1}'), None, {"***": 1}),
    "the token escaped": (
        Answer(400, json.dumps({"message": TOKEN}).replace("t", "\\u0074")),
        "api",
        "***",
    ),
    "the token in the id of a request": (header("X-Request-Id", "{token}", 418), "api", "418"),
    "the token in a deprecation": (header("Deprecation", "@{token}"), None, {}),
    "the token in a link": (header("Link", '<https://x/{token}>; rel="deprecation"'), None, {}),
    "a redirect to another host": (
        header("Location", "http://localhost/x", 302),
        "api",
        "not followed",
    ),
    "a redirect with the token": (
        header("Location", "//evil.test/{token}", 307),
        "api",
        "not followed",
    ),
    "a redirect with a name before the host": (
        header("Location", "http://127.0.0.1@evil.test/", 308),
        "api",
        "not followed",
    ),
    "a redirect to a file": (header("Location", "file:///etc/passwd", 301), "api", "301"),
    "a redirect to nowhere": (header("Location", "http://[", 302), "api", "302"),
    "a redirect to a port that is none": (
        header("Location", "http://127.0.0.1:x/", 302),
        "api",
        "302",
    ),
    "a redirect of control characters": (header("Location", "\x7f\x1b[2J", 302), "api", ""),
    "a redirect to itself": (header("Location", "", 302), "api", "302"),
    "a number without an end": (Answer(body='{"a": ' + "9" * 100_000 + "}"), "api", "not the JSON"),
    "a number beyond all doubles": (Answer(body="[1e999]"), "api", "not the JSON"),
    "a number that is none": (Answer(body="[NaN]"), "api", "not the JSON"),
    "brackets without an end": (Answer(body="[" * 1_000_000), "api", "nested deeper"),
    "a string that does not end": (Answer(body='"' + "x" * 100_000), "api", "not the JSON"),
    "two values": (Answer(body="{} {}"), "api", "not the JSON"),
    "a body of zeros": (Answer(body="\0" * 1000), "api", "not the JSON"),
    "half of a surrogate pair": (Answer(body='["\\ud800"]'), None, ["\ud800"]),
    "keys that Lua has a use for": (
        Answer(body='{"__index": 1, "__gc": {}, "__metatable": []}'),
        None,
        {"__index": 1, "__gc": {}, "__metatable": []},
    ),
    "one key twice": (Answer(body='{"a": 1, "a": 2}'), None, {"a": 2}),
    "a status nobody knows": (Answer(999), "api", "999"),
    "an error without words": (Answer(422, "", ()), "api", "422"),
    "an error that is a list": (Answer(400, "[[[]]]"), "api", "400"),
    "an error whose message is an object": (Answer(400, '{"message": {"a": 1}}'), "api", "400"),
    "an error of a megabyte": (Answer(400, json.dumps({"message": "x" * 1_000_000})), "api", "xxx"),
    "a pause that is no number": (header("Retry-After", "soon", 429), "attempts", ""),
    "a pause before all time": (header("Retry-After", "-1e9", 429), "attempts", ""),
    "compression that is none": (header("Content-Encoding", "gzip"), "attempts", ""),
    "compression nobody knows": (header("Content-Encoding", "evil"), "attempts", ""),
    "a type nobody knows": (header("Content-Type", "\x1b[2J"), "api", "neither JSON nor text"),
    "a pause without an end": (header("Retry-After", "1e400", 429), "attempts", ""),
    "a body without an end": (Answer(endless=b"[" * 65536), "limit", "timeout"),
    "a body in drops": (Answer(endless=b" ", pause_s=0.1), "limit", "timeout"),
}


class Impostor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        answer = CASES[NAMES[int(self.path.rpartition("/")[2])]][0]
        token = self.headers["Circle-Token"]
        body = answer.body.replace("{token}", token).encode()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value.replace("{token}", token))
        if not answer.endless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body if not answer.endless else b"")
            while answer.endless:
                self.wfile.write(answer.endless)
                time.sleep(answer.pause_s)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


NAMES: Final = list(CASES)


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Impostor)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    account = {"token": TOKEN, "url": f"http://127.0.0.1:{server.server_port}"}
    with Bridge(
        config={"integrations": {"circleci": {"accounts": {"default": account}}}}
    ) as shared:
        yield shared
    server.shutdown()
    server.server_close()


def _run(bridge: Bridge, name: str) -> Run:
    code = f"local answer = app.integrations.circleci.api_get('/{NAMES.index(name)}') "
    timeout_s = {"limit": 0.6, "attempts": 1.0}.get(CASES[name][1] or "", 20.0)
    limits = Limits(memory_bytes=1 << 26, timeout_s=timeout_s)
    return bridge.run(code + "print(answer) return answer", limits=limits)


@pytest.fixture(scope="module")
def runs(bridge: Bridge) -> Iterator[dict[str, Future[Run]]]:
    """Every case at once: some wait for further attempts."""
    with ThreadPoolExecutor(len(NAMES)) as threads:
        yield {name: threads.submit(_run, bridge, name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_ends_as_the_table_says_and_shows_no_token(
    name: str, runs: dict[str, Future[Run]]
) -> None:
    _, error_type, expected = CASES[name]
    run = runs[name].result()
    if error_type == "attempts":  # more of them than there is time for, as a rule
        assert run.error_type in ("api", "network", "limit")
    else:
        assert run.error_type == error_type, run.error
    if error_type is None:
        assert run.result == expected
    else:
        assert str(expected) in str(run.error)
    assert TOKEN not in run.to_json()
    assert TOKEN not in str(run)
    assert "internal error" not in str(run.error)
    assert len(str(run.error)) < 100_000


def test_an_impostor_does_not_steer_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    from kosmo_circleci.cli.faults import report
    from kosmo_circleci.cli.outcome import show_error
    from kosmo_circleci.cli.output import warn
    from kosmo_circleci.run.envelope import failure

    show_error(failure(f"a\tb\n{ESCAPES}", "api", simulated=False))
    report(ESCAPES, "api", ())
    warn(ESCAPES)
    err = capfd.readouterr().err
    assert not {"\x1b", "\x07", "\u202e"} & set(err)
    assert err.startswith("error: a\tb\n\\x1b]0;title\\x07")
