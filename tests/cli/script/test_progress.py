"""The progress line: what it says, and that it is nowhere but on a terminal."""

import io
import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from listeners import Asking, Lines

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.cli.script.progress import Progress, wanted
from kosmo_circleci.run.listener import Consent, RunListener


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def record(status: str = "ok") -> CallRecord:
    name = "app.integrations.circleci.get_pipeline"
    return CallRecord(name, "circleci_get_pipeline", "default", "read", "none", status, 200, 5.0, 1)  # type: ignore[arg-type]


def started(name: str) -> StartedCall:
    return StartedCall(0, name, "tool", "default", "read", 1.0)


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Screen(), {"TERM": "xterm"}, True),
        (Screen(), {"TERM": "dumb"}, False),
        (Screen(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (None, {"TERM": "xterm"}, False),
    ],
)
def test_a_line_is_drawn_on_a_terminal_that_can_erase_it(
    stream: Any, environ: dict[str, str], expected: bool
) -> None:
    assert wanted(stream, environ) is expected


def test_a_change_is_a_line_of_its_own_at_once() -> None:
    screen = Screen()
    with Progress(RunListener(), screen, {"NO_COLOR": "1"}) as progress:
        progress.notice("workflow build:\n \x1b[2Jrunning")
        assert screen.getvalue() == "workflow build:  [2Jrunning\n"
        wait_for(lambda: "calls done" in screen.getvalue())
        progress.notice("workflow build: success")
        wait_for(lambda: screen.getvalue().rpartition("success")[2].count("calls done"))
    assert re.search(r"calls done\r\x1b\[Kworkflow build: success\n", screen.getvalue())
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_is_written_meanwhile_finds_an_empty_line() -> None:
    screen = Screen()
    with Progress(Lines(screen.write), screen, {"NO_COLOR": "1"}) as progress:
        wait_for(lambda: "calls done" in screen.getvalue())
        progress.output("output\n")
    assert re.search(r"calls done(\r\x1b\[K[^\r]*)*\r\x1b\[Koutput\n", screen.getvalue())
    assert re.search(r"\r\x1b\[K$|output\n$", screen.getvalue())


def test_a_question_stands_alone() -> None:
    screen = Screen()

    def ask(question: str) -> Consent:
        drawn = screen.getvalue()
        time.sleep(0.25)
        still = screen.getvalue() == drawn and drawn.endswith("\r\x1b[K")
        return "run" if still else "no"

    with Progress(Asking(ask), screen, {}) as progress:
        wait_for(lambda: "calls done" in screen.getvalue())
        assert progress.ask("Send it?") == "run"


@pytest.fixture
def slow_server() -> Iterator[str]:
    """Answer every request after a while; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.9)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"id": "u", "login": "octo", "name": "Octo"}')

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_terminal_shows_calls_in_flight_and_is_clean_at_the_end(
    terminal: Any, slow_server: str
) -> None:
    env = {"CIRCLECI_TOKEN": "t-12345", "CIRCLECI_BASE_URL": slow_server, "NO_COLOR": "1"}
    code = """
        local function me() return app.integrations.circleci.get_current_user() end
        flow.map({1, 2, 3}, me)
        return "over"
    """
    screen = terminal("integrations:lua", "-e", code, env=env)
    screen.expect("3 in flight (get_current_user)")
    screen.expect("\r\x1b[K")
    screen.expect("over\n")
    assert screen.end() == 0
    assert "\x1b[2m" not in screen.seen


def test_the_output_on_a_terminal_is_whole_lines(terminal: Any) -> None:
    screen = terminal(
        "integrations:lua",
        "--simulate",
        "-e",
        "for i=1,60 do print('line ' .. i) "
        "local t = os.clock() while os.clock() < t + 0.015 do end end",
    )
    assert screen.end() == 0
    assert "calls done" in screen.seen
    left = re.sub(r"[^\n]*\r\x1b\[K", "", screen.seen)
    assert left == "".join(f"line {number}\n" for number in range(1, 61))


def test_a_terminal_shows_what_is_waited_for(terminal: Any) -> None:
    code = "local n = 0 flow.wait(function() n = n + 1 end, function() return n == 3 end, %s)"
    options = "{interval = 0.4, backoff = 1, timeout = 60}"
    screen = terminal("integrations:lua", "-e", code % options, env={"NO_COLOR": "1"})
    screen.expect("0 calls done · flow.wait: look 2, next in 1 s, 60 s left")
    assert screen.end() == 0
    assert screen.seen.endswith("\r\x1b[K")


def test_a_terminal_shows_every_change_of_a_pipeline(terminal: Any, process: Any) -> None:
    code = """
        local project = {project_slug = "gh/example-org/example-repo"}
        local pipeline = app.integrations.circleci.trigger_pipeline(project)
        return #flow.wait_pipeline(pipeline.id)
    """
    arguments = ("integrations:lua", "--simulate", "--force", "-e", code)
    screen = terminal(*arguments, env={"NO_COLOR": "1"}, piped=True)
    assert screen.end() == 0
    left = re.sub(r"[^\n]*\r\x1b\[K", "", screen.seen)
    assert left == "workflow build-and-test: running\nworkflow build-and-test: success\n"
    assert process(*arguments) == (0, "1\n", "")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}])
def test_a_dumb_terminal_and_a_pipe_get_no_progress(
    terminal: Any, process: Any, env: dict[str, str]
) -> None:
    code = "local t = os.clock() while os.clock() < t + 0.6 do end print('out') return 1"
    if env:
        screen = terminal("integrations:lua", "-e", code, env=env)
        assert screen.end() == 0
        assert screen.seen == "out\n1\n"
    else:
        assert process("integrations:lua", "-e", code) == (0, "out\n1\n", "")


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
