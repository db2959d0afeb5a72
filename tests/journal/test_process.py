"""A process is known for good, and its end is seen."""

import os
import signal
import subprocess
import sys

from kosmo_circleci.journal.process import is_alive, this_process


def test_this_process_is_alive() -> None:
    assert this_process() == this_process()
    assert this_process().pid == os.getpid()
    assert is_alive(this_process()) is True


def test_a_process_that_took_over_the_id_is_another_one() -> None:
    assert is_alive(this_process()._replace(started="1")) is False


def test_a_killed_process_has_ended_even_while_its_parent_has_not_asked() -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from kosmo_circleci.journal.process import this_process as p\n"
            "import time; print(*p(), sep='\\n', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline().strip() for _ in range(3)]
    process = this_process()._replace(machine=lines[0], pid=int(lines[1]), started=lines[2])
    assert process.pid == child.pid
    assert is_alive(process) is True
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert is_alive(process) is False
    child.wait()
    child.stdout.close()
    assert is_alive(process) is False


def test_a_process_of_an_earlier_boot_has_ended_and_one_elsewhere_cannot_be_seen() -> None:
    here = this_process()
    host, boot, namespace = here.machine.split("|")
    assert is_alive(here._replace(machine=f"{host}|{boot}0|{namespace}")) is False
    assert is_alive(here._replace(machine=f"{host}|{boot}|{namespace}0")) is None
    assert is_alive(here._replace(machine=f"elsewhere|{boot}0|{namespace}")) is None
