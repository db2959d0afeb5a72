"""One 429 holds back the whole account, and drops nothing."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from kosmo_circleci.call.model import Account, ApiRequest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.pace import Pace, Paces
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

WORK = Account("work", "https://circleci.com", "token-1")


class Clock:
    """A time that only sleeping moves on."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, deadline: Deadline, seconds: float) -> None:
        deadline.check()
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock)


def test_nobody_waits_before_the_first_429(pace: Pace, clock: Clock) -> None:
    for _ in range(500):
        pace.acquire(pace.turn(), Deadline(), clock.sleep)
    assert clock.slept == []


def test_a_request_waits_for_the_end_of_a_pause(pace: Pace, clock: Clock) -> None:
    permit = pace.acquire(pace.turn(), Deadline(), clock.sleep)
    pace.release(permit, 7.0)
    clock.now_s += 2.0

    pace.acquire(pace.turn(), Deadline(), clock.sleep)

    assert clock.slept == [5.0]


def test_the_longer_of_two_pauses_counts(pace: Pace, clock: Clock) -> None:
    permits = [pace.acquire(pace.turn(), Deadline(), clock.sleep) for _ in range(2)]
    pace.release(permits[0], 7.0)
    pace.release(permits[1], 3.0)

    pace.acquire(pace.turn(), Deadline(), clock.sleep)

    assert clock.slept == [7.0]


def test_a_sleep_of_another_clock_ends_the_pause_too(pace: Pace) -> None:
    pace.release(pace.acquire(pace.turn(), Deadline(), lambda *_: None), 3600.0)
    slept: list[float] = []

    pace.acquire(pace.turn(), Deadline(), lambda _, seconds: slept.append(seconds))

    assert slept == [3600.0]


def test_a_run_that_ends_does_not_wait_and_leaves_no_gap(pace: Pace, clock: Clock) -> None:
    pace.release(pace.acquire(pace.turn(), Deadline(), clock.sleep), 7.0)
    ended = Deadline()
    ended.cancel(Interrupted("Ctrl-C"))

    with pytest.raises(Interrupted):
        pace.acquire(pace.turn(), ended, clock.sleep)

    pace.acquire(pace.turn(), Deadline(), clock.sleep)
    assert clock.slept == [7.0]


def test_after_a_pause_they_go_one_by_one_then_more_and_older_ones_first(
    pace: Pace, clock: Clock
) -> None:
    young, old = pace.turn() + 1, pace.turn() - 1
    first = pace.acquire(old, Deadline(), clock.sleep)
    pace.release(first, 1.0)
    went: list[int] = []
    began = threading.Event()

    def go(turn: int) -> None:
        permit = pace.acquire(turn, Deadline(), clock.sleep)
        went.append(turn)
        began.wait(5)
        pace.release(permit, None)

    clock.now_s += 1.0
    probe = pace.acquire(old, Deadline(), clock.sleep)  # the only one that may go
    threads = [threading.Thread(target=go, args=(turn,)) for turn in range(young + 5, young, -1)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert went == []
    pace.release(probe, None)  # now two may go
    _until(lambda: len(went) == 2)
    time.sleep(0.05)
    assert sorted(went) == [young + 1, young + 2]
    began.set()
    for thread in threads:
        thread.join(5)
    assert sorted(went) == list(range(young + 1, young + 6))


def test_what_was_sent_before_the_pause_does_not_widen_the_way_after_it(
    pace: Pace, clock: Clock
) -> None:
    early = [pace.acquire(pace.turn(), Deadline(), clock.sleep) for _ in range(50)]
    pace.release(early[0], 1.0)
    for permit in early[1:]:
        pace.release(permit, None)
    pace.acquire(pace.turn(), Deadline(), clock.sleep)  # the probe

    with pytest.raises(Interrupted):
        pace.acquire(pace.turn(), _soon_over(), clock.sleep)


def test_a_request_that_hangs_after_the_pause_holds_the_others_up_for_a_second_only(
    pace: Pace, clock: Clock
) -> None:
    pace.release(pace.acquire(pace.turn(), Deadline(), clock.sleep), 1.0)
    pace.acquire(pace.turn(), Deadline(), clock.sleep)  # the probe, and no answer to it
    went = threading.Event()

    def go() -> None:
        pace.acquire(pace.turn(), Deadline(), clock.sleep)
        went.set()

    thread = threading.Thread(target=go)
    thread.start()
    clock.now_s += 0.9
    assert not went.wait(0.1)
    clock.now_s += 0.2
    assert went.wait(5)
    thread.join(5)


def test_two_names_of_one_token_share_its_pace_and_others_do_not() -> None:
    paces = Paces()
    assert paces.of(WORK) is paces.of(WORK._replace(name="default"))
    assert paces.of(WORK) is not paces.of(WORK._replace(token="token-2"))
    assert paces.of(WORK) is not paces.of(WORK._replace(origin="https://circleci.example.com"))


class Limited:
    """A server that answers `quota` requests per window of `window_s`, and 429 to the rest."""

    def __init__(self, quota: int, window_s: float) -> None:
        self._quota = quota
        self._window_s = window_s
        self._lock = threading.Lock()
        self._ends = 0.0
        self._left = 0
        self.answers: list[tuple[float, int]] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        with self._lock:
            now = time.monotonic()
            if now >= self._ends:
                self._ends, self._left = now + self._window_s, self._quota
            status = 200 if self._left > 0 else 429
            self._left -= status == 200
            self.answers.append((now, status))
            wait_s = f"{max(0.0, self._ends - now):.3f}"
        time.sleep(0.002)
        return WireResponse(status, {} if status == 200 else {"retry-after": wait_s}, b"{}")

    def close(self) -> None:
        """Nothing is open."""


def test_a_hundred_requests_against_a_strict_limit_all_get_their_answer() -> None:
    server = Limited(quota=15, window_s=0.1)
    executor = Executor(server, user_agent="test/1")

    def get(number: int) -> tuple[int, int]:
        path = f"/api/v2/pipeline/{number}"
        answer = executor.perform(ApiRequest("GET", path), WORK, Deadline(20))
        return answer.status, answer.attempts

    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(get, range(100)))

    assert [status for status, _ in answers] == [200] * 100


