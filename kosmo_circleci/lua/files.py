"""`files.*`, the host's side: what a script reads and writes in the folder of its run.

A script learns no path of the machine: errors show the names it gave.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from kosmo_circleci.caller.downloads import Downloads
from kosmo_circleci.confined import listing, writing
from kosmo_circleci.confined.folder import Folder, TooLarge
from kosmo_circleci.confined.names import parts_of
from kosmo_circleci.confined.writing import NewFile
from kosmo_circleci.errors import ConfigurationError, LimitExceeded
from kosmo_circleci.limits import shown_size
from kosmo_circleci.lua.calls import Calls
from kosmo_circleci.lua.file_budget import Budget
from kosmo_circleci.lua.file_downloads import FileDownload, FileSink
from kosmo_circleci.lua.file_errors import explained, shown
from kosmo_circleci.lua.values import Answer, LuaValues, python_text
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.wording import printable

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
        self._budget = Budget(settings.files_limit)
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
        """Discard the files that are not complete, even those another thread still writes."""
        with self._lock:
            unfinished, self._open_files = self._open_files, set()
        for file in unfinished:
            file.discard()

    def close(self) -> None:
        """Close the folder."""
        self.cancel()
        self._folder.close()

    def _read(self, name: bytes) -> Answer:
        with explained("files.read", name):
            try:
                content = self._folder.read(name, self._limits.memory_bytes)
            except TooLarge as error:
                raise LimitExceeded(
                    f"files.read: '{shown(name)}' has {error.size_bytes} bytes, more than the "
                    f"memory limit of {shown_size(self._limits.memory_bytes)}. Raise it with "
                    "--memory-limit SIZE (Python: Limits(memory_bytes=…)).",
                    function_name="files.read",
                ) from None
        self._values.make_room(len(content))
        return (content,)

    def _write(self, name: bytes, content: bytes) -> Answer:
        with explained("files.write", name), self._budget.spending("files.write") as spend:
            spend(len(content))
            with self._new_file(name) as file:
                file.write(content)
                file.commit()
        return ()

    def _append(self, name: bytes, content: bytes) -> Answer:
        with explained("files.append", name), self._budget.spending("files.append") as spend:
            spend(len(content))
            writing.append(self._folder, name, content)
        return ()

    def _list(self, pattern: bytes | None = None) -> Answer:
        pattern = listing.EVERYTHING if pattern is None else pattern
        names: list[str] = []
        with explained("files.list", pattern):
            for name in listing.names(self._folder, pattern, self._calls.deadline.check):
                names.append(name)
                if len(names) > MOST_NAMES:
                    raise LimitExceeded(
                        f"files.list: more than {MOST_NAMES:,} files match. Give a narrower "
                        'pattern: files.list("reports/*.csv").',
                        function_name="files.list",
                    )
        return self._values.build([*sorted(names)])

    def _prepared_download(self, url: bytes, name: bytes) -> FileDownload:
        with explained("files.download", name):
            parts_of(name)  # before anything is sent
        sink = FileSink(self._budget, self._new_file, name)
        prepared = self._downloads.prepare(
            python_text(url), python_text(name), self._budget.left_bytes, sink.begin
        )
        return FileDownload(self._downloads, prepared, sink)

    @contextlib.contextmanager
    def _new_file(self, name: bytes) -> Iterator[NewFile]:
        """Yield a file that is discarded unless it is committed, at the latest with the run."""
        file = NewFile(self._folder, name)
        with self._lock:
            self._open_files.add(file)
        try:
            yield file
        finally:
            file.discard()
            with self._lock:
                self._open_files.discard(file)
