"""The pace of one account: a 429 to one of its requests holds back all of them.

CircleCI limits a token, not a connection. So whoever meets the limit stops the others too, on
whatever thread they are; afterwards the requests go one by one, then two, four, …: a hundred at
once would meet the limit again, and each would lose one of its attempts to it.
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
"""So many requests in flight after a pause, and the limit is forgotten: no script has more."""

# A request that hangs must not hold up the others for as long as it hangs.
_PATIENCE_S: Final = 1.0

# How long a wait for another request goes on before it looks whether the run has to end.
_LOOK_EVERY_S: Final = 0.05


class Pass(NamedTuple):
    """The leave to send one request. `pause` counts the pauses that came before it."""

    pause: int


class Pace:
    """Who may send now. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure pauses on `clock`, in seconds."""
        self._clock = clock
        self._changed = threading.Condition()
        self._turns = count()
        self._waiting: set[int] = set()
        self._until = 0.0
        self._pauses = 0
        self._in_flight = 0
        self._window: int | None = None
        self._moved = 0.0

    def turn(self) -> int:
        """Return a place in the queue: after a pause, older requests go first."""
        return next(self._turns)

    def enter(self, turn: int, deadline: Deadline, sleep: Sleep) -> Pass:
        """Wait until the request may be sent. A pause is waited for with `sleep`.

        Raises the deadline's reason; the place in the queue is free then.
        """
        with self._changed:
            self._waiting.add(turn)
        try:
            while True:
                with self._changed:
                    until = self._until
                    pause_s = until - self._clock()
                    if pause_s <= 0:
                        if self._admits(turn):
                            self._in_flight += 1
                            return Pass(self._pauses)
                        self._changed.wait(_LOOK_EVERY_S)
                        self._widen_if_nothing_moves()
                if pause_s > 0:
                    sleep(deadline, pause_s)
                    self._lift(until)
                deadline.check()
        finally:
            with self._changed:
                self._waiting.discard(turn)

    def leave(self, leave: Pass, limited_s: float | None) -> None:
        """Note that the request was answered; `limited_s` is the pause a 429 asks for.

        None means that the limit was not met.
        """
        with self._changed:
            if limited_s is not None:
                self._until = max(self._until, self._clock() + limited_s)
                self._pauses += 1
                self._in_flight, self._window = 0, 1
                self._moved = self._until
            elif leave.pause == self._pauses:
                # What was sent before the pause says nothing about the time after it.
                self._in_flight -= 1
                self._widen()
            self._changed.notify_all()

    def _admits(self, turn: int) -> bool:
        if self._window is None:
            return True
        older = sum(1 for each in self._waiting if each < turn)
        return self._in_flight + older < self._window

    def _widen(self) -> None:
        self._moved = self._clock()
        if self._window is not None:
            self._window = self._window + 1 if self._window < _WIDE else None

    def _widen_if_nothing_moves(self) -> None:
        if self._clock() - self._moved >= _PATIENCE_S:
            self._widen()

    def _lift(self, until: float) -> None:
        # Whoever slept through a pause ends it: the sleep may be of a simulated time, which the
        # clock here does not know.
        with self._changed:
            if self._until == until:
                self._until = 0.0


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
