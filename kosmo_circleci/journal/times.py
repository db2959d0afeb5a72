"""What clocks showed a run, branch by branch, so that a resumed run sees the same again.

Only changes are kept: a loop that reads a clock a million times within a second is one row.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Readings: TypeAlias = Sequence[tuple[int, float]]
"""(number of the reading, what was shown from then on), in order."""

LENGTH: Final = -1
"""The number under which the file keeps how many readings there were."""


@dataclass(slots=True)
class _Series:
    """The readings of one clock in one branch: `length` are recorded, `count` have been asked."""

    numbers: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    length: int = 0
    count: int = 0


class Times:
    """The clocks of one run. `load` gives what an earlier process recorded, `LENGTH` included."""

    def __init__(self, load: Callable[[str, str], Readings]) -> None:
        self._load = load
        self._series: dict[tuple[str, str], _Series] = {}
        self._changes: list[tuple[str, str, int, float]] = []
        self._longer: set[tuple[str, str]] = set()

    def read(self, branch: str, clock: str, now_s: float) -> float:
        """Return what the next reading showed in the record; beyond it `now_s`, which is kept."""
        key = (branch, clock)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _series(self._load(branch, clock))
        number = series.count
        series.count += 1
        if number < series.length:
            return series.values[bisect_right(series.numbers, number) - 1]
        series.length = series.count
        self._longer.add(key)
        if not series.values or series.values[-1] != now_s:
            series.numbers.append(number)
            series.values.append(now_s)
            self._changes.append((branch, clock, number, now_s))
        return now_s

    @property
    def pending(self) -> int:
        """How many rows `take` would return."""
        return len(self._changes) + len(self._longer)

    def take(self) -> list[tuple[str, str, int, float]]:
        """Return the rows (branch, clock, number, value) to keep, those since the last time."""
        rows = self._changes
        rows += [(*key, LENGTH, self._series[key].length) for key in self._longer]
        self._changes, self._longer = [], set()
        return rows


def _series(readings: Readings) -> _Series:
    length = next((value for number, value in readings if number == LENGTH), 0)
    kept = [reading for reading in readings if reading[0] >= 0]
    return _Series([each[0] for each in kept], [each[1] for each in kept], int(length))
