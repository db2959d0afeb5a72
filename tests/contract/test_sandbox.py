"""The contract's section 8 and the ends of sections 2 and 9: signals, pipes, limits while waiting.

Everything runs through the real command against a server on loopback, which also tells when the
script has come to the point: it has asked for `/me`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 15.0
MOST_AFTER_A_SIGNAL_S = 2.0
TOKEN = "token-of-the-test-0123456789"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class Api(ThreadingHTTPServer):
    """Answers `/me` at once and leaves every other request waiting until the test ends."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = threading.Event()
        self.hanging = threading.Semaphore(0)
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/me"):
            self.server.asked.set()
        else:
            self.server.hanging.release()
            self.server.over.wait(PATIENCE_S)
        body = b'{"id":"user","login":"login","name":"Name"}'
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the command has gone, as some tests want

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(api: Api) -> Iterator[Start]:
    """Start the command on a script, in a process group of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str, *options: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "kosmo_circleci", "integrations:lua", *options, "-e", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"CIRCLECI_TOKEN": TOKEN, "CIRCLECI_BASE_URL": api.address},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE_S)


def _envelope(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert err == b""
    assert out.count(b"\n") == 1
    envelope: dict[str, Any] = json.loads(out)
    return envelope


READY = 'print("so far") local circleci = app.integrations.circleci circleci.get_current_user() '
BUSY = {
    "a loop": "while true do end",
    "a loop in pcall": "while true do pcall(function() while true do end end) end",
    "a loop of host calls": "while true do pcall(json.decode, 'x') end",
    "a loop in C": "string.rep('', 1 << 60)",
    "a sort": "table.sort({1, 2, 3}, function() while true do end end)",
    "a coroutine": "coroutine.wrap(function() while true do pcall(error) end end)()",
    "flow.sleep": "while true do pcall(flow.sleep, 1e9) end",
    "flow.wait": "flow.wait(function() end, function() return false end, {timeout = 1e9})",
    "a pattern": "regex.match(('a'):rep(60) .. 'b', '(a|aa)+$')",
}


@pytest.mark.parametrize("busy_with", BUSY)
def test_a_signal_ends_a_script_with_the_envelope(busy_with: str, api: Api, start: Start) -> None:
    number = signal.SIGINT if len(busy_with) % 2 else signal.SIGTERM
    process = start(READY + BUSY[busy_with], "--json")
    assert api.asked.wait(PATIENCE_S)
    time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(number)
    envelope = _envelope(process)
    seconds = time.monotonic() - began

    assert process.returncode == 128 + number
    assert (envelope["success"], envelope["output"], envelope["result"]) == (False, "so far", None)
    assert envelope["error_type"] == "interrupted"
    told = {signal.SIGINT: "Interrupted by Ctrl-C.", signal.SIGTERM: "Interrupted by SIGTERM."}
    assert envelope["error"].endswith(told[number])
    assert [call["status"] for call in envelope["call_log"]] == ["ok"]
    assert seconds < MOST_AFTER_A_SIGNAL_S


@pytest.mark.parametrize(
    ("waiting", "requests"),
    [
        ("circleci.get_pipeline('p')", 1),
        ("while true do pcall(circleci.get_pipeline, 'p') end", 1),
        ("flow.map({1, 2, 3}, function() return circleci.get_pipeline('p') end)", 3),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_what_is_in_flight(
    waiting: str, requests: int, number: signal.Signals, api: Api, start: Start
) -> None:
    process = start(READY + waiting, "--json")
    for _ in range(requests):
        assert api.hanging.acquire(timeout=PATIENCE_S)
    began = time.monotonic()
    process.send_signal(number)
    envelope = _envelope(process)

    assert time.monotonic() - began < MOST_AFTER_A_SIGNAL_S
    assert (process.returncode, envelope["error_type"]) == (128 + number, "interrupted")
    assert envelope["call_count"] == 1 + requests
    assert [(call["function"], call["status"]) for call in envelope["call_log"][1:]] == [
        ("app.integrations.circleci.get_pipeline", "error")
    ] * requests


def test_ctrl_c_in_a_terminal_reaches_the_command_once(api: Api, start: Start) -> None:
    """A terminal signals the whole group in front; the script's process is in another."""
    process = start(READY + "while true do end", "--json")
    assert api.asked.wait(PATIENCE_S)
    os.killpg(process.pid, signal.SIGINT)
    envelope = _envelope(process)

    assert (process.returncode, envelope["error_type"]) == (130, "interrupted")
    assert envelope["output"] == "so far"


