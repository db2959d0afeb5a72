"""One line on a terminal that says what a run is doing; nothing anywhere else.

The line is drawn on standard error and taken away before anything else is written, so that output
is never mangled, on the screen or in a file.
"""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.run.supervisor import Watcher

_QUIET_FOR_S: Final = 0.4
"""Nothing is drawn before: most scripts are over by then."""

_DRAW_EVERY_S: Final = 0.1
_CLEAR: Final = "\r\x1b[K"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


def wanted(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Say whether a progress line can be drawn on `stream`: a terminal that can erase a line."""
    return stream is not None and stream.isatty() and environ.get("TERM", "dumb") != "dumb"


class Progress:
    """The progress line of one run. Everything it is told may come from one thread only."""

    def __init__(
        self,
        stream: TextIO,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._color = not environ.get("NO_COLOR")
        self._clock = clock
        self._began = clock()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._hidden = 0
        self._drawn = False
        self._done = 0
        self._failed = 0
        self._in_flight: Counter[str] = Counter()
        self._waiting = ""
        self._thread = threading.Thread(target=self._keep_drawing, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        with self._lock:
            self._erase()

    def beside(self, watcher: Watcher) -> Watcher:
        """Return a watcher that writes and asks as `watcher` does, and moves the line."""
        on_output, ask, warn = watcher.on_output, watcher.ask, watcher.warn
        return watcher._replace(
            on_output=on_output and self._aside(on_output),
            ask=ask and self._asking(ask),
            warn=warn and self._aside(warn),
            notice=self.notice,
            waiting=self.waiting,
            started=self.started,
            ended=self.ended,
        )

    def started(self, name: str) -> None:
        """Count a request that goes out; `name` is the function as the script named it."""
        with self._lock:
            self._in_flight[name] += 1

    def ended(self, record: CallRecord) -> None:
        """Count what came of a request."""
        with self._lock:
            self._in_flight[record.function] -= 1
            self._in_flight += Counter()  # drops what is at zero, or was never told to start
            self._done += 1
            self._failed += record.status == "error"

    def notice(self, text: str) -> None:
        """Write what has changed as a line of its own, at once: the line below it goes on."""
        with self._lock:
            self._erase()
            self._write(_printable(" ".join(text.split())) + "\n")

    def waiting(self, text: str) -> None:
        """Show what `flow` is waiting for, until the next text; an empty one ends it."""
        with self._lock:
            self._waiting = " ".join(text.split())

    def _aside(self, write: Callable[[str], None]) -> Callable[[str], None]:
        """Return `write` with the line gone meanwhile."""

        def alone(text: str) -> None:
            with self._lock:
                self._erase()
                write(text)

        return alone

    def _asking(self, ask: Callable[[str], bool]) -> Callable[[str], bool]:
        """Return `ask` with the line away for as long as the question stands."""

        def hidden(question: str) -> bool:
            with self._lock:
                self._erase()
                self._hidden += 1
            try:
                return ask(question)
            finally:
                with self._lock:
                    self._hidden -= 1

        return hidden

    def line(self) -> str:
        """Return the line as it stands, without colour, as long as it may be."""
        seconds = int(self._clock() - self._began)
        parts = [f"{seconds // 60}:{seconds % 60:02}", _calls(self._done, "call") + " done"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        under_way = sum(self._in_flight.values())
        if under_way:
            names = ", ".join(name.rpartition(".")[2] for name in list(self._in_flight)[:3])
            parts.append(f"{under_way} in flight ({names})")
        if self._waiting:
            parts.append(self._waiting)
        return " · ".join(parts)

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
        text = _printable(self.line())
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


def of_this_process() -> "Progress | None":
    """Return the progress line for this process's terminal, or None without one."""
    return Progress(sys.stderr) if wanted(sys.stderr, os.environ) else None


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _printable(text: str) -> str:
    """Return `text` without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def _calls(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
