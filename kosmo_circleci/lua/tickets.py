"""Calls in flight for `flow`: submit, wait for whichever ends first, call off.

Only what needs no Lua runs on the pool's threads. Threads are started as they are needed, up to the
largest concurrency a script asked for, and end with the process: one that hangs in a request never
holds up the end of a run.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeVar

from kosmo_circleci.deadline import Deadline

T = TypeVar("T")

MAX_CONCURRENCY: Final = 100
DEFAULT_CONCURRENCY: Final = 16

# How long a wait goes on before it looks whether the run was told to stop by another thread.
_LOOK_EVERY_S: Final = 0.1


@dataclass(slots=True)
class Ticket(Generic[T]):
    """One piece of work. `outcome` is there once `wait` has returned it."""

    number: int
    scope: Deadline
    work: Callable[[], T]
    started: bool = False
    outcome: T | None = None
    error: BaseException | None = None


class Tickets(Generic[T]):
    """The work in flight of one run. Used from the script's thread only."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._todo: SimpleQueue[Ticket[T] | None] = SimpleQueue()
        self._done: SimpleQueue[Ticket[T]] = SimpleQueue()
        self._open: dict[int, Ticket[T]] = {}
        self._threads = 0
        self._busy = 0
        self._stuck = 0  # called off, and still holding a thread
        self._next = 1
        self.capacity = DEFAULT_CONCURRENCY

    @property
    def in_flight(self) -> int:
        """How many tickets have not been returned by `wait` and not been called off."""
        return len(self._open)

    def submit(self, work: Callable[[], T], scope: Deadline) -> int:
        """Do `work` on another thread as soon as one is free; return the ticket's number."""
        ticket = Ticket(self._next, scope, work)
        self._next += 1
        self._open[ticket.number] = ticket
        self._busy += 1
        if self._busy > self._threads and self._threads < self.capacity + self._stuck:
            self._threads += 1
            threading.Thread(target=self._serve, name="kosmo-call", daemon=True).start()
        self._todo.put(ticket)
        return ticket.number

    def wait(self, timeout_s: float | None) -> Ticket[T] | None:
        """Return the ticket that ended first, or None when `timeout_s` is over.

        Raises the deadline's reason when the run has to end.
        """
        clock = Deadline(timeout_s)
        while True:
            self._deadline.check()
            left_s = clock.time_left_s()
            look_s = _LOOK_EVERY_S if left_s is None else min(_LOOK_EVERY_S, left_s)
            try:
                ticket = self._done.get(timeout=look_s)
            except Empty:
                if clock.time_left_s() == 0.0:
                    return None
                continue
            self._busy -= 1
            if self._open.pop(ticket.number, None) is not None:
                return ticket
            self._stuck -= ticket.started

    def call_off(self, scope: Deadline) -> list[Ticket[T]]:
        """Drop every ticket of `scope`; return those whose work had begun."""
        scope.cancel()
        dropped = [each for each in self._open.values() if each.scope.reason() is not None]
        for ticket in dropped:
            del self._open[ticket.number]
        begun = [each for each in dropped if each.started]
        self._stuck += len(begun)
        return begun

    def close(self) -> None:
        """Let the threads go as soon as they are done with what they do."""
        for _ in range(self._threads):
            self._todo.put(None)
        self._threads = 0

    def _serve(self) -> None:
        while (ticket := self._todo.get()) is not None:
            if ticket.scope.reason() is None:
                ticket.started = True
                try:
                    ticket.outcome = ticket.work()
                except BaseException as error:
                    ticket.error = error
            self._done.put(ticket)


def bounded_concurrency(asked: Any) -> int | None:
    """Return a concurrency a script asked for if it is one: a whole number from 1 to 100."""
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return None
    return int(asked) if asked == int(asked) and 1 <= asked <= MAX_CONCURRENCY else None
