"""Calls in flight for `flow`: submit, wait for the one that ends first, cancel.

Only what needs no Lua runs on the pool's threads. Threads are started as they are needed, up to the
largest concurrency a script asked for, and end with the process: one that hangs in a request never
holds up the end of a run.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import LimitExceeded

T = TypeVar("T")

MAX_CONCURRENCY: Final = 100
DEFAULT_CONCURRENCY: Final = 16

MAX_THREADS: Final = 200
"""The most threads of one run. Those that still hang in cancelled calls count too."""

# How often a wait looks whether another thread has ended the run.
_LOOK_EVERY_S: Final = 0.1


@dataclass(slots=True, eq=False)
class Ticket(Generic[T]):
    """One piece of work. `outcome` or `error` is there once it is `finished`.

    `started_s` is when its work started, on `time.perf_counter`; None where it has not. `call` is
    what its caller knows it by. It is here and in no table of the caller's: a signal can end the
    script between any two steps, and a ticket in flight that is in one table alone would be lost.
    """

    number: int
    scope: Deadline
    work: Callable[[], T]
    call: Any = None
    started_s: float | None = None
    finished: bool = False
    outcome: T | None = None
    error: Exception | None = None

    def perform(self) -> None:
        """Do the work and keep its outcome; never raises."""
        try:
            self.outcome = self.work()
        except Exception as error:
            self.error = error
        self.finished = True


class Tickets(Protocol[T]):
    """The work in flight of one run. Used from the script's thread only."""

    capacity: int
    """How much work is done at once, at most."""

    @property
    def in_flight(self) -> int:
        """How many tickets have been neither returned by `wait` nor cancelled."""
        ...

    def submit(self, work: Callable[[], T], scope: Deadline, call: object = None) -> int:
        """Have `work` done and return the ticket's number. Raises `LimitExceeded`."""
        ...

    def wait(self, timeout_s: float | None) -> Ticket[T] | None:
        """Return the ticket that ended first, or None when `timeout_s` is over.

        Raises the deadline's reason when the run has to end.
        """
        ...

    def cancel(self, scope: Deadline) -> list[Ticket[T]]:
        """Drop every ticket of `scope` and of its children, and return them: `wait` never will.

        Where `started_s` is None, the work has not started and never will.
        """
        ...

    def close(self) -> None:
        """Let go of threads as soon as they are done with what they do."""
        ...


class ThreadedTickets(Generic[T]):
    """Tickets whose work is done by threads, side by side."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._todo: SimpleQueue[Ticket[T] | None] = SimpleQueue()
        self._done: SimpleQueue[Ticket[T]] = SimpleQueue()
        self._open: dict[int, Ticket[T]] = {}
        self._stuck: set[int] = set()  # cancelled, and still holding a thread
        self._starting = threading.Lock()
        self._threads = 0
        self._busy = 0
        self._next = 1
        self.capacity = DEFAULT_CONCURRENCY

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def submit(self, work: Callable[[], T], scope: Deadline, call: object = None) -> int:
        ticket = Ticket(self._next, scope, work, call)
        self._next += 1
        if self._busy >= self._threads < min(self.capacity + len(self._stuck), MAX_THREADS):
            self._start_thread()
        self._busy += 1
        self._open[ticket.number] = ticket
        self._todo.put(ticket)
        return ticket.number

    def wait(self, timeout_s: float | None) -> Ticket[T] | None:
        end = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._deadline.check()
            left_s = end - time.monotonic()
            try:
                ticket = self._done.get(timeout=max(0.0, min(_LOOK_EVERY_S, left_s)))
            except Empty:
                if time.monotonic() >= end:
                    return None
                continue
            self._busy -= 1
            self._stuck.discard(ticket.number)
            if self._open.pop(ticket.number, None) is not None:
                return ticket

    def cancel(self, scope: Deadline) -> list[Ticket[T]]:
        with self._starting:
            scope.cancel()
            dropped = [each for each in self._open.values() if each.scope.reason() is not None]
        for ticket in dropped:
            del self._open[ticket.number]
        self._stuck.update(each.number for each in dropped if each.started_s is not None)
        return dropped

    def close(self) -> None:
        for _ in range(self._threads):
            self._todo.put(None)
        self._threads = 0

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._serve, name="kosmo-call", daemon=True).start()
        except RuntimeError:  # the system gives no more; those there are do the work, if any
            if self._threads == 0:
                raise LimitExceeded(
                    "The system lets this process start no thread, which flow.map needs."
                ) from None
            self.capacity = min(self.capacity, self._threads)
            return
        self._threads += 1

    def _serve(self) -> None:
        while (ticket := self._todo.get()) is not None:
            # Under the lock, so that `cancel` knows which work has started.
            with self._starting:
                if ticket.scope.reason() is None:
                    ticket.started_s = time.perf_counter()
            if ticket.started_s is not None:
                ticket.perform()
            self._done.put(ticket)


class InlineTickets(Generic[T]):
    """Tickets whose work is done by `wait`, in the order of `submit`.

    For the simulator, which answers at once: with threads the order of its requests, and with it
    every simulated time, would differ from run to run.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._open: deque[Ticket[T]] = deque()
        self._next = 1
        self.capacity = DEFAULT_CONCURRENCY

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def submit(self, work: Callable[[], T], scope: Deadline, call: object = None) -> int:
        self._open.append(Ticket(self._next, scope, work, call))
        self._next += 1
        return self._next - 1

    def wait(self, timeout_s: float | None) -> Ticket[T] | None:
        self._deadline.check()
        if not self._open:
            return None
        ticket = self._open[0]
        ticket.started_s = time.perf_counter()
        ticket.perform()
        self._open.popleft()
        return ticket

    def cancel(self, scope: Deadline) -> list[Ticket[T]]:
        scope.cancel()
        dropped = [each for each in self._open if each.scope.reason() is not None]
        self._open = deque(each for each in self._open if each.scope.reason() is None)
        return dropped

    def close(self) -> None:
        self._open.clear()
