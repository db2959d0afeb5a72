"""Group commit: statements wait in memory and reach the file together, in their order."""

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.store import Row, Store

Statement: TypeAlias = tuple[str, Row]

_GROUP: Final = 100
"""How many statements are committed together, at most."""
_GROUP_S: Final = 0.5
"""How long one waits for that, at most: until the next one comes, or a commit happens."""


class Group:
    """The statements of one process that are not committed yet. Used under its owner's lock.

    Each must mean the same when it is carried out twice: an interrupt may come just after a commit.
    """

    def __init__(self, store: Store, closing: Callable[[], list[Statement]]) -> None:
        """`closing` gives the statements that end each group."""
        self._store = store
        self._closing = closing
        self._statements: list[Statement] = []
        self._committed_at = time.monotonic()
        self._fault: JournalError | None = None

    @property
    def is_broken(self) -> bool:
        """True after a commit that failed: what it held is lost, so nothing may follow it."""
        return self._fault is not None

    def check(self) -> None:
        """Raise the `JournalError` of the commit that failed, if one did."""
        if self._fault is not None:
            raise self._fault

    def put(self, sql: str, parameters: Row) -> None:
        """Have a statement committed with the next group."""
        self._statements.append((sql, parameters))

    def commit_when_due(self, further: int = 0) -> None:
        """Commit if the group is full or old. `further` statements wait with `closing`."""
        is_old = time.monotonic() - self._committed_at > _GROUP_S
        if is_old or len(self._statements) + further >= _GROUP:
            self.commit()

    def commit(self, *, durable: bool = False) -> None:
        """Commit everything now; flush the disk where it is to be `durable`."""
        self.check()
        self._statements += self._closing()
        try:
            with self._store.transaction(durable=durable) as connection:
                for sql, parameters in self._statements:
                    connection.execute(sql, parameters)
        except JournalError as error:
            self._fault = error
            raise
        self._statements = []
        self._committed_at = time.monotonic()
