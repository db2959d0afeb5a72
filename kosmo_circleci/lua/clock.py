"""The time scripts wait by: the real one, or a simulated one that is advanced, not waited for."""

import os
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from kosmo_circleci.deadline import Deadline

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import RunJournal

_SLICE_S: Final = 5.0
"""How often a journaled run that waits says that it is alive."""


class Clock:
    """Tells the time and waits, in real or in simulated seconds."""

    def __init__(
        self,
        now_s: Callable[[], float] = time.monotonic,
        advance: Callable[[int], None] | None = None,
        epoch_s: Callable[[], float] = time.time,
    ) -> None:
        """Return a clock: `now_s` gives seconds since some moment, `epoch_s` since 1970 (UTC).

        With `advance` the time is simulated: it is what moves it.

        A simulated time has whole seconds; the rest of a wait counts with the next one.
        """
        self._now_s = now_s
        self._advance = advance
        self._epoch_s = epoch_s
        self._fraction_s = 0.0

    @property
    def is_simulated(self) -> bool:
        """True where waits take no real time."""
        return self._advance is not None

    @property
    def kind(self) -> Literal["real", "simulated", "journaled"]:
        """What the script's own clock and random numbers come from."""
        return "simulated" if self.is_simulated else "real"

    def seed(self, branch: str) -> tuple[int, ...]:
        """Return four signed 64-bit numbers for the random numbers of a branch."""
        return struct.unpack("=4q", os.urandom(32))

    def now_s(self) -> float:
        """Return the seconds since some fixed moment."""
        return self._now_s() + self._fraction_s

    def epoch_s(self) -> float:
        """Return the seconds since 1970-01-01T00:00:00Z."""
        return self._epoch_s() + self._fraction_s

    def branch_now_s(self, branch: str) -> float:
        """Return `now_s` as a branch of the script sees it."""
        return self.now_s()

    def branch_epoch_s(self, branch: str) -> float:
        """Return `epoch_s` as a branch of the script sees it."""
        return self.epoch_s()

    def sleep(self, deadline: Deadline, seconds: float) -> None:
        """Let `seconds` pass, but not past the end of the run: that raises its reason."""
        if self._advance is None:
            deadline.sleep(seconds)
            return
        deadline.check()
        whole_s, self._fraction_s = divmod(self._fraction_s + seconds, 1.0)
        if whole_s:
            self._advance(int(whole_s))


class JournaledClock(Clock):
    """The clock of a run with a journal: it counts the time in which the run has run.

    What a branch of the script reads is what it read before, when the run is resumed. In a replay
    waits take no real time.
    """

    def __init__(self, clock: Clock) -> None:
        """Tell the time of `clock`, as `journal` has it while there is one."""
        self._clock = clock
        self.journal: RunJournal | None = None

    @property
    def is_simulated(self) -> bool:
        return self._clock.is_simulated or (self.journal is not None and self.journal.is_offline)

    @property
    def kind(self) -> Literal["real", "simulated", "journaled"]:
        has_clock = self.journal is not None and self.journal.clock is not None
        return "journaled" if has_clock else self._clock.kind

    def seed(self, branch: str) -> tuple[int, ...]:
        if self.journal is None or self.journal.clock is None:
            return self._clock.seed(branch)
        return struct.unpack("=4q", self.journal.clock.seed(branch))

    def now_s(self) -> float:
        if self.journal is None or self.journal.clock is None:
            return self._clock.now_s()
        return self.journal.clock.elapsed_s()

    def epoch_s(self) -> float:
        return self._clock.epoch_s()

    def branch_now_s(self, branch: str) -> float:
        if self.journal is None or self.journal.clock is None:
            return self._clock.now_s()
        return self.journal.clock.time_s(branch, "flow", self.now_s())

    def branch_epoch_s(self, branch: str) -> float:
        if self.journal is None or self.journal.clock is None:
            return self._clock.epoch_s()
        # Whole seconds: `os.time` shows no more, and a loop that reads it adds no rows.
        return self.journal.clock.time_s(branch, "epoch", float(int(self._clock.epoch_s())))

    def sleep(self, deadline: Deadline, seconds: float) -> None:
        journal = self.journal
        if journal is not None and journal.is_offline:
            deadline.check()
            journal.advance(seconds)
            return
        while journal is not None and journal.clock is not None:
            journal.clock.flush()
            if seconds <= _SLICE_S or self._clock.is_simulated:
                break
            self._clock.sleep(deadline, _SLICE_S)
            seconds -= _SLICE_S
        self._clock.sleep(deadline, seconds)
