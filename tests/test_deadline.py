import threading
import time

import pytest

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError, LimitExceeded

PATIENCE_S = 10.0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_an_end_there_is_always_time() -> None:
    clock = Clock()
    deadline = Deadline(clock=clock)
    clock.now += 1e9
    assert (deadline.time_left_s(), deadline.reason()) == (None, None)
    deadline.check()


def test_the_time_left_runs_down_to_zero() -> None:
    clock = Clock()
    deadline = Deadline(5, clock=clock)
    left = []
    for passed in (0, 2, 3, 4):
        clock.now += passed
        left.append(deadline.time_left_s())
    assert left == [5.0, 3.0, 0.0, 0.0]


def test_the_end_is_a_limit_that_names_its_flag() -> None:
    clock = Clock()
    deadline = Deadline(1.5, clock=clock)
    deadline.check()
    clock.now += 1.5
    with pytest.raises(LimitExceeded) as caught:
        deadline.check()
    assert caught.value.message == (
        "The run took longer than 1.5 s. "
        "Raise the limit with --timeout SECONDS (Python: Limits(timeout_s=…))."
    )
    assert deadline.reason() is caught.value


@pytest.mark.parametrize("how", ["cancel", "note"])
def test_the_first_reason_stays(how: str) -> None:
    clock = Clock()
    deadline = Deadline(1, clock=clock)
    first = Interrupted("Interrupted by Ctrl-C.")
    getattr(deadline, how)(first)
    deadline.cancel(Interrupted("later"))
    deadline.note(Interrupted("later still"))
    clock.now += 2
    assert deadline.reason() is first


def test_a_child_ends_with_its_parent_and_not_the_other_way_round() -> None:
    parent = Deadline()
    child, sibling = parent.child(), parent.child()
    child.cancel()
    assert (parent.reason(), sibling.reason()) == (None, None)
    with pytest.raises(Interrupted, match=r"The call was cancelled\."):
        child.check()

    reason = Interrupted("stop")
    parent.cancel(reason)
    assert sibling.reason() is reason
    assert child.reason() is not reason
    assert parent.child().reason() is reason


def test_a_child_has_the_end_of_its_parent() -> None:
    clock = Clock()
    child = Deadline(2, clock=clock).child()
    clock.now += 1
    assert child.time_left_s() == 1.0
    clock.now += 1
    with pytest.raises(LimitExceeded, match="longer than 2 s"):
        child.check()


def test_sleeping_ends_with_the_run() -> None:
    began = time.monotonic()
    with pytest.raises(LimitExceeded):
        Deadline(0.05).sleep(PATIENCE_S)
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("seconds", [PATIENCE_S, 1e18])
def test_a_cancellation_wakes_who_sleeps(seconds: float) -> None:
    deadline = Deadline()
    raised: list[KosmoError] = []

    def sleep() -> None:
        try:
            deadline.child().sleep(seconds)
        except KosmoError as error:
            raised.append(error)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    reason = Interrupted("stop")
    deadline.cancel(reason)
    sleeper.join(timeout=PATIENCE_S)
    assert raised == [reason]


def test_a_short_sleep_is_just_a_sleep() -> None:
    deadline = Deadline(PATIENCE_S)
    began = time.monotonic()
    deadline.sleep(0.02)
    assert time.monotonic() - began >= 0.015
