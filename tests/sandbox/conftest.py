"""The real command as a process that is watched: its time, its memory, what it leaves behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.005


class Measured(NamedTuple):
    """What a command did and took.

    `seconds` is the wall clock less what its processes waited for a processor that others had;
    `cpu_s` and `peak_bytes` count the command and the script's process together, memory they
    share twice.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    cpu_s: float
    peak_bytes: int
    left_behind: list[str]


Measure = Callable[..., Measured]


@pytest.fixture(scope="session")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Measure:
    """Run `kosmo integrations:lua` with options, the script `code` on standard input."""
    # Commands run in threads, while the fixtures of other tests change `os.environ`.
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CIRCLECI_", "CIRCLE_", "KOSMO_"))
    }

    def run(*options: str, code: str) -> Measured:
        folder = tmp_path_factory.mktemp("script")
        (folder / "in").write_bytes(code.encode())
        return _measure(folder, options, environ)

    return run


def _measure(folder: Path, options: tuple[str, ...], environ: dict[str, str]) -> Measured:
    empty = folder / "empty"
    empty.mkdir()
    began = time.monotonic()
    with (
        (folder / "in").open("rb") as stdin,
        (folder / "out").open("wb") as stdout,
        (folder / "err").open("wb") as stderr,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "kosmo_circleci", "integrations:lua", *options],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=empty,
            env=environ | {"HOME": str(empty), "XDG_CONFIG_HOME": str(empty)},
        )
    child = None
    peak = delay = 0
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - began > PATIENCE_S:
            process.kill()
        if child is None and time.monotonic() - began > 0.05:
            child = _child_of(process.pid)
        now, highest = zip(_memory_bytes(process.pid), _memory_bytes(child), strict=True)
        peak = max(peak, sum(now), *highest)
        delay = max(delay, _delay_ns(process.pid) + _delay_ns(child))
        time.sleep(_LOOK_EVERY_S)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    left = [path.name for path in empty.iterdir()]
    if child is not None and Path(f"/proc/{child}").exists():
        left.append(f"process {child}")
    return Measured(
        process.returncode,
        (folder / "out").read_bytes(),
        (folder / "err").read_bytes(),
        seconds - delay / 1e9,
        used.ru_utime + used.ru_stime,
        peak,
        left,
    )


def _child_of(pid: int) -> int | None:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            return int(name)
    return None


def _memory_bytes(pid: int | None) -> tuple[int, int]:
    """Return what a process holds, and the most it has held. `wait4` would count its parent's."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    return _kibibytes(status, "VmRSS:") * 1024, _kibibytes(status, "VmHWM:") * 1024


def _kibibytes(status: str, name: str) -> int:
    _, found, rest = status.partition(name)
    return int(rest.split()[0]) if found else 0


def _delay_ns(pid: int | None) -> int:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except OSError:
        return 0