def test_a_429_to_one_thread_makes_the_other_wait(  # and a third account goes on
    pausing: "Pausing",
) -> None:
    executor = Executor(pausing, user_agent="test/1")
    other = WORK._replace(name="other", token="token-2")

    def get(account: Account) -> Callable[[], float]:
        def run() -> float:
            executor.perform(ApiRequest("GET", "/api/v2/me"), account, Deadline(10))
            return time.monotonic()

        return run

    with ThreadPoolExecutor(3) as threads:
        limited = threads.submit(get(WORK))
        pausing.limited.wait(5)
        began = time.monotonic()
        waiting, free = threads.submit(get(WORK)), threads.submit(get(other))
        after = {
            name: each.result(10) - began for name, each in (("waits", waiting), ("free", free))
        }
        limited.result(10)

    assert after["waits"] >= 0.25
    assert after["free"] < 0.25
    assert pausing.tokens == ["token-1", "token-2", "token-1", "token-1"]


class Pausing:
    """Answers 429 and `Retry-After: 0.3` once, and 200 from then on."""

    def __init__(self) -> None:
        self.limited = threading.Event()
        self.tokens: list[str] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.tokens.append(request.headers["Circle-Token"])
        if not self.limited.is_set():
            # Set a moment later, when the executor has seen the answer.
            threading.Timer(0.02, self.limited.set).start()
            return WireResponse(429, {"retry-after": "0.3"}, b"{}")
        return WireResponse(200, {}, b"{}")

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def pausing() -> Pausing:
    return Pausing()


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
def test_the_wait_for_a_pause_ends_with_the_run(how: str) -> None:
    answers: Iterator[WireResponse] = iter([WireResponse(429, {"retry-after": "30"}, b"")])

    class Once:
        def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
            return next(answers)

        def close(self) -> None:
            """Nothing is open."""

    executor = Executor(Once(), user_agent="test/1", now=lambda: datetime.now(UTC))
    deadline = Deadline(0.05 if how == "out of time" else None)
    if how == "cancelled":
        threading.Timer(0.05, deadline.cancel).start()
    began = time.monotonic()

    with pytest.raises(Exception, match=r"longer than|cancelled"):
        executor.perform(ApiRequest("GET", "/api/v2/me"), WORK, deadline)

    assert time.monotonic() - began < 2


def test_a_transport_that_raises_frees_its_place(clock: Clock) -> None:
    class Broken:
        def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
            raise TransportError("reset") if request.method == "POST" else RuntimeError("a bug")

        def close(self) -> None:
            """Nothing is open."""

    executor = Executor(Broken(), user_agent="test/1", sleep=clock.sleep)
    for method in ("GET", "POST", "GET"):
        with pytest.raises(Exception, match=r"a bug|reset"):
            executor.perform(ApiRequest(method, "/api/v2/me"), WORK, Deadline(1))


def _soon_over() -> Deadline:
    deadline = Deadline()
    threading.Timer(0.1, deadline.cancel, [Interrupted("enough")]).start()
    return deadline


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


FORK = """
import os, signal, threading
from kosmo_circleci.call.model import Account, ApiRequest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.wire import WireResponse

class Limited:
    limited, is_limited = threading.Event(), True
    def send(self, request, *, time_left_s=None):
        if not self.is_limited:
            return WireResponse(200, {}, b"{}")
        self.limited.set()
        return WireResponse(429, {"retry-after": "50"}, b"{}")
    def close(self): pass

transport, account = Limited(), Account("work", "https://circleci.com", "t")
executor = Executor(transport, user_agent="test/1")
def perform(): return executor.perform(ApiRequest("GET", "/api/v2/me"), account, Deadline(60))
threading.Thread(target=perform, daemon=True).start()
transport.limited.wait(10)
child = os.fork()
if child == 0:
    signal.alarm(10)
    transport.is_limited = False
    os._exit(0 if perform().status == 200 else 1)
os._exit(0 if os.waitpid(child, 0)[1] == 0 else 1)
"""


def test_a_fork_waits_for_no_request_of_the_process_it_came_from() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], timeout=30).returncode == 0
