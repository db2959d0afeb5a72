"""What a run did and when: collected while it runs, for `--trace` and `--report`."""

import heapq
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import ForwardingListener, RunListener

MAX_CALLS: Final = 100_000
"""How many calls are kept; later ones are counted, and said to be left out."""

_MAX_NOTICES: Final = 10_000
_MAX_OUTPUT: Final = 1024 * 1024


class Notice(NamedTuple):
    """What `flow` waited for, and when it said so (milliseconds since the run began)."""

    at_ms: float
    text: str


class Wait(NamedTuple):
    """A pause of `flow`: what it waited for, from when and for how long (milliseconds)."""

    started_ms: float
    duration_ms: float
    text: str


class Placed(NamedTuple):
    """A call and the lane it is drawn in: calls of one lane do not overlap."""

    lane: int
    record: CallRecord


class Timeline(ForwardingListener):
    """The calls, notices and printed lines of one run, kept by a listener that wraps another."""

    def __init__(self, inner: RunListener | None = None) -> None:
        super().__init__(inner or RunListener())
        self._started = time.perf_counter()
        self._records: list[CallRecord] = []
        self._output: list[str] = []
        self._output_size = 0
        self.notices: list[Notice] = []
        self.waits: list[Wait] = []
        self.left_out = 0
        self._waiting: Notice | None = None

    def output(self, line: str) -> None:
        if self._output_size <= _MAX_OUTPUT:
            self._output.append(line)
            self._output_size += len(line) + 1
        super().output(line)

    def call_ended(self, number: int, record: CallRecord) -> None:
        if len(self._records) < MAX_CALLS:
            self._records.append(record)
        else:
            self.left_out += 1
        super().call_ended(number, record)

    def notice(self, text: str) -> None:
        if len(self.notices) < _MAX_NOTICES:
            self.notices.append(Notice(self._now_ms(), text))
        super().notice(text)

    def waiting(self, text: str) -> None:
        now_ms, last = self._now_ms(), self._waiting
        if last is not None and len(self.waits) < _MAX_NOTICES:
            self.waits.append(Wait(last.at_ms, now_ms - last.at_ms, last.text))
        self._waiting = Notice(now_ms, text) if text else None
        super().waiting(text)

    def _now_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def records(self, run: Run) -> list[CallRecord]:
        """Return every call in the order of its start, those a killed run left open included."""
        heard = set(self._records)
        records = self._records + [each for each in run.call_records if each not in heard]
        return sorted(records, key=lambda record: record.started_ms)

    def printed(self, run: Run) -> str:
        """Return what was printed, whether it went to the screen or stayed in the envelope."""
        return run.output or "\n".join(self._output)


def placed(records: Iterable[CallRecord]) -> list[Placed]:
    """Return the calls, in the order of their start, each in the lowest lane free at that moment.

    The number of lanes is the largest number of calls that were in flight at once.
    """
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    lanes = 0
    result = []
    for record in sorted(records, key=lambda each: each.started_ms):
        while busy and busy[0][0] <= record.started_ms:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, lanes = lanes, lanes + 1
        heapq.heappush(busy, (record.started_ms + record.duration_ms, lane))
        result.append(Placed(lane, record))
    return result
