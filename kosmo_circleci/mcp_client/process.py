"""A server over stdio as an operating system process: lines in, lines out, always ended.

The server leads a process group of its own, so that what it starts (npx starts node) ends with it.
If this process is killed before it can stop the server, a small shell that waits on a pipe does it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.mcp_client.launch import StdioLaunch
from kosmo_circleci.wording import blanked

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The largest message a server may send."""

_CHUNK: Final = 1 << 16
_TAIL_LINES: Final = 5
_TAIL_CHARACTERS: Final = 300
_AFTER_STDIN_S: Final = 0.4
_AFTER_TERM_S: Final = 0.4

# Ends the group when the pipe closes without a line, which is when this process was killed.
# `-s TERM --` is the one form that every shell understands: dash reads the `--` of `-TERM --` as a
# process id.
_GUARD: Final = 'read -r word || { kill -s TERM -- "-$0"; sleep 0.3; kill -s KILL -- "-$0"; }'


class ServerProcess:
    """A running server. `stop` ends it whatever it does; everything else may run on any thread."""

    def __init__(self, launch: StdioLaunch) -> None:
        """Start the server. Raises `ConfigurationError` when that is not possible."""
        self._name = launch.name
        self._popen = _start(launch)
        self._guard: subprocess.Popen[bytes] | None = _guard(self._popen.pid)
        self._stderr: deque[str] = deque(maxlen=_TAIL_LINES)
        self._stopping = threading.Lock()
        self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_thread.start()
        self._is_read = False
        self.too_long = False

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self._popen.pid

    def read_lines(self, take: Callable[[bytes], None], end: Callable[[], None]) -> None:
        """Hand every line of stdout to `take`, then call `end`. Runs on a thread of its own.

        `take` may block: nothing more is read until it returns. A line over `MAX_MESSAGE_BYTES`
        ends the server and sets `too_long`.
        """
        self._is_read = True
        threading.Thread(target=self._read_stdout, args=(take, end), daemon=True).start()

    def write(self, line: bytes) -> None:
        """Write one line to the server. Raises `OSError` when it has ended. May block."""
        assert self._popen.stdin is not None
        data = memoryview(line + b"\n")
        while data:
            data = data[os.write(self._popen.stdin.fileno(), data) :]

    def how_it_ended(self) -> str:
        """Return how the process ended, as the predicate of a sentence: "ended with status 3"."""
        # Its stdout has just closed; its status and last lines may still be on their way.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(0.5)
        self._stderr_thread.join(0.2)
        code = self._popen.returncode
        if self.too_long:
            how = f"sent a message of more than {MAX_MESSAGE_BYTES >> 20} MiB and was stopped"
        elif code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was ended by {_signal_name(-code)}"
        else:
            how = f"ended with status {code}"
        return how

    def last_words(self) -> str:
        """Return the last lines of stderr as the end of a sentence; "" if there are none."""
        lines = list(self._stderr)
        return f". It wrote: {' | '.join(lines)}" if lines else ""

    def stop(self) -> None:
        """End the server: close its stdin, then SIGTERM, then SIGKILL to its whole group."""
        with self._stopping:
            if self._guard is None and self._popen.returncode is not None:
                return
            self._close_stdin()
            if not self._ended_within(_AFTER_STDIN_S):
                self._signal(signal.SIGTERM)
                self._ended_within(_AFTER_TERM_S)
            # Also after it ended by itself: processes it started may still run.
            self._kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(1)
            if not self._is_read and self._popen.stdout is not None:
                self._popen.stdout.close()
            self._dismiss_guard()

    def _ended_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._popen.poll() is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def _close_stdin(self) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):
            self._popen.stdin.close()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._popen.pid, number)

    def _dismiss_guard(self) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        with contextlib.suppress(OSError):
            self._guard.stdin.write(b"done\n")
            self._guard.stdin.close()
        self._guard.wait()
        self._guard = None

    def _read_stdout(self, take: Callable[[bytes], None], end: Callable[[], None]) -> None:
        assert self._popen.stdout is not None
        try:
            # Closed by the thread that reads it: closed elsewhere, the descriptor could be reused.
            with self._popen.stdout as stream:
                self._split_lines(stream, take)
        except OSError:
            pass
        finally:
            end()

    def _split_lines(self, stream: IO[bytes], take: Callable[[bytes], None]) -> None:
        parts: list[bytes] = []
        size = 0
        while chunk := os.read(stream.fileno(), _CHUNK):
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                take(b"".join((*parts, line)))
                parts, size = [], 0
            parts.append(rest)
            size += len(rest)
            if size > MAX_MESSAGE_BYTES:
                self.too_long = True
                self._kill()
                return

    def _read_stderr(self) -> None:
        assert self._popen.stderr is not None
        unfinished = b""
        with self._popen.stderr as stream, contextlib.suppress(OSError):
            while chunk := os.read(stream.fileno(), _CHUNK):
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                for line in lines:
                    self._keep(line)
                unfinished = unfinished[:_CHUNK]
        self._keep(unfinished)

    def _keep(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text:
            self._stderr.append(blanked(text[:_TAIL_CHARACTERS]))


def _start(launch: StdioLaunch) -> subprocess.Popen[bytes]:
    command = _program(launch)
    if not Path(launch.cwd).is_dir():
        raise ConfigurationError(
            f"MCP server '{launch.name}' cannot be started: the folder {launch.cwd} does not exist."
        )
    try:
        process = subprocess.Popen(
            [command, *launch.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(launch.env),
            cwd=launch.cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"MCP server '{launch.name}' cannot be started: {launch.command}: {reason}."
        ) from None
    _lift_memory_limit(process.pid)
    return process


def _program(launch: StdioLaunch) -> str:
    if os.path.dirname(launch.command):
        return launch.command
    # A relative folder of the PATH would lead into the project, which may not be trusted.
    folders = [each for each in launch.search_path.split(os.pathsep) if os.path.isabs(each)]
    program = shutil.which(launch.command, path=os.pathsep.join(folders)) if folders else None
    if program is None:
        raise ConfigurationError(
            f"MCP server '{launch.name}' cannot be started: the program '{launch.command}' is not "
            "on the PATH. Install it, or give its full path as 'command'."
        )
    return program


def _lift_memory_limit(pid: int) -> None:
    """Lift the memory limit that a script's process has set for itself and its children."""
    if sys.platform != "linux":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.prlimit(pid, resource.RLIMIT_DATA, (hard, hard))


def _guard(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
