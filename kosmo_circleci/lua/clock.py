"""The time scripts wait by: the real one, or a simulated one that is advanced, not waited for."""

import time
from collections.abc import Callable

from kosmo_circleci.deadline import Deadline


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
        """True where nobody really waits."""
        return self._advance is not None

    def now_s(self) -> float:
        """Return the seconds since some fixed moment."""
        return self._now_s() + self._fraction_s

    def epoch_s(self) -> float:
        """Return the seconds since 1970-01-01T00:00:00Z."""
        return self._epoch_s() + self._fraction_s

    def sleep(self, deadline: Deadline, seconds: float) -> None:
        """Let `seconds` pass, but not past the end of the run: that raises its reason."""
        if self._advance is None:
            deadline.sleep(seconds)
            return
        deadline.check()
        whole_s, self._fraction_s = divmod(self._fraction_s + seconds, 1.0)
        if whole_s:
            self._advance(int(whole_s))
