"""A recorded run as the only source of answers: nothing is sent, no time passes.

What the script sees is what the run's last process saw, recorded failures included.
"""

import hashlib
import json
import os
import threading
from collections import deque
from typing import Any, Final

from kosmo_circleci.call.journal import JournalCall, JournalEntry
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.errors import JournalError, KosmoError, NetworkError, ScriptError
from kosmo_circleci.journal.address import address_of
from kosmo_circleci.journal.answers import Answers
from kosmo_circleci.journal.lookup import no_runs
from kosmo_circleci.journal.recording import SKIPPED
from kosmo_circleci.journal.schema import ANSWERED
from kosmo_circleci.journal.store import Store, open_to_read
from kosmo_circleci.journal.times import Times
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

_RUN: Final = "SELECT number, id, seed, executions, elapsed_s FROM runs"


class Replay:
    """A `CallJournal` and a `RunClock` that only read. Time passes when the script waits."""

    def __init__(self, path: str | os.PathLike[str], script: str, mask: Mask) -> None:
        """Replay the newest run of `script` in the journal, or else the newest of all.

        Raises `JournalError` for a file that cannot be read, and for one without runs.
        """
        self.replayed = 0
        self._store = open_to_read(path)
        try:
            self._answers = Answers(self._store.salt, mask)
            row = _newest(self._store, os.path.basename(script))
            self._number: int = row[0]
            self.run_id: str = row[1]
            with self._store.interpreted():
                self._seed = bytes(row[2])
                self._elapsed_s = float(row[4])
            self._left = _addresses(self._store, self._number, execution=row[3])
        except BaseException:
            self._store.close()
            raise
        self._salt = self._store.salt
        self._lock = threading.RLock()
        self._times = Times(self._load_times)

    def begin(self, call: JournalCall) -> JournalEntry:
        with self._lock:
            address = address_of(self._salt, call)
            left = self._left.get(address)
            if not left:
                raise JournalError(
                    f"{call.call_path} ({call.request}) with {call.arguments} is not in the run "
                    f"{self.run_id}, or not as often. A replay sends nothing: record the run "
                    "again with --journal.",
                    function_name=call.content.function,
                )
            number = left.popleft()
            self.replayed += 1
            return JournalEntry(number, address, call, self._answer(number))

    def answered(self, entry: JournalEntry, answer: tuple[ApiResponse, ...]) -> None:
        """Nothing is sent, so nothing comes back."""

    def failed(self, entry: JournalEntry, error: KosmoError, *, sent: bool) -> None:
        """Nothing is sent, so nothing fails."""

    def refused(self, entry: JournalEntry, error: KosmoError) -> None:
        """A recorded error stays what it is."""

    def time_s(self, branch: str, clock: str, now_s: float) -> float:
        with self._lock:
            return self._times.read(branch, clock, now_s)

    def elapsed_s(self) -> float:
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        with self._lock:
            self._elapsed_s += seconds

    def seed(self, branch: str) -> bytes:
        return hashlib.sha256(self._seed + branch.encode()).digest()

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Let the file go."""
        self._store.close()

    def meta(self) -> dict[str, JsonValue]:
        """Return what the envelope says about the replay."""
        return {
            "file": str(self._store.path),
            "run": self.run_id,
            "replayed": self.replayed,
            "unused": sum(map(len, self._left.values())),
        }

    def _answer(self, number: int) -> tuple[ApiResponse, ...]:
        rows = self._store.rows(
            "SELECT state, answer, error FROM calls WHERE run = ? AND sequence = ?",
            (self._number, number),
        )
        state, answer, error = rows[0]
        with self._store.interpreted():
            if state == ANSWERED:
                return self._answers.decode(answer)
            if error is not None:
                raise _error(json.loads(error))
        return SKIPPED

    def _load_times(self, branch: str, clock: str) -> list[tuple[int, float]]:
        rows = self._store.rows(
            "SELECT reading, value FROM times WHERE run = ? AND branch = ? AND clock = ?"
            " ORDER BY reading",
            (self._number, branch, clock),
        )
        with self._store.interpreted():
            return [(int(row[0]), float(row[1])) for row in rows]


def _newest(store: Store, script: str) -> tuple[Any, ...]:
    rows = store.rows(f"{_RUN} ORDER BY script = ? DESC, number DESC LIMIT 1", (script,))
    if not rows:
        raise no_runs(store)
    return tuple(rows[0])


def _addresses(store: Store, number: int, execution: int) -> dict[bytes, deque[int]]:
    """Return the calls the last process saw an outcome of, by content."""
    rows = store.rows(
        "SELECT address, sequence FROM calls WHERE run = ? AND execution = ?"
        " AND (state = 'answered' OR error IS NOT NULL OR decision = 'skip') ORDER BY sequence",
        (number, execution),
    )
    addresses: dict[bytes, deque[int]] = {}
    for address, sequence in rows:
        addresses.setdefault(address, deque()).append(sequence)
    return addresses


def _error(fields: dict[str, Any]) -> KosmoError:
    message, name = fields["message"], fields.get("function_name")
    if fields["type"] == NetworkError.error_type:
        return NetworkError(message, function_name=name, attempts=fields.get("attempts", 1))
    return ScriptError(message, function_name=name)
