"""What a run is doing, on standard error: a line that changes on a terminal, else one a minute.

The line is drawn on standard error and taken away before anything else is written, so that output
is never mangled, on the screen or in a file.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TextIO

from kosmo_circleci.cli.script.heartbeat import Heartbeat
from kosmo_circleci.cli.script.status import StatusListener
from kosmo_circleci.cli.terminal import wants_colour
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.wording import blanked

_QUIET_FOR_S: Final = 0.4
"""Nothing is drawn before: most scripts are over by then."""

_DRAW_EVERY_S: Final = 0.1
_CLEAR: Final = "\r\x1b[K"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


def wanted(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Say whether a progress line can be drawn on `stream`: a terminal that can erase a line."""
    return stream is not None and stream.isatty() and environ.get("TERM", "dumb") != "dumb"


class Progress(StatusListener):
    """The progress line of one run; wraps the listener that prints and asks."""

    def __init__(
        self,
        inner: RunListener,
        stream: TextIO,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner, clock)
        self._stream = stream
        self._color = wants_colour(stream, environ)
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._hidden = 0
        self._drawn = False
        self._thread = threading.Thread(target=self._keep_drawing, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        with self._lock:
            self._erase()

    def output(self, line: str) -> None:
        with self._without_line():
            super().output(line)

    def warning(self, text: str) -> None:
        with self._without_line():
            super().warning(text)

    def log(self, text: str) -> None:
        with self._without_line():
            super().log(text)

    def ask(self, question: str) -> Consent | None:
        with self._lock:
            self._erase()
            self._hidden += 1
        try:
            return super().ask(question)
        finally:
            with self._lock:
                self._hidden -= 1

    def notice(self, text: str) -> None:
        with self._without_line():
            self._write(blanked(" ".join(text.split())) + "\n")
        super().notice(text)

    @contextlib.contextmanager
    def _without_line(self) -> Iterator[None]:
        with self._lock:
            self._erase()
            yield

    def line(self) -> str:
        """Return the line as it is now, without colour, as long as it may be."""
        return " · ".join(self._status.parts())

    def _keep_drawing(self) -> None:
        self._over.wait(_QUIET_FOR_S)
        while not self._over.is_set():
            with self._lock:
                self._draw()
            self._over.wait(_DRAW_EVERY_S)

    def _draw(self) -> None:
        if self._hidden:
            return
        width = _columns(self._stream) - 1
        text = blanked(self.line())
        text = text if len(text) <= width else text[: max(0, width - 1)] + "…"
        shown = f"{_DIM}{text}{_PLAIN}" if self._color else text
        self._write(f"{_CLEAR}{shown}")
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write(_CLEAR)
            self._drawn = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._over.set()  # The terminal has gone; the run need not.


@contextlib.contextmanager
def shown_on_stderr(inner: RunListener, *, quiet: bool) -> Iterator[RunListener]:
    """Wrap `inner` with the progress line, or with a line a minute where there is no terminal.

    With `quiet` there is neither.
    """
    if quiet or sys.stderr is None:
        yield inner
    elif wanted(sys.stderr, os.environ):
        with Progress(inner, sys.stderr) as progress:
            yield progress
    else:
        with Heartbeat(inner, sys.stderr) as heartbeat:
            yield heartbeat


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
