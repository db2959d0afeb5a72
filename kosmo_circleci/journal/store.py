"""The file of a journal: opened, checked, written in transactions. Every fault is a `JournalError`.

SQLite in WAL mode: a commit survives the end of the process at once, and a power cut where it is
`durable`, which costs a flush of the disk. A flush also makes all earlier commits durable.
"""

import contextlib
import os
import secrets
import sqlite3
import stat
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.schema import APPLICATION_ID, TABLES, VERSION
from kosmo_circleci.wording import printable

Row: TypeAlias = Sequence[Any]

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = struct.Struct(">16s44xI4xI")  # magic, user_version, application_id
_BUSY_S: Final = 10.0
_SALT_BYTES: Final = 32
_OF_ANOTHER_KIND: Final = (
    *(ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, RecursionError, OSError),
)


class Store:
    """An open journal. Safe to use from several threads, one transaction at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._durable = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def salt(self) -> bytes:
        """The secret-less key of this file's hashes: made with the file, and kept in it."""
        with self.interpreted():
            return bytes(self.rows("SELECT value FROM journal WHERE name = 'salt'")[0][0])

    def rows(self, sql: str, parameters: Row = ()) -> list[Row]:
        """Return the rows of a query."""
        with self._lock, self._faults():
            return self._connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Commit what is done with the connection, or nothing of it when an exception leaves."""
        with self._lock, self._faults():
            if durable != self._durable:
                level = "FULL" if durable else "NORMAL"
                self._connection.execute(f"PRAGMA synchronous = {level}")
                self._durable = durable
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite itself rolls back on some faults, a full disk among them.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def interpreted(self) -> Iterator[None]:
        """Turn what values of another kind than kosmo writes lead to into a `JournalError`."""
        try:
            yield
        except _OF_ANOTHER_KIND:
            raise JournalError(
                f"The journal {_name(self.path)} is damaged: it has values that kosmo did not "
                "write. Name another file."
            ) from None

    def compact(self) -> None:
        """Give the space of deleted rows back."""
        with self._lock, self._faults():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _fault(self.path, error) from None


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open a journal to write to, and make one where there is no file.

    Raises `JournalError`, and changes nothing, for a file that is not a journal, is from a newer
    version, is damaged, or cannot be written.
    """
    file = Path(path)
    with _system_faults(file):
        if _is_new(file):
            os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        else:
            _check_header(file)
        if not file.stat().st_mode & 0o222:  # root could write to it all the same
            raise JournalError(_unwritable(file, "it is read-only"))
        with contextlib.suppress(PermissionError):  # it belongs to another user, who lets us write
            file.chmod(0o600)
    store = _connect(file, "rw")
    try:
        _prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def open_to_read(path: str | os.PathLike[str]) -> Store:
    """Open a journal that exists, to read it. Raises `JournalError` as `open_store` does."""
    file = Path(path)
    with _system_faults(file):
        _check_header(file)
    # With "rw" SQLite removes at the end the files beside this one that reading makes; "immutable"
    # is for a folder in which it cannot make them, where there is no writer either.
    modes = ("rw", "ro", "ro&immutable=1") if file.stat().st_mode & 0o222 else ("ro&immutable=1",)
    return _first_readable(_connect(file, mode) for mode in modes)


def _first_readable(stores: Iterator[Store]) -> Store:
    for store in stores:
        try:
            store.rows("PRAGMA query_only = ON")
            _check_content(store)
            return store
        except JournalError as error:
            store.close()
            fault = error
    raise fault


def _is_new(file: Path) -> bool:
    try:
        return file.stat().st_size == 0
    except FileNotFoundError:
        return True


def _check_header(file: Path) -> None:
    """Refuse what is not a journal before SQLite touches it."""
    if not stat.S_ISREG(file.stat().st_mode):
        raise JournalError(f"{_name(file)} is not a file, so it cannot be a journal.")
    with file.open("rb") as opened:
        head = opened.read(_HEADER.size)
    magic, version, application = _HEADER.unpack(head) if len(head) == _HEADER.size else (b"", 0, 0)
    if magic != _MAGIC or application != APPLICATION_ID:
        raise JournalError(
            f"{_name(file)} is not a journal; it stays as it is. Name another file, or one that "
            "does not exist yet."
        )
    if version > VERSION:
        raise JournalError(
            f"The journal {_name(file)} was written by a newer version of kosmo (format {version}; "
            f"this one reads {VERSION}). Update kosmo, or name another file."
        )


def _connect(file: Path, mode: str) -> Store:
    quoted = str(file.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(
            f"file:{quoted}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise _fault(file, error) from None
    return Store(file, connection)


def _prepare(store: Store) -> None:
    connection = store._connection
    with store._faults():
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA fullfsync = ON")
        if not connection.execute("PRAGMA application_id").fetchone()[0]:
            _create(connection)
        # After the tables: so the main file, whose head is looked at, is never empty.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    _check_content(store)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute("BEGIN EXCLUSIVE")
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in filter(str.strip, TABLES.split(";")):
                connection.execute(statement)
            salt = secrets.token_bytes(_SALT_BYTES)
            connection.execute("INSERT INTO journal VALUES ('salt', ?)", (salt,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_content(store: Store) -> None:
    verdict = store.rows("PRAGMA quick_check(1)")[0][0]
    if verdict != "ok":
        raise JournalError(f"The journal {_name(store.path)} is damaged: {verdict}.")


@contextlib.contextmanager
def _system_faults(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        missing = "there is no such file" if file.parent.exists() else "its folder does not exist"
        raise JournalError(_unwritable(file, missing)) from error
    except OSError as error:
        raise JournalError(_unwritable(file, error.strerror or str(error))) from error


_REASONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_BUSY: "another process is writing to it",
    sqlite3.SQLITE_IOERR: "the disk failed or is full",
}


def _fault(file: Path, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalError(f"The journal {_name(file)} is damaged: {error}.")
    return JournalError(_unwritable(file, _REASONS.get(code, str(error))))


def _unwritable(file: Path, reason: str) -> str:
    return f"The journal {_name(file)} cannot be used: {reason}."


def _name(file: Path) -> str:
    return printable(str(file))
