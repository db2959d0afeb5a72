"""What a run is doing now, as one line: calls done, calls in flight, what `flow` waits for."""

import math
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.run.listener import ForwardingListener, RunListener

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?) s\b")
_NAMES_SHOWN: Final = 3


class Status:
    """The counts of one run. Safe to use from several threads; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started_s = clock()
        self._lock = threading.Lock()
        self._done = 0
        self._failed = 0
        self._in_flight: Counter[str] = Counter()
        self._waiting = ""
        self._waiting_since_s = 0.0

    def call_started(self, call: StartedCall) -> None:
        """Count a request that is about to be sent."""
        with self._lock:
            self._in_flight[call.function] += 1

    def call_ended(self, record: CallRecord) -> None:
        """Count a request that has ended."""
        with self._lock:
            self._in_flight[record.function] -= 1
            self._in_flight += Counter()  # drops what is at zero, or never started
            self._done += 1
            self._failed += record.status == "error"

    def waiting(self, text: str) -> None:
        """Note what `flow` waits for; the seconds in the text count down from now on."""
        with self._lock:
            self._waiting, self._waiting_since_s = " ".join(text.split()), self._clock()

    def parts(self) -> list[str]:
        """Return the line in parts: time, calls done, failed, in flight, what is waited for."""
        with self._lock:
            now_s = self._clock()
            parts = [elapsed(now_s - self._started_s), f"{_calls(self._done)} done"]
            if self._failed:
                parts.append(f"{self._failed} failed")
            in_flight = sum(self._in_flight.values())
            if in_flight:
                names = [name.rpartition(".")[2] for name in list(self._in_flight)[:_NAMES_SHOWN]]
                parts.append(f"{in_flight} in flight ({', '.join(names)})")
            if self._waiting:
                parts.append(_counted_down(self._waiting, now_s - self._waiting_since_s))
        return parts


class StatusListener(ForwardingListener):
    """Keeps the `Status` of a run; a subclass shows it."""

    def __init__(self, inner: RunListener, clock: Callable[[], float]) -> None:
        super().__init__(inner)
        self._status = Status(clock)

    def call_started(self, call: StartedCall) -> None:
        self._status.call_started(call)
        super().call_started(call)

    def call_ended(self, number: int, record: CallRecord) -> None:
        self._status.call_ended(record)
        super().call_ended(number, record)

    def waiting(self, text: str) -> None:
        self._status.waiting(text)
        super().waiting(text)


def elapsed(seconds: float) -> str:
    """Return `0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _counted_down(text: str, passed_s: float) -> str:
    """Return a text of `flow` ("look 3, next in 12 s, 300 s left") with the time that is left."""
    return _SECONDS.sub(
        lambda match: f"{max(0, math.ceil(float(match[1]) - passed_s))} s",
        text,
    )


def _calls(count: int) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