def test_without_json_the_error_goes_to_stderr(api: Api, start: Start) -> None:
    process = start(READY + "while true do end")
    assert api.asked.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, out) == (130, b"so far\n")
    assert err.startswith(b"error: ")
    assert err.endswith(b"Interrupted by Ctrl-C.\n")


@pytest.mark.parametrize("busy_with", ["a loop in C", "flow.sleep"])
@linux_only
def test_no_process_outlives_a_command_that_is_killed(
    busy_with: str, api: Api, start: Start
) -> None:
    process = start(READY + BUSY[busy_with], "--json")
    assert api.asked.wait(PATIENCE_S)
    [child] = _children(process.pid)
    process.kill()
    process.wait(timeout=PATIENCE_S)

    deadline = time.monotonic() + MOST_AFTER_A_SIGNAL_S
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"  # ended, and not yet collected by the system


def _children(pid: int) -> list[int]:
    children = []
    for stat in [Path(f"/proc/{name}/stat") for name in os.listdir("/proc") if name.isdigit()]:
        try:
            parent = stat.read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            children.append(int(stat.parent.name))
    return children


@pytest.mark.parametrize(
    "code",
    [
        "while true do print(('x'):rep(1000)) end",
        "for i = 1, 100 do print(('x'):rep(10000)) end return ('y'):rep(1000000)",
    ],
)
def test_a_closed_stdout_ends_the_command_quietly(code: str, start: Start) -> None:
    process = start(code)
    assert process.stdout is not None
    assert process.stdout.read(100) == b"x" * 100
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode in (0, 1), err) == (True, b"")


def test_a_closed_stdout_takes_no_envelope_and_no_complaint(api: Api, start: Start) -> None:
    process = start(READY + "flow.sleep(0.1) return 1", "--json")
    assert api.asked.wait(PATIENCE_S)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode in (0, 1), err) == (True, b"")


@pytest.mark.parametrize(
    "waiting",
    [
        "circleci.get_pipeline('p')",
        "while true do pcall(circleci.get_pipeline, 'p') end",
        "flow.map({1}, function() return circleci.get_pipeline('p') end)",
        "flow.retry(function() circleci.get_pipeline('p') end)",
    ],
)
def test_a_timeout_ends_a_request_that_hangs(waiting: str, api: Api, start: Start) -> None:
    began = time.monotonic()
    process = start(READY + waiting, "--json", "--timeout", "0.5")
    envelope = _envelope(process)

    assert time.monotonic() - began < 0.5 + MOST_AFTER_A_SIGNAL_S
    assert (process.returncode, envelope["error_type"], envelope["output"]) == (
        1,
        "limit",
        "so far",
    )
    assert "The run took longer than 0.5 s. Raise the limit with --timeout" in envelope["error"]
    assert [call["status"] for call in envelope["call_log"]] == ["ok", "error"]
    assert envelope["call_log"][1]["http_status"] is None


def test_waiting_for_the_api_is_no_cpu_time(api: Api, start: Start) -> None:
    threading.Timer(0.6, api.over.set).start()
    process = start(READY + "return circleci.get_pipeline('p').id", "--json", "--cpu-limit", "0.2")
    envelope = _envelope(process)

    assert (envelope["error"], envelope["result"]) == (None, "user")
    assert envelope["execution_time_ms"] >= 200


def test_the_token_is_in_nothing_a_script_can_print(api: Api, start: Start) -> None:
    code = """
        local seen, parts = {}, {}
        local function walk(value, path)
          parts[#parts + 1] = path .. "=" .. tostring(value)
          if type(value) ~= "table" or seen[value] then return end
          seen[value] = true
          pcall(function()
            for key, each in pairs(value) do walk(each, path .. "." .. tostring(key)) end
          end)
        end
        walk(_G, "_G")
        local _, err = pcall(function() return circleci.get_pipelin end)
        walk(err, "err")
        return parts
    """
    process = start(READY + code, "--json")
    out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, out
    assert TOKEN.encode() not in out + err
    assert len(json.loads(out)["result"]) > 300
