"""The pace of one account: a 429 to one of its requests holds back all of them.

CircleCI limits a token, not a connection. So a 429 stops every thread that uses the account, for as
long as the answer asks. What happens after the pause is the slow start of TCP, with requests in
place of segments: a window of one request in flight, which grows by one with each answer that is
not a 429, and so doubles with each round; at `_WIDE` the limit is forgotten. Without it a hundred
requests that waited together would meet the limit together again, and each would lose one of its
four attempts to it. Older requests are admitted first, so that no request starves.

An answer to a request that was sent before the pause says nothing about the time after it: a permit
remembers how many pauses there were, and widens the window only if there was none since. A request
that hangs would keep the window shut; after `_PATIENCE_S` without any change it grows by one.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Final, NamedTuple

from kosmo_circleci.call.model import Account
from kosmo_circleci.deadline import Deadline

Sleep = Callable[[Deadline, float], None]

_WIDE: Final = 100
"""No script has more requests in flight than this."""

_PATIENCE_S: Final = 1.0

_POLL_S: Final = 0.05  # how often a request that waits for another looks whether its run has ended


class Permit(NamedTuple):
    """The permission to send one request. `pauses` counts those that came before it."""

    pauses: int


class Pace:
    """Which requests of one account may be sent now. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure pauses on `clock`, in seconds."""
        self._clock = clock
        self._changed = threading.Condition()
        self._turns = count()
        self._waiting: set[int] = set()
        self._paused_until = 0.0
        self._pauses = 0
        self._in_flight = 0
        self._window: int | None = None  # None: no limit was met
        self._changed_at = 0.0

    def turn(self) -> int:
        """Return a place in the queue: after a pause, older requests go first."""
        return next(self._turns)

    def acquire(self, turn: int, deadline: Deadline, sleep: Sleep) -> Permit:
        """Wait until the request may be sent. A pause is waited for with `sleep`.

        Raises the deadline's reason; the place in the queue is free then.
        """
        with self._changed:
            self._waiting.add(turn)
        try:
            while True:
                with self._changed:
                    paused_until = self._paused_until
                    pause_s = paused_until - self._clock()
                    if pause_s <= 0:
                        if self._admits(turn):
                            self._in_flight += 1
                            return Permit(self._pauses)
                        self._changed.wait(_POLL_S)
                        self._widen_if_nothing_changes()
                if pause_s > 0:
                    sleep(deadline, pause_s)
                    self._end_pause(paused_until)
                deadline.check()
        finally:
            with self._changed:
                self._waiting.discard(turn)

    def release(self, permit: Permit, pause_s: float | None) -> None:
        """Note that the request has ended; `pause_s` is the pause its 429, if any, asks for."""
        with self._changed:
            if pause_s is not None:
                self._paused_until = max(self._paused_until, self._clock() + pause_s)
                self._pauses += 1
                self._in_flight, self._window = 0, 1
                self._changed_at = self._paused_until
            elif permit.pauses == self._pauses:
                self._in_flight -= 1
                self._widen()
            self._changed.notify_all()

    def _admits(self, turn: int) -> bool:
        if self._window is None:
            return True
        older = sum(1 for each in self._waiting if each < turn)
        return self._in_flight + older < self._window

    def _widen(self) -> None:
        self._changed_at = self._clock()
        if self._window is not None:
            self._window = self._window + 1 if self._window < _WIDE else None

    def _widen_if_nothing_changes(self) -> None:
        if self._clock() - self._changed_at >= _PATIENCE_S:
            self._widen()

    def _end_pause(self, paused_until: float) -> None:
        # A request that slept through a pause ends it: the sleep may be of a simulated time, which
        # the clock here does not know.
        with self._changed:
            if self._paused_until == paused_until:
                self._paused_until = 0.0


class Paces:
    """The pace of every account: of a token at an origin, whatever names it has."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_account: dict[tuple[str, str | None], Pace] = {}

    def of(self, account: Account) -> Pace:
        """Return the account's pace."""
        key = (account.origin, account.token)
        with suppress(KeyError):
            return self._by_account[key]
        with self._lock:
            return self._by_account.setdefault(key, Pace(self._clock))
