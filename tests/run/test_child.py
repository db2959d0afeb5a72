"""A script's process while it starts: it can be ended, and says nothing about it."""

import os
import signal

import pytest

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.run.child import spawn_child
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime


def test_an_interrupt_while_it_starts_does_not_end_it_by_itself(
    capfd: pytest.CaptureFixture[str],
) -> None:
    process = spawn_child(os.environ, ())
    process.signal(signal.SIGINT)
    status = process.close()  # the stream of scripts has ended, and the process with it
    assert os.WIFEXITED(status), signal.Signals(os.WTERMSIG(status))
    assert capfd.readouterr().err == ""


def test_a_run_that_is_cancelled_while_its_process_starts_is_interrupted(
    capfd: pytest.CaptureFixture[str],
) -> None:
    deadline = Deadline(20)
    deadline.cancel(Interrupted("The client cancelled the call."))
    runtime = Runtime(config={}, simulate=True)
    run = runtime.run_isolated("return 1", RunSettings(), deadline=deadline)
    runtime.close()
    assert (run.success, run.error_type) == (False, "interrupted")
    assert capfd.readouterr().err == ""


def test_a_thread_that_starts_processes_keeps_its_own_signals() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    spawn_child(os.environ, ()).kill()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
