"""A line a minute without a terminal: CI systems end a step that is silent for long."""

import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

from kosmo_circleci.cli.script.status import StatusListener
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.wording import printable

EVERY_S: Final = 60.0


class Heartbeat(StatusListener):
    """Writes what the run does to `stream` whenever nothing was written for `every_s` seconds."""

    def __init__(
        self,
        inner: RunListener,
        stream: TextIO,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner, clock)
        self._stream = stream
        self._every_s = every_s
        self._active = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._active.set()
        self._thread.join()

    def output(self, line: str) -> None:
        self._active.set()
        super().output(line)

    def log(self, text: str) -> None:
        self._active.set()
        super().log(text)

    def _beat(self) -> None:
        while not self._over.is_set():
            if self._active.wait(self._every_s):
                self._active.clear()
            else:
                self._write(f"kosmo: still running: {', '.join(self._status.parts())}")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(printable(text) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._over.set()  # The reader has gone; the run need not.
