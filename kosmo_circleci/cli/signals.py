"""Ctrl-C and SIGTERM as errors of the work they end, so that its outcome is still reported."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted


@contextmanager
def interruptible(deadline: Deadline) -> Iterator[Deadline]:
    """Let a signal end the run that `deadline` belongs to; whoever waits has to look at it."""
    with _handling(deadline.note):
        yield deadline


@contextmanager
def interrupted_at_once() -> Iterator[None]:
    """Raise `Interrupted` wherever a signal finds this thread, in the middle of a request too."""

    def stop(reason: Interrupted) -> None:
        raise reason

    with _handling(stop):
        yield


@contextmanager
def _handling(take: Callable[[Interrupted], None]) -> Iterator[None]:
    def stop(number: int, _frame: FrameType | None) -> None:
        what = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        take(Interrupted(f"Interrupted by {what}."))

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
