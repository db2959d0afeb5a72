"""A script's process and the pipes to it: started as a copy of this one, or afresh."""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from kosmo_circleci.errors import ConfigurationError


class Child:
    """A script's process: its id and the two pipes to it."""

    def __init__(self, pid: int, reading: int, writing: int) -> None:
        self.pid = pid
        self.reading = reading
        self.writing = writing
        self.exit_status: int | None = None

    def signal(self, number: int) -> None:
        """Send a signal; a process that has ended does not mind."""
        if self.exit_status is None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process, whatever it does, and everything it started in its group."""
        if self.exit_status is None:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            self.signal(signal.SIGKILL)
        self.close()

    def close(self) -> int:
        """Close the pipes, wait for the end and return how the process ended, as `waitpid` says."""
        if self.exit_status is None:
            for descriptor in (self.reading, self.writing):
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            try:
                self.exit_status = os.waitpid(self.pid, 0)[1]
            except ChildProcessError:
                self.exit_status = 0
        return self.exit_status

    def cpu_s(self) -> float | None:
        """Return the CPU seconds of the thread that runs scripts, or None where nobody tells."""
        if sys.platform != "linux":
            return None
        # Other threads work for the script's calls: they wait, decode, import what a call needs.
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/schedstat", "rb") as file:
                return int(file.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            return None


def can_fork() -> bool:
    """Say whether this system starts a process without loading Python again."""
    return hasattr(os, "fork")


def fork_child() -> Child:
    """Start a script's process as a copy of this one: best before anything large is loaded."""
    if not can_fork():
        raise ConfigurationError("Scripts in a process of their own need a POSIX system.")
    to_child, from_parent = os.pipe()
    to_parent, from_child = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # Before anything else: Ctrl-C is for the other side, which tells this one.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.setpgid(0, 0)
            os.close(from_parent)
            os.close(to_parent)
            from kosmo_circleci.run import worker

            worker.serve(to_child, from_child)
        finally:
            os._exit(1)
    os.close(to_child)
    os.close(from_child)
    return Child(pid, to_parent, from_parent)


def spawn_child(environ: Mapping[str, str], secrets: tuple[str, ...]) -> Child:
    """Start a script's process afresh: the way for a program that has threads.

    No variable that holds one of `secrets`, or is named like a token, is in its environment; the
    configuration reaches it through the pipe.
    """
    if not can_fork():
        raise ConfigurationError("isolate=True needs a POSIX system.")
    import subprocess

    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("CIRCLECI_", "CIRCLE_"))
        and not any(secret in value for secret in secrets)
    }
    # `-P` keeps the current folder off `sys.path`, where `-c` would put it first: a repository may
    # hold a `struct.py`, and its code would run with the tokens in reach. A relative entry of this
    # process's path means the same folder.
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if os.path.isabs(path))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from kosmo_circleci.run.worker import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=kept,
        process_group=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = Child(process.pid, os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()))
    process.stdin.close()
    process.stdout.close()
    process.returncode = 0  # `Child` waits for it; without this the object would warn
    return child
