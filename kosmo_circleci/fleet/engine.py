"""The loop of a fleet: inputs in, rows out, as they end and never many at a time.

How it works. A feeder thread reads inputs and submits them, at most a window ahead of what has
ended, so that neither inputs nor rows pile up; standard input may be slow, and the rows of earlier
inputs do not wait for it. What ends goes into a queue, from which `rows` yields. After `stop`, the
loop ends with the last running input, though the feeder may still wait for its next line.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Final, NamedTuple

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.fleet.assignment import Assignment
from kosmo_circleci.fleet.executors import Engine
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.fleet.rows import Row, failed_row

_POLL_S: Final = 0.1
_GRACE_S: Final = 1.5
"""How long running inputs may take to end once the fleet is interrupted."""


class _Ended(NamedTuple):
    assignment: Assignment
    future: "Future[Row]"


class Fleet:
    """Runs one script for many inputs. `assign` makes what travels for an input."""

    def __init__(
        self,
        engine: Engine,
        assign: Callable[[Item], Assignment],
        window: int,
        deadline: Deadline,
    ) -> None:
        self._engine = engine
        self._deadline = deadline
        self._assign = assign
        self._window = threading.Semaphore(window)
        self._ended: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = 0
        self._over = False  # no further input is started
        self._fault: BaseException | None = None

    def stop(self) -> None:
        """Start no further input; what runs is left to end."""
        with self._lock:
            self._over = True
        self._window.release()

    def rows(self, items: Iterable[Item]) -> Iterator[Row]:
        """Yield the row of each input as it ends.

        Raises what reading the inputs raises, after the rows of everything before it, and what an
        engine raises of which it cannot make a row.
        """
        feeder = threading.Thread(target=self._feed, args=(items,), daemon=True)
        feeder.start()
        give_up_at: float | None = None
        try:
            while not self._is_over():
                if give_up_at is None and self._deadline.reason() is not None:
                    self.stop()
                    self._engine.close()  # cancels what has not begun
                    give_up_at = time.monotonic() + _GRACE_S
                try:
                    ended = self._ended.get(timeout=_POLL_S)
                except queue.Empty:
                    if give_up_at is not None and time.monotonic() > give_up_at:
                        return  # a worker elsewhere, which cannot be interrupted
                    continue
                row = None if ended is None else self._row(ended)
                if row is not None:
                    self._window.release()
                    yield row
        finally:
            self.stop()
        if self._fault is not None:
            raise self._fault

    def _is_over(self) -> bool:
        with self._lock:
            return self._over and self._running == 0

    def _feed(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                self._window.acquire()
                assignment = self._assign(item)
                with self._lock:
                    if self._over:
                        break
                    self._running += 1
                try:
                    self._submit(assignment)
                except BaseException:
                    with self._lock:
                        self._running -= 1
                    raise
        except BaseException as error:
            self._fault = error
        with self._lock:
            self._over = True
        self._ended.put(None)  # the loop looks up

    def _submit(self, assignment: Assignment) -> None:
        future = self._engine.submit(assignment)
        future.add_done_callback(lambda done: self._ended.put(_Ended(assignment, done)))

    def _row(self, ended: _Ended) -> Row | None:
        """Return the row of what has ended; None where it never began, or runs once more."""
        row: Row | None
        try:
            row = ended.future.result()
        except CancelledError:
            with self._lock:
                self._running -= 1
            return None
        except Exception as error:
            row = self._engine.lost(ended.assignment, error)
        if row is None:
            row = self._again(ended.assignment)
        if row is not None:
            with self._lock:
                self._running -= 1
        return row

    def _again(self, assignment: Assignment) -> Row | None:
        """Submit an assignment once more; the row of one that no worker takes any more."""
        try:
            self._submit(assignment)
        except KosmoError as error:
            return failed_row(assignment.item, error)
        return None
