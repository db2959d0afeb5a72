"""`files.download`: the steps of a download, and the file it goes into."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from kosmo_circleci.call.exchange import Exchange
from kosmo_circleci.caller.downloads import Downloads, PreparedDownload, is_file
from kosmo_circleci.confined.writing import NewFile
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError, LimitExceeded
from kosmo_circleci.lua.file_budget import Budget
from kosmo_circleci.lua.file_errors import explained


class FileDownload(NamedTuple):
    """One download under way, in the steps of `calls.Waiting`; `prepared` None sends nothing."""

    downloads: Downloads
    prepared: PreparedDownload | None
    sink: "FileSink"

    def perform(self, deadline: Deadline) -> Exchange | None:
        if self.prepared is None:
            return None
        with self.sink.receiving(deadline):
            exchange = self.downloads.perform(self.prepared, deadline)
            return self.sink.keep(exchange)

    def finish(self, exchange: Exchange | None) -> int:
        if self.prepared is None or exchange is None:
            return 0
        self.downloads.finish(self.prepared, exchange)
        return self.sink.size_bytes

    def abandon(self) -> None:
        if self.prepared is not None:
            self.downloads.abandon(self.prepared)


class FileSink:
    """Where a download goes: a new file, begun again by each attempt.

    `new_file` opens one that is discarded unless it is committed. `size_bytes` have arrived.
    """

    def __init__(
        self,
        budget: Budget,
        new_file: Callable[[bytes], AbstractContextManager[NewFile]],
        name: bytes,
    ) -> None:
        self._budget = budget
        self._new_file = new_file
        self._name = name
        self.size_bytes = 0

    @contextlib.contextmanager
    def receiving(self, deadline: Deadline) -> Iterator[None]:
        """Open the file for the block; one that is not kept is discarded, and costs nothing."""
        self._deadline = deadline
        with (
            explained("files.download", self._name),
            self._budget.spending("files.download") as self._spend,
            self._new_file(self._name) as self._file,
        ):
            yield

    def begin(self) -> Callable[[bytes], None]:
        """Begin (again), and return what takes the pieces."""
        with explained("files.download", self._name):
            self._file.restart()
        self._take_back()
        return self._take

    def keep(self, exchange: Exchange) -> Exchange:
        """Put a file that has arrived in its place, and return the outcome."""
        error = exchange.error
        if isinstance(error, LimitExceeded) and error is not self._deadline.reason():
            error = self._budget.error("files.download")
        if exchange.response is not None and is_file(exchange.response):
            try:
                self._deadline.check()
                with explained("files.download", self._name):
                    self._file.commit()
                return exchange
            except KosmoError as fault:
                error = fault
        self._take_back()
        return exchange._replace(error=error)

    def _take_back(self) -> None:
        self._spend(-self.size_bytes)
        self.size_bytes = 0

    def _take(self, piece: bytes) -> None:
        self._deadline.check()
        self._spend(len(piece))
        self.size_bytes += len(piece)
        # Errors of the disk must not look like those of the network to the transport.
        with explained("files.download", self._name):
            self._file.write(piece)
