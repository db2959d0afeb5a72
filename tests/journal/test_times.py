"""Clocks show a resumed run what they showed before, and the present from there on."""

from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.journal.times import Times

READINGS = st.lists(
    st.tuples(st.sampled_from(["", "1.1", "1.2"]), st.sampled_from(["os", "flow"])), max_size=60
)


class File:
    """Keeps rows as the journal does."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], float] = {}

    def load(self, branch: str, clock: str) -> list[tuple[int, float]]:
        rows = ((key[2], value) for key, value in self.rows.items() if key[:2] == (branch, clock))
        return sorted(rows)

    def keep(self, times: Times) -> None:
        self.rows.update({row[:3]: row[3] for row in times.take()})


@given(READINGS, st.lists(st.integers(0, 3), min_size=60, max_size=60), st.integers(0, 60))
def test_what_was_recorded_is_shown_again_and_then_the_present(
    readings: list[tuple[str, str]], steps: list[int], lost: int
) -> None:
    file, shown, now = File(), [], 1000.0
    times = Times(file.load)
    for place, (key, step) in enumerate(zip(readings, steps, strict=False)):
        now += step
        shown.append(times.read(*key, now))
        if place < lost:
            file.keep(times)
    kept = min(lost, len(readings))
    again = Times(file.load)
    values = [again.read(*key, 5000.0) for key in readings]
    assert values[:kept] == shown[:kept]
    assert all(value == 5000.0 for value in values[kept:])


def test_a_clock_that_is_read_all_the_time_takes_one_row_per_change() -> None:
    file = File()
    times = Times(file.load)
    for reading in range(10_000):
        times.read("", "os", float(reading // 5_000))
    file.keep(times)
    assert file.load("", "os") == [(-1, 10_000.0), (0, 0.0), (5_000, 1.0)]
    assert times.take() == []
