"""`files.*`, the host's side: what a script reads and writes in the folder of its run.

A script learns no path of the machine: errors show the names it gave.
"""

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from kosmo_circleci.call.exchange import Exchange
from kosmo_circleci.caller.downloads import Downloads, PreparedDownload, is_file
from kosmo_circleci.confined import listing, writing
from kosmo_circleci.confined.folder import Folder, TooLarge
from kosmo_circleci.confined.names import Refused, parts_of
from kosmo_circleci.confined.writing import NewFile
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError, LimitExceeded, ScriptError
from kosmo_circleci.limits import shown_size
from kosmo_circleci.lua.calls import Calls
from kosmo_circleci.lua.values import Answer, LuaValues, python_text
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.wording import printable, shorten

MOST_NAMES: Final = 100_000
"""How many names `files.list` answers at most."""


class FileFunctions:
    """The files of one Lua state. Close it."""

    def __init__(
        self, settings: RunSettings, values: LuaValues, calls: Calls, downloads: Downloads
    ) -> None:
        """Open the folder. Raises `ConfigurationError` where that cannot be done."""
        assert settings.files is not None
        self._values = values
        self._calls = calls
        self._downloads = downloads
        self._limits = settings.limits
        self.budget = Budget(settings.files_limit)
        self._lock = threading.Lock()
        self._open_files: set[NewFile] = set()
        try:
            self._folder = Folder(settings.files)
        except OSError as error:
            raise ConfigurationError(
                f"--files {printable(settings.files)}: {error.strerror}."
            ) from None

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {
            "files_read": self._read,
            "files_write": self._write,
            "files_append": self._append,
            "files_list": self._list,
            **self._calls.waiting_functions("download", self._prepared_download),
        }

    def cancel(self) -> None:
        """Forget the files that are not complete, whatever thread still writes them."""
        with self._lock:
            unfinished, self._open_files = self._open_files, set()
        for file in unfinished:
            file.discard()

    def close(self) -> None:
        """Close the folder."""
        self.cancel()
        self._folder.close()

    def _read(self, name: bytes) -> Answer:
        with _explained("files.read", name):
            try:
                content = self._folder.read(name, self._limits.memory_bytes)
            except TooLarge as error:
                raise LimitExceeded(
                    f"files.read: '{_shown(name)}' has {error.size_bytes} bytes, more than the "
                    f"memory limit of {shown_size(self._limits.memory_bytes)}. Raise it with "
                    "--memory-limit SIZE (Python: Limits(memory_bytes=…)).",
                    function_name="files.read",
                ) from None
        self._values.make_room(len(content))
        return (content,)

    def _write(self, name: bytes, content: bytes) -> Answer:
        with _explained("files.write", name), self.budget.spending("files.write") as spend:
            spend(len(content))
            with self.new_file(name) as file:
                file.write(content)
                file.commit()
        return ()

    def _append(self, name: bytes, content: bytes) -> Answer:
        with _explained("files.append", name), self.budget.spending("files.append") as spend:
            spend(len(content))
            writing.append(self._folder, name, content)
        return ()

    def _list(self, pattern: bytes | None = None) -> Answer:
        pattern = listing.EVERYTHING if pattern is None else pattern
        names: list[str] = []
        with _explained("files.list", pattern):
            for name in listing.names(self._folder, pattern, self._calls.deadline.check):
                names.append(name)
                if len(names) > MOST_NAMES:
                    raise LimitExceeded(
                        f"files.list: more than {MOST_NAMES:,} files match. Give a narrower "
                        'pattern: files.list("reports/*.csv").',
                        function_name="files.list",
                    )
        return self._values.build([*sorted(names)])

    def _prepared_download(self, url: bytes, name: bytes) -> "_Download":
        with _explained("files.download", name):
            parts_of(name)  # before anything is sent
        text = python_text(url)
        sink = _Sink(self, name)
        prepared = self._downloads.prepare(
            text, python_text(name), self.budget.left_bytes, sink.begin
        )
        return _Download(self._downloads, prepared, sink)

    @contextlib.contextmanager
    def new_file(self, name: bytes) -> Iterator[NewFile]:
        """Yield a file that is forgotten unless it is committed, and when the run ends."""
        file = NewFile(self._folder, name)
        with self._lock:
            self._open_files.add(file)
        try:
            yield file
        finally:
            file.discard()
            with self._lock:
                self._open_files.discard(file)


class _Download(NamedTuple):
    """One download on its way: the steps of `Calls.waiting_functions`."""

    downloads: Downloads
    prepared: PreparedDownload | None
    sink: "_Sink"

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


class _Sink:
    """Where a download goes: a new file, begun again by each attempt."""

    def __init__(self, files: FileFunctions, name: bytes) -> None:
        self._files = files
        self._name = name
        self.size_bytes = 0

    @contextlib.contextmanager
    def receiving(self, deadline: Deadline) -> Iterator[None]:
        """Open the file for the block; what was not kept is forgotten, and costs nothing."""
        self._deadline = deadline
        files = self._files
        with (
            _explained("files.download", self._name),
            files.budget.spending("files.download") as self._spend,
            files.new_file(self._name) as self._file,
        ):
            yield

    def begin(self) -> Callable[[bytes], None]:
        """Begin (again), and return what takes the pieces."""
        with _explained("files.download", self._name):
            self._file.restart()
        self._take_back()
        return self._take

    def keep(self, exchange: Exchange) -> Exchange:
        """Put a file that has arrived in its place, and return what came of the download."""
        error = exchange.error
        if isinstance(error, LimitExceeded) and error is not self._deadline.reason():
            error = self._files.budget.error("files.download")
        if exchange.response is not None and is_file(exchange.response):
            try:
                self._deadline.check()
                with _explained("files.download", self._name):
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
        with _explained("files.download", self._name):
            self._file.write(piece)


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


@contextlib.contextmanager
def _explained(helper: str, name: bytes) -> Iterator[None]:
    """Make what the file system refuses an error of the script, with the name as it gave it."""
    try:
        yield
        return
    except Refused as refused:
        reason = str(refused)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"cannot be used: {error.strerror}"
    raise ScriptError(f"{helper}: '{_shown(name)}' {reason}", function_name=helper)


_REASONS: Final = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist: a part of its path is a file",
    errno.EISDIR: "is a folder",
    errno.ENAMETOOLONG: "has a part that is too long for a file name",
    errno.EACCES: "may not be used: permission denied",
    errno.EPERM: "may not be used: permission denied",
    errno.EROFS: "cannot be written: the file system is read-only",
    errno.ENOSPC: "cannot be written: the disk is full",
    errno.EDQUOT: "cannot be written: the quota of the disk is used up",
}


def _shown(name: bytes) -> str:
    return printable(shorten(python_text(name)))
