"""Ctrl-C in a program that runs a script in its own process."""

import os
import signal
import threading
import time

import pytest

from kosmo_circleci import Bridge, Limits

MOST_AFTER_A_SIGNAL_S = 2.0


@pytest.mark.parametrize(
    "code",
    [
        "while true do end",
        "while true do pcall(json.decode, 'x') end",
        "while true do pcall(print) end",
        "while true do pcall(flow.sleep, 1e9) end",
        "while true do pcall(regex.match, 'x', 'y') end",
        "flow.map({1, 2}, function() while true do pcall(flow.sleep, 0.001) end end)",
        "coroutine.wrap(function() while true do pcall(docs.search, 'x') end end)()",
    ],
)
def test_ctrl_c_is_the_outcome_of_the_run(code: str) -> None:
    with Bridge() as bridge:  # in the simulator a sleep takes no time
        threading.Timer(0.15, os.kill, [os.getpid(), signal.SIGINT]).start()
        began = time.monotonic()
        run = bridge.run("print('so far') " + code, limits=Limits(cpu_s=5))

    assert (run.success, run.error_type) == (False, "interrupted")
    assert run.output.startswith("so far")
    assert run.error is not None
    assert run.error.endswith("Interrupted by Ctrl-C.")
    assert time.monotonic() - began < 0.15 + MOST_AFTER_A_SIGNAL_S
