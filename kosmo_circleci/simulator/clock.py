"""Simulated time: it stands still while a request is answered, and moves on with the next one."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2025, 1, 15, 10, 0, tzinfo=UTC)
"""The instant every simulated world begins at."""

STEP_S: Final = 5
"""How far the clock moves with each request, in seconds."""


class Clock:
    """Seconds since `START`. Two clocks that saw as many requests show the same time."""

    def __init__(self) -> None:
        self._now_s = 0

    @property
    def now_s(self) -> int:
        """The current second; what happened before the world began has a negative one."""
        return self._now_s

    def tick(self) -> None:
        """Move on by one step: a request arrived."""
        self._now_s += STEP_S


def timestamp(at_s: int) -> str:
    """Return the simulated second as CircleCI writes times: `2025-01-15T10:00:05.000Z`."""
    return (START + timedelta(seconds=at_s)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
