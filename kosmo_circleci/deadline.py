"""How long one run may take, and whether it was told to stop.

One `Deadline` belongs to one run, a child of it to a part that can be cancelled alone. Everything
that waits, waits through it: a retry's pause, a request in flight, `flow.sleep`. Safe to use from
several threads.
"""

import threading
import time
from collections.abc import Callable
from weakref import WeakSet

from kosmo_circleci.errors import Interrupted, KosmoError, LimitExceeded


class Deadline:
    """The wall-clock end of a run, and its cancellation."""

    def __init__(
        self,
        seconds: float | None = None,
        *,
        left_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let the run take `seconds` from now, or any time when None.

        `left_s` is what is left of them where some have passed already.
        """
        self._clock = clock
        self._seconds = seconds
        left_s = seconds if left_s is None else left_s
        self._end = None if left_s is None else clock() + left_s
        self._stopped = threading.Event()
        self._reason: KosmoError | None = None
        self._parent: Deadline | None = None
        self._children_lock = threading.Lock()
        self._children: WeakSet[Deadline] = WeakSet()

    def child(self) -> "Deadline":
        """Return a deadline that ends with this one, and can be cancelled before it."""
        return self._adopt(self._seconds, self._end)

    def limited(self, seconds: float | None) -> "Deadline":
        """Return a child that also ends `seconds` from now; None sets no further limit."""
        end = None if seconds is None else self._clock() + seconds
        if end is None or (self._end is not None and self._end <= end):
            return self.child()
        return self._adopt(seconds, end)

    def _adopt(self, seconds: float | None, end: float | None) -> "Deadline":
        child = Deadline(clock=self._clock)
        child._seconds, child._end, child._parent = seconds, end, self
        with self._children_lock:
            self._children.add(child)
        if self._reason is not None:
            child.cancel(self._reason)
        return child

    def cancel(self, reason: KosmoError | None = None) -> None:
        """End the run: every wait ends with `reason`. The first reason stays."""
        if self._reason is None:
            self._reason = reason or Interrupted("The call was cancelled.")
        self._stopped.set()
        with self._children_lock:
            children = list(self._children)
        for child in children:
            child.cancel(self._reason)

    def note(self, reason: KosmoError) -> None:
        """Remember `reason` without waking any wait: all a signal handler may safely do.

        The main thread may hold the event's lock when the signal comes, and a handler runs on that
        thread: it would wait for itself. It raises an exception instead.
        """
        if self._reason is None:
            self._reason = reason

    @property
    def limit_s(self) -> float | None:
        """The seconds the whole run may take, or None where there is no limit."""
        return self._seconds

    def time_left_s(self) -> float | None:
        """Return the seconds left (never negative), or None where there is no end."""
        return None if self._end is None else max(0.0, self._end - self._clock())

    def reason(self) -> KosmoError | None:
        """Return why the run must end now, or None while it may continue."""
        if self._reason is None and self._parent is not None:
            reason = self._parent.reason()  # `note` wakes no waiter, so it is looked up
            if reason is not None:
                self.cancel(reason)
        if self._reason is None and self._end is not None and self._clock() >= self._end:
            self.cancel(
                LimitExceeded(
                    f"The run took longer than {self._seconds:g} s. "
                    "Raise the limit with --timeout SECONDS (Python: Limits(timeout_s=…))."
                )
            )
        return self._reason

    def check(self) -> None:
        """Raise the reason to end (`LimitExceeded`, `Interrupted`), if there is one."""
        reason = self.reason()
        if reason is not None:
            raise reason

    def sleep(self, seconds: float) -> None:
        """Wait, but not past the end and not past a cancellation: those raise the reason."""
        left_s = self.time_left_s()
        pause_s = seconds if left_s is None else min(seconds, left_s)
        self._stopped.wait(min(pause_s, threading.TIMEOUT_MAX))
        self.check()
