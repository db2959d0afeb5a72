"""What a run is doing now, in one line."""

import pytest

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.cli.script.status import Status, elapsed


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def record(status: str = "ok") -> CallRecord:
    name = "app.integrations.circleci.get_pipeline"
    return CallRecord(name, "circleci_get_pipeline", "default", "read", "none", status, 200, 5.0, 1)  # type: ignore[arg-type]


def started(name: str) -> StartedCall:
    return StartedCall(0, name, "tool", "default", "read", 1.0)


def test_the_parts_tell_what_is_done_in_flight_and_waited_for() -> None:
    clock = Clock()
    status = Status(clock)
    assert status.parts() == ["0:00", "0 calls done"]
    status.call_started(started("app.integrations.circleci.get_pipeline"))
    status.call_started(started("app.integrations.circleci.work.list_contexts"))
    clock.now_s += 7
    in_flight = "2 in flight (get_pipeline, list_contexts)"
    assert status.parts() == ["0:07", "0 calls done", in_flight]
    status.call_ended(record())
    status.call_ended(record("error"))  # one that was never told to start
    clock.now_s += 60
    assert status.parts() == [
        *("1:07", "2 calls done", "1 failed", "1 in flight (list_contexts)"),
    ]


def test_what_is_waited_for_counts_down() -> None:
    clock = Clock()
    status = Status(clock)
    status.waiting("flow.wait: look 3,\n next in 12 s, 300 s left")
    assert status.parts()[-1] == "flow.wait: look 3, next in 12 s, 300 s left"
    clock.now_s += 4.5
    assert status.parts()[-1] == "flow.wait: look 3, next in 8 s, 296 s left"
    clock.now_s += 60
    assert status.parts()[-1] == "flow.wait: look 3, next in 0 s, 236 s left"
    status.waiting("flow.wait: look 4, next in 1.5 s")
    assert status.parts()[-1] == "flow.wait: look 4, next in 2 s"
    status.waiting("")
    assert len(status.parts()) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (754, "12:34"), (3723, "1:02:03")]
)
def test_elapsed_time_is_written_as_a_clock_shows_it(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
