"""What makes the way to the simulator difficult: a rate limit, latency, faults on purpose."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.transport.wire import TransportError

_WINDOW_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """How difficult the way is; the default is not at all.

    `rate_limit` is the most requests in any minute; `latency_s` passes before each answer; every
    request whose number is a multiple of `fail_every` fails with 503 and changes nothing.
    """

    rate_limit: int | None = None
    latency_s: float = 0.0
    fail_every: int | None = None


class Gate:
    """Counts requests against `Conditions`. `admit` is called by one thread at a time."""

    def __init__(
        self,
        conditions: Conditions,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`now_s` and `sleep` are real time by default, as a rate limit is about real traffic."""
        self._conditions = conditions
        self._now_s = now_s
        self._sleep = sleep
        self._admitted: deque[float] = deque()
        self._count = 0

    def delay(self, time_left_s: float | None) -> None:
        """Wait for the latency; raises `TransportError` when it takes longer than `time_left_s`."""
        latency_s = self._conditions.latency_s
        if time_left_s is not None and time_left_s < latency_s:
            self._sleep(time_left_s)
            raise TransportError("The simulator did not answer in time.")
        if latency_s:
            self._sleep(latency_s)

    def admit(self) -> None:
        """Let a request pass, or refuse it with 429 (with `Retry-After`) or 503."""
        self._count += 1
        self._hold_rate_limit()
        every = self._conditions.fail_every
        if every is not None and self._count % every == 0:
            raise Refusal(503, f"This request failed on purpose: every {_ordinal(every)} does.")

    def _hold_rate_limit(self) -> None:
        limit = self._conditions.rate_limit
        if limit is None:
            return
        now_s = self._now_s()
        while self._admitted and self._admitted[0] <= now_s - _WINDOW_S:
            self._admitted.popleft()
        if len(self._admitted) >= limit:
            wait_s = max(1, math.ceil(self._admitted[0] + _WINDOW_S - now_s))
            headers = {
                "retry-after": str(wait_s),
                "x-ratelimit-limit": str(limit),
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(wait_s),
            }
            raise Refusal(429, "Rate limit exceeded.", headers=headers)
        self._admitted.append(now_s)


def _ordinal(number: int) -> str:
    if number == 1:
        return "one"
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = 11 <= number % 100 <= 13
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"
