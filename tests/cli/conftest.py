"""The command as a person or a program meets it: a line, its outcome, and a terminal."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from ended import Ended

from kosmo_circleci.cli.main import main

PATIENCE_S = 20.0
COMMAND = (sys.executable, "-m", "kosmo_circleci")


Kosmo = Callable[..., Ended]


@pytest.fixture
def kosmo(capfd: pytest.CaptureFixture[str]) -> Kosmo:
    """Return what runs a command in this process: fast, and without a standard input."""

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        out, err = capfd.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Ended(code, out, err)

    return run


@pytest.fixture
def process() -> Kosmo:
    """Return what runs a command as a process of its own, `stdin` piped to it."""

    def run(
        *arguments: str,
        stdin: str | None = "",
        env: Mapping[str, str] | None = None,
        command: tuple[str, ...] = COMMAND,
    ) -> Ended:
        ended = subprocess.run(
            [*command, *arguments],
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=PATIENCE_S,
            env=os.environ | dict(env or {}),
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


class Terminal:
    """A command on a terminal. With `piped`, standard output is a pipe beside it."""

    def __init__(self, command: tuple[str, ...], env: Mapping[str, str], *, piped: bool) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=subprocess.PIPE if piped else slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm-256color"} | dict(env),
            start_new_session=True,
            # Ctrl-C reaches the process only where this is its controlling terminal.
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0) and None,
        )
        os.close(slave)
        self._until = time.monotonic() + PATIENCE_S
        self.seen = ""
        self._looked_at = 0

    def send(self, text: str) -> None:
        """Type `text`."""
        os.write(self._master, text.encode())

    def expect(self, text: str) -> str:
        """Wait until `text` shows up behind what was expected last; return what came before it."""
        while text not in self.seen[self._looked_at :]:
            if not self._read():
                raise AssertionError(f"{text!r} did not come; seen: {self.seen!r}")
        at = self.seen.index(text, self._looked_at)
        before = self.seen[self._looked_at : at]
        self._looked_at = at + len(text)
        return before

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(max(0.1, self._until - time.monotonic()))

    def close(self) -> None:
        """End the command if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._master)

    def _read(self) -> bool:
        left_s = self._until - time.monotonic()
        if left_s <= 0 or not select.select([self._master], [], [], left_s)[0]:
            return False
        try:
            part = os.read(self._master, 65536)
        except OSError:  # Linux says EIO where the other side has closed the terminal.
            return False
        self.seen += part.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(part)


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal() -> Iterator[OpenTerminal]:
    """Return what opens a terminal with a command on it; each is closed at the end of the test."""
    opened: list[Terminal] = []

    def start(
        *arguments: str,
        env: Mapping[str, str] | None = None,
        piped: bool = False,
        command: tuple[str, ...] = COMMAND,
    ) -> Terminal:
        opened.append(Terminal((*command, *arguments), env or {}, piped=piped))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
