"""A run without a terminal: a line now and then on standard error, as a sign of life."""

import io
import subprocess
import sys
import time
from collections.abc import Callable

from kosmo_circleci.call.model import StartedCall
from kosmo_circleci.cli.script.heartbeat import EVERY_S, Heartbeat
from kosmo_circleci.run.listener import RunListener

PATIENCE_S = 20.0
# The command with a heartbeat that does not take a minute.
FAST = """
import sys
from kosmo_circleci.cli.script import heartbeat
heartbeat.Heartbeat.__init__.__defaults__ = (0.2, *heartbeat.Heartbeat.__init__.__defaults__[1:])
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_silent_run_tells_what_it_does_now_and_then() -> None:
    stream = io.StringIO()
    with Heartbeat(RunListener(), stream, every_s=0.05) as heartbeat:
        heartbeat.call_started(
            StartedCall(0, "app.integrations.circleci.get_job", "t", "default", "read", 1.0)
        )
        heartbeat.waiting("flow.wait: look\x1b[31m 2")
        wait_for(lambda: stream.getvalue().count("\n") >= 2)
    assert set(stream.getvalue().splitlines()) == {
        "kosmo: still running: 0:00, 0 calls done, 1 in flight (get_job), "
        "flow.wait: look\\x1b[31m 2"
    }


def test_a_run_that_prints_needs_no_heartbeat() -> None:
    stream = io.StringIO()
    with Heartbeat(RunListener(), stream, every_s=1.0) as heartbeat:
        for _ in range(15):
            heartbeat.output("a line")
            heartbeat.log("a line")
            time.sleep(0.1)
    assert stream.getvalue() == ""


def test_a_short_run_and_the_end_of_a_long_one_say_nothing() -> None:
    stream = io.StringIO()
    began = time.monotonic()
    with Heartbeat(RunListener(), stream):
        pass
    assert stream.getvalue() == ""
    assert time.monotonic() - began < EVERY_S / 2  # the thread is woken, not waited for


def run(*options: str) -> subprocess.CompletedProcess[str]:
    script = "local t = os.clock() while os.clock() - t < 1.2 do end return 1"
    return subprocess.run(
        [sys.executable, "-c", FAST, "run", "--simulate", *options, "-e", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_the_command_writes_it_to_standard_error_and_not_with_quiet() -> None:
    for options in ([], ["--json"]):
        ended = run(*options)
        assert ended.stderr.splitlines()[0].startswith("kosmo: still running: 0:0")
        assert "still running" not in ended.stdout
        assert run("--quiet", *options).stderr == ""
