"""Simulated time: constant while a request is answered, advanced by the next one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2025, 1, 15, 10, 0, tzinfo=UTC)
"""The instant every simulated world begins at, a Wednesday; what it holds happened before."""

STEP_S: Final = 5
"""How far the clock moves with each request, in seconds."""


class Clock:
    """Seconds since `START`. Two clocks that saw as many requests show the same time."""

    def __init__(self, now_s: float = 0, *, elapsed_s: Callable[[], float] | None = None) -> None:
        """Begin at `now_s`.

        `elapsed_s` tells how many simulated seconds have passed outside since the clock was made;
        such a clock follows it and not the number of requests.
        """
        self._now_s = now_s
        self._elapsed_s = elapsed_s
        self._base_s = now_s

    @property
    def now_s(self) -> int:
        """The current second; what happened before the world began has a negative one."""
        return int(self._now_s // 1)

    @property
    def exact_now_s(self) -> float:
        """The current time with its fraction of a second."""
        return float(self._now_s)

    def at(self, now_s: float) -> "Clock":
        """Return a clock that shows `now_s` and moves on as this one does."""
        elapsed_s = self._elapsed_s
        if elapsed_s is None:
            return Clock(now_s)
        start_s = elapsed_s()
        return Clock(now_s, elapsed_s=lambda: elapsed_s() - start_s)

    def tick(self) -> None:
        """Move on, a request arrived: by one step, or to where the time outside is."""
        if self._elapsed_s is None:
            self._now_s += STEP_S
        else:
            self._now_s = max(self._now_s, self._base_s + self._elapsed_s())

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` (0 or more) without a request."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(
                f"Simulated time moves forward only; cannot advance by {seconds} seconds."
            )
        self._now_s += seconds
        self._base_s += seconds


def timestamp(at_s: float) -> str:
    """Return the simulated time as CircleCI writes times: `2025-01-15T10:00:05.000Z`.

    A time past the year 9999 is shown as the end of that year.
    """
    try:
        moment = START + timedelta(seconds=at_s)
    except OverflowError:
        moment = datetime.max
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def second_of(text: str) -> int:
    """Return the simulated second of an RFC 3339 time; raises `ValueError` for any other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return int((moment - START).total_seconds())
