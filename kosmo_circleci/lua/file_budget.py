"""How much the files of a run may hold."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from kosmo_circleci.errors import LimitExceeded
from kosmo_circleci.limits import shown_size


class Budget:
    """How many bytes a run may write, all its files together. Safe to use from several threads."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._spent_bytes = 0
        self._lock = threading.Lock()

    @property
    def left_bytes(self) -> int:
        """The bytes that may still be written."""
        with self._lock:
            return self._limit_bytes - self._spent_bytes

    @contextlib.contextmanager
    def spending(self, helper: str) -> Iterator[Callable[[int], None]]:
        """Yield what takes bytes out of the budget; all of them come back if the block raises."""
        spent = 0

        def spend(size_bytes: int) -> None:
            nonlocal spent
            with self._lock:
                if self._spent_bytes + size_bytes > self._limit_bytes:
                    raise self.error(helper)
                self._spent_bytes += size_bytes
                spent += size_bytes

        try:
            yield spend
        except BaseException:
            with self._lock:
                self._spent_bytes -= spent
            raise

    def error(self, helper: str) -> LimitExceeded:
        """Return the error for what does not fit."""
        return LimitExceeded(
            f"{helper}: the files of a run may have {shown_size(self._limit_bytes)} in all. Raise "
            "the limit with --files-limit SIZE (Python: files_limit=…).",
            function_name=helper,
        )
