"""Which process has a run, and whether it still lives: a process id alone is soon reused.

The start of a process, and the machine (host, boot, and the namespace its ids belong to) tell.
"""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process, for good: no other one will ever be equal to it."""

    machine: str
    pid: int
    started: str


def this_process() -> Process:
    """Return the process that asks."""
    pid = os.getpid()
    return Process(_machine(), pid, _start(pid) or "")


def is_alive(process: Process) -> bool | None:
    """Say whether a process runs; None where it cannot be seen from here.

    That is so on another host, and in another container.
    """
    host, boot, _ = process.machine.split("|")
    here = _machine()
    if process.machine == here:
        return _start(process.pid) == process.started
    if here.split("|")[0] == host and here.split("|")[1] != boot:
        return False  # this machine has been started again since
    return None


@cache
def _machine() -> str:
    boot = _text("/proc/sys/kernel/random/boot_id")
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{platform.node()}|{boot.strip()}|{namespace}"


def _start(pid: int) -> str | None:
    """Return when a process started, in whatever form the system has; None if it has ended."""
    if sys.platform != "linux":
        return _start_by_ps(pid)
    # The name stands in parentheses and may hold any character: count from the last one.
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not fields or fields[0] in "ZX":  # a zombie has ended; its parent has not asked yet
        return None
    return fields[19]


def _start_by_ps(pid: int) -> str | None:
    # No TZ and no locale of the user's: the text is compared with that of another process.
    result = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        env={"LC_ALL": "C", "TZ": "UTC"},
        check=False,
    )
    return result.stdout.strip() or None


def _text(path: str) -> str:
    try:
        return Path(path).read_text("ascii", "replace")
    except OSError:
        return ""
