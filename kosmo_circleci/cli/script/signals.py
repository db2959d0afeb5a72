"""Ctrl-C and SIGTERM as errors of the work they end, so that its outcome is still reported."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted

ENDING: Final = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a command to end."""


@contextmanager
def interruptible(deadline: Deadline) -> Iterator[Deadline]:
    """Let a signal end the run that `deadline` belongs to; code that waits has to look at it."""
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
def handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handler` have SIGINT and SIGTERM in the block."""
    before = {each: signal.signal(each, handler) for each in ENDING}
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, earlier)


@contextmanager
def _handling(take: Callable[[Interrupted], None]) -> Iterator[None]:
    def stop(number: int, _frame: FrameType | None) -> None:
        what = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        take(Interrupted(f"Interrupted by {what}.", signal_number=number))

    with handled_by(stop):
        yield
