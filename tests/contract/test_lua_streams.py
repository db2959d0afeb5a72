"""Contract, section 2: what `kosmo integrations:lua` writes where, when, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "kosmo_circleci", "integrations:lua"]
PATIENCE_S = 20.0


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command with its streams as pipes, and make sure that it ends."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize(
    ("code", "out"),
    [
        ("print('a') return 'b'", "a\nb\n"),
        ("return {b = 1, a = {true}}", '{\n  "a": [\n    true\n  ],\n  "b": 1\n}\n'),
        ("return 1, 'x'", '[\n  1,\n  "x"\n]\n'),
        ("return 3.0", "3.0\n"),
        ("return 'two\\nlines'", "two\nlines\n"),
        ("return ''", "\n"),
        ("return nil", ""),
        ("return 0/0", "nan\n"),
        ("print('ü ∑ 😀')", "ü ∑ 😀\n"),
        ("print('\\255')", "�\n"),
        ("dump({a = 1})", '{\n  "a": 1\n}\n'),
    ],
)
def test_stdout_has_what_is_printed_then_the_result(code: str, out: str) -> None:
    with running("-e", code) as process:
        assert process.communicate(timeout=PATIENCE_S) == (out, "")
    assert process.returncode == 0


def test_errors_go_to_stderr_and_leave_what_was_printed() -> None:
    with running("-e", "print('a') error('boom')") as process:
        assert process.communicate(timeout=PATIENCE_S) == ("a\n", "error: eval:1: boom\n")
    assert process.returncode == 1


def test_lines_come_as_they_are_printed() -> None:
    with running("-e", "print('first') flow.sleep(30) print('second')") as process:
        assert process.stdout is not None
        started = time.monotonic()
        assert process.stdout.readline() == "first\n"
        assert time.monotonic() - started < 10
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted by Ctrl-C." in err


SIGNALS = pytest.mark.parametrize(
    ("number", "what"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)


@SIGNALS
@pytest.mark.parametrize(
    "code", ["flow.sleep(30)", "while true do end", "while true do pcall(error) end"]
)
def test_a_signal_ends_the_run(number: int, what: str, code: str) -> None:
    with running("-e", f"print('ready') {code}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (128 + number, "")
    assert f"Interrupted by {what}." in err


@SIGNALS
def test_a_signal_in_the_middle_of_a_request_leaves_the_envelope(
    number: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    silent.settimeout(PATIENCE_S)
    monkeypatch.setenv("CIRCLECI_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
    monkeypatch.setenv("CIRCLECI_TOKEN", "t-12345")
    code = "print('ready') app.integrations.circleci.get_current_user()"
    with running("-e", code, "--json") as process, silent, silent.accept()[0]:
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    found: Any = json.loads(out)
    assert (process.returncode, err) == (128 + number, "")
    assert (found["success"], found["error_type"]) == (False, "interrupted")
    assert f"Interrupted by {what}." in found["error"]
    assert found["output"] == "ready"
    assert [call["status"] for call in found["call_log"]] == ["error"]


def test_a_reader_that_leaves_ends_the_run_quietly() -> None:
    code = "for i = 1, 1e9 do print('line ' .. i) end"
    with running("-e", code) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "line 1\n"
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "arguments", [["-e", "return 1"], ["-e", "return 1", "--json"], ["-e", "x x"], ["--json"]]
)
def test_a_stdout_that_is_closed_already_is_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE,
        text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    os.close(writing)
    assert "Traceback" not in ended.stderr


def test_a_timeout_ends_the_run_in_time() -> None:
    started = time.monotonic()
    with running("-e", "print('a') flow.sleep(30)", "--timeout", "0.5", "--json") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    found: Any = json.loads(out)
    assert time.monotonic() - started < 0.5 + 2 + 1  # the contract's two seconds, and a slow start
    assert (process.returncode, err, found["error_type"]) == (1, "", "limit")
    assert found["output"] == "a"
    assert "The run took longer than 0.5 s." in found["error"]


def test_a_configuration_that_others_can_read_is_warned_of_on_stderr(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("integrations: {circleci: {accounts: {default: {token: t-12345}}}}")
    file.chmod(0o644)
    monkeypatch.setenv("KOSMO_CONFIG", str(file))
    with running("-e", "return 1", "--json") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert json.loads(out)["result"] == 1
    assert err == f"warning: {file} holds a token and others can read it; run: chmod 600 {file}\n"
