"""flow through the real command: how Ctrl-C and --timeout end what is in flight."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

KOSMO = Path(sys.executable).with_name("kosmo")

FAN_OUT = """
local list = {}
for n = 1, 40 do list[n] = n end
flow.map(list, function(n) return app.integrations.circleci.get_pipeline(n) end)
"""


def start(server: Any, *arguments: str) -> subprocess.Popen[bytes]:
    environ = {"CIRCLECI_TOKEN": "a-token-of-some-length", "CIRCLECI_BASE_URL": server.origin}
    return subprocess.Popen(
        [KOSMO, "integrations:lua", "--json", *arguments],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_map_within_two_seconds(server: Any, number: signal.Signals) -> None:
    server.handler = lambda path, query: (200, {"id": "late"}, 30)
    with start(server, "--eval", FAN_OUT) as process:
        until = time.monotonic() + 10
        while len(server.seen) < 16 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)
        took_s = time.monotonic() - began

    envelope = json.loads(stdout)
    assert took_s < 2
    assert (process.returncode, stderr) == (128 + number, b"")
    assert (envelope["success"], envelope["error_type"]) == (False, "interrupted")
    assert [(each["status"], each["http_status"]) for each in envelope["call_log"]] == [
        ("error", None)
    ] * 16
    assert len(server.seen) == 16  # nothing was sent afterwards


def test_a_timeout_ends_a_map_within_two_seconds(server: Any) -> None:
    server.handler = lambda path, query: (200, {"id": "late"}, 30)
    began = time.monotonic()
    with start(server, "--eval", FAN_OUT, "--timeout", "0.6") as process:
        stdout, stderr = process.communicate(timeout=10)

    envelope = json.loads(stdout)
    assert time.monotonic() - began < 0.6 + 2
    assert (process.returncode, stderr) == (1, b"")
    assert envelope["error_type"] == "limit"
    assert envelope["error"].endswith(
        "The run took longer than 0.6 s. Raise the limit with --timeout SECONDS "
        "(Python: Limits(timeout_s=…))."
    )
    assert envelope["call_count"] == len(server.seen)


def test_a_loop_that_swallows_errors_is_ended_all_the_same(server: Any) -> None:
    server.handler = lambda path, query: (404, {"message": "gone"})
    code = f"while true do pcall(function() {FAN_OUT} end) end"
    began = time.monotonic()
    with start(server, "--eval", code, "--timeout", "0.5") as process:
        stdout, _ = process.communicate(timeout=10)

    assert time.monotonic() - began < 0.5 + 2
    assert json.loads(stdout)["error_type"] == "limit"


@pytest.mark.parametrize(
    "wait",
    [
        "flow.sleep(60)",
        "pcall(flow.sleep, 60) flow.sleep(60)",
        "flow.wait(function() end, function() end)",
        "flow.map({1, 2}, function() flow.sleep(60) end)",
    ],
)
def test_ctrl_c_ends_every_kind_of_wait(wait: str) -> None:
    command = [KOSMO, "integrations:lua", "--eval", f"print('ready') {wait}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
        took_s = time.monotonic() - began

    assert took_s < 2
    assert (process.returncode, stdout) == (130, b"")
    assert stderr.decode().rstrip().endswith("Interrupted by Ctrl-C.")
