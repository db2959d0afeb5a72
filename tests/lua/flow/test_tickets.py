"""The work in flight: who does it, when it is dropped, and that it stays bounded."""

import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, LimitExceeded
from kosmo_circleci.lua.tickets import MAX_THREADS, InlineTickets, ThreadedTickets


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Work that waits for it ends with the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def tickets() -> Iterator[ThreadedTickets[str]]:
    made = ThreadedTickets[str](Deadline())
    yield made
    made.close()


def blocked(gate: threading.Event, value: str) -> Callable[[], str]:
    def work() -> str:
        gate.wait(10)
        return value

    return work


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def threads() -> int:
    return sum(each.name == "kosmo-call" for each in threading.enumerate())


def test_wait_returns_the_ticket_that_ended_first(
    tickets: ThreadedTickets[str], gate: threading.Event
) -> None:
    slow = tickets.submit(blocked(gate, "slow"), Deadline())
    quick = tickets.submit(lambda: "quick", Deadline())

    first = tickets.wait(None)
    gate.set()
    second = tickets.wait(None)

    assert first is not None
    assert second is not None
    assert [(first.number, first.outcome), (second.number, second.outcome)] == [
        (quick, "quick"),
        (slow, "slow"),
    ]
    assert tickets.in_flight == 0


def test_wait_gives_up_when_its_time_is_over(
    tickets: ThreadedTickets[str], gate: threading.Event
) -> None:
    tickets.submit(blocked(gate, "late"), Deadline())
    began = time.monotonic()

    assert tickets.wait(0.05) is None
    assert 0.04 < time.monotonic() - began < 1
    assert tickets.in_flight == 1


def test_an_exception_is_the_tickets_not_the_threads(tickets: ThreadedTickets[str]) -> None:
    fault = ValueError("no")

    def fail() -> str:
        raise fault

    tickets.submit(fail, Deadline())
    ended = tickets.wait(None)

    assert ended is not None
    assert (ended.outcome, ended.error, ended.finished) == (None, fault, True)


def test_the_end_of_the_run_ends_the_wait(gate: threading.Event) -> None:
    run = Deadline(0.05)
    tickets = ThreadedTickets[str](run)
    tickets.submit(blocked(gate, "late"), run.child())

    with pytest.raises(LimitExceeded, match=r"The run took longer than 0\.05 s"):
        tickets.wait(None)
    tickets.close()


def test_cancelled_work_that_has_not_begun_never_begins(gate: threading.Event) -> None:
    tickets = ThreadedTickets[str](Deadline())
    tickets.capacity = 1
    scope, done = Deadline(), []
    tickets.submit(blocked(gate, "first"), Deadline())
    second = tickets.submit(lambda: done.append("second") or "second", scope)

    dropped = tickets.cancel(scope)
    gate.set()
    ended = tickets.wait(None)

    assert [(each.number, each.started_s) for each in dropped] == [(second, None)]
    assert ended is not None
    assert ended.outcome == "first"
    assert tickets.wait(0.05) is None
    assert done == []
    tickets.close()


def test_cancelling_a_scope_cancels_the_scopes_inside_and_no_other(
    tickets: ThreadedTickets[str], gate: threading.Event
) -> None:
    run = Deadline()
    outer, other = run.child(), run.child()
    dropped = [tickets.submit(blocked(gate, "x"), each) for each in (outer, outer.child())]
    kept = tickets.submit(blocked(gate, "kept"), other)
    assert until(lambda: threads() >= 3)
    time.sleep(0.02)

    cancelled = tickets.cancel(outer)
    gate.set()
    ended = tickets.wait(None)

    assert [each.number for each in cancelled] == dropped
    assert all(each.started_s is not None for each in cancelled)
    assert ended is not None
    assert (ended.number, ended.outcome) == (kept, "kept")


def test_threads_are_as_many_as_there_is_work_up_to_the_capacity(
    tickets: ThreadedTickets[str], gate: threading.Event
) -> None:
    assert until(lambda: threads() == 0)
    tickets.capacity = 5
    for _ in range(3):
        tickets.submit(blocked(gate, "x"), Deadline())
    few = threads()
    for _ in range(20):
        tickets.submit(blocked(gate, "x"), Deadline())
    many = threads()
    gate.set()
    outcomes = [tickets.wait(None) for _ in range(23)]

    assert (few, many) == (3, 5)
    assert all(each is not None for each in outcomes)


def test_work_that_hangs_after_it_was_cancelled_makes_room_but_not_without_end(
    tickets: ThreadedTickets[str], gate: threading.Event
) -> None:
    assert until(lambda: threads() == 0)
    tickets.capacity = 50
    for wanted in (50, 100, 150, 200, 200, 200):
        scope = Deadline()
        for _ in range(50):
            tickets.submit(blocked(gate, "x"), scope)
        assert threads() == wanted
        time.sleep(0.02)
        tickets.cancel(scope)

    assert threads() == MAX_THREADS
    gate.set()
    last = tickets.submit(lambda: "last", Deadline())
    ended = tickets.wait(None)
    assert ended is not None
    assert (ended.number, ended.outcome) == (last, "last")


def test_a_hundred_thousand_tickets_one_after_the_other_leave_nothing_behind() -> None:
    tickets = InlineTickets[int](Deadline())
    scope = Deadline()

    def work() -> int:
        return 1

    for _ in range(100_000):
        tickets.submit(work, scope)
        assert tickets.wait(None)

    assert tickets.in_flight == 0


def test_inline_work_is_done_in_the_order_it_came_and_only_when_waited_for() -> None:
    tickets = InlineTickets[int](Deadline())
    done: list[int] = []

    def work(number: int) -> Callable[[], int]:
        return lambda: done.append(number) or number

    numbers = [tickets.submit(work(each), Deadline()) for each in range(3)]
    before = list(done)
    ended = [tickets.wait(None) for _ in range(3)]

    assert before == []
    assert done == [0, 1, 2]
    assert [each.number for each in ended if each] == numbers
    assert tickets.wait(None) is None


def test_inline_work_that_was_cancelled_is_not_done() -> None:
    tickets = InlineTickets[str](Deadline())
    scope = Deadline()
    number = tickets.submit(lambda: "dropped", scope)
    tickets.submit(lambda: "kept", Deadline())

    dropped = tickets.cancel(scope)
    ended = tickets.wait(None)

    assert [(each.number, each.started_s) for each in dropped] == [(number, None)]
    assert ended is not None
    assert ended.outcome == "kept"
    assert tickets.in_flight == 0


class Interrupting(SimpleQueue[object]):
    """A queue whose writer is interrupted, as by a signal, right after it has put a ticket in."""

    def put(self, ticket: object, block: bool = True, timeout: float | None = None) -> None:
        super().put(ticket, block, timeout)
        if ticket is not None:
            raise Interrupted("Interrupted.")


def test_a_signal_while_a_ticket_is_handed_over_loses_neither_it_nor_its_call(
    tickets: ThreadedTickets[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Deadline()
    monkeypatch.setattr(tickets, "_todo", Interrupting())
    with pytest.raises(Interrupted):
        tickets.submit(lambda: "never", scope, "its call")
    assert [ticket.call for ticket in tickets.cancel(scope)] == ["its call"]
    assert tickets.in_flight == 0
