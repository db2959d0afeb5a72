"""A script's process and the pipes to it: a fork of this process, or a fresh interpreter."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NoReturn

_WORKER: Final = "from kosmo_circleci.run.worker import main; main()"
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Child:
    """A script's process: its id and the two pipes to it."""

    def __init__(self, pid: int, reading: int, writing: int) -> None:
        self.pid = pid
        self.reading = reading
        self.writing = writing
        self.exit_status: int | None = None

    def signal(self, number: int) -> None:
        """Send a signal; no-op if the process has exited."""
        if self.exit_status is None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process and everything in its group, and wait for its end."""
        self.kill_group()
        self.close()

    def kill_group(self) -> None:
        """Send SIGKILL to the process and its group; the pipes stay open to be read."""
        if self.exit_status is None:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            self.signal(signal.SIGKILL)

    def close(self) -> int:
        """Close the pipes, wait for the end and return how the process ended, as `waitpid` says."""
        if self.exit_status is None:
            _close(self.reading, self.writing)
            try:
                self.exit_status = os.waitpid(self.pid, 0)[1]
            except ChildProcessError:
                self.exit_status = 0
        return self.exit_status

    def abandon(self) -> None:
        """Close the pipes and forget the process: it belongs to the parent of this process."""
        if self.exit_status is None:
            _close(self.reading, self.writing)
            self.exit_status = 0

    def script_cpu_s(self) -> float | None:
        """Return the CPU seconds of the thread that runs scripts, or None where unknown (macOS)."""
        if sys.platform != "linux":
            return None
        # Other threads work for the script's calls: they wait, decode, import what a call needs.
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/schedstat", "rb") as file:
                return int(file.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            return None

    def process_cpu_s(self) -> float | None:
        """Return the CPU seconds of the whole process, or None where unknown (macOS)."""
        if sys.platform != "linux":
            return None
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                # Behind the name in parentheses, which may hold anything: utime and stime.
                fields = file.read().rpartition(b")")[2].split()
            return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
        except (OSError, ValueError, IndexError):
            return None


def fork_child(serve: Callable[[int, int], NoReturn]) -> Child:
    """Start a script's process as a fork of this one; it runs `serve(reading, writing)`.

    Call it before anything large is loaded, and in a process without threads. Raises `OSError`.
    """
    with _pipes() as ((to_child, from_parent), (to_parent, from_child)):
        pid = os.fork()
        if pid == 0:
            try:
                # First of all: Ctrl-C is the supervisor's to handle, which tells this process.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.setpgid(0, 0)
                _close(from_parent, to_parent)
                serve(to_child, from_child)
            finally:
                os._exit(1)
        _close(to_child, from_child)
        return Child(pid, to_parent, from_parent)


def spawn_child(environ: Mapping[str, str], secrets: tuple[str, ...]) -> Child:
    """Start a script's process as a fresh interpreter: the way for a program that has threads.

    No variable that contains one of `secrets`, or is named like a token, is in its environment; the
    configuration reaches it through the pipe. `OTEL_*` may hold a collector's key; spans are made
    on this side. Raises `OSError`.
    """
    import subprocess

    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("CIRCLECI_", "CIRCLE_", "OTEL_"))
        and not any(secret in value for secret in secrets)
    }
    # `-P` keeps the current folder off `sys.path`, where `-c` would put it first: a repository may
    # hold a `struct.py`, and its code would run with the tokens in reach. A relative entry of this
    # process's path means the same folder.
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if os.path.isabs(path))
    with (
        _pipes() as ((to_child, from_parent), (to_parent, from_child)),
        _interrupts_held_back(),
    ):
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _WORKER],
            stdin=to_child,
            stdout=from_child,
            env=kept,
            process_group=0,
        )
        _close(to_child, from_child)
    process.returncode = 0  # `Child` waits for it; without this the object would warn
    return Child(process.pid, to_parent, from_parent)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let a process that starts in the block keep SIGINT pending until its run can be ended.

    A fresh interpreter would print the trace of a `KeyboardInterrupt` while it imports, or die.
    Only this thread's mask changes, and the new process inherits it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _pipes() -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield two pipes as (reading, writing) pairs; closed if the block raises."""
    descriptors: list[int] = []
    try:
        descriptors += os.pipe()
        descriptors += os.pipe()
        yield (descriptors[0], descriptors[1]), (descriptors[2], descriptors[3])
    except BaseException:
        _close(*descriptors)
        raise


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
