"""One process' part of a run: calls are answered from the record, or sent and recorded.

What is promised. A write is on disk before its request leaves. Its answer is committed before the
script sees it, and flushed to the disk with the next write at the latest: a power cut between the
two leaves the write as sent, its answer unknown. Reads, and readings of clocks, wait in memory and
are committed in groups, always before a write that comes after them; so the file holds a beginning
of what the run did, without a gap.
"""

import contextlib
import hashlib
import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from kosmo_circleci.call.journal import JournalCall, JournalEntry
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.errors import Interrupted, JournalError, KosmoError, LimitExceeded
from kosmo_circleci.journal.address import address_of
from kosmo_circleci.journal.answers import Answers
from kosmo_circleci.journal.group import Group, Statement
from kosmo_circleci.journal.lifecycle import RunRow
from kosmo_circleci.journal.schema import ANSWERED, EFFECT, FAILED, REPEAT, SENT, SETTLED
from kosmo_circleci.journal.store import Store
from kosmo_circleci.journal.times import Times
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import Mask

SKIPPED: Final = (ApiResponse(200, {"content-type": "application/json"}, b"{}"),)
"""What a write answers that is not sent again, and whose answer was lost."""

_ALIVE_S: Final = 0.2
"""How often a run that only makes calls says that it is alive, and how long it has run."""

_THIS_CALL: Final = "WHERE run = ? AND sequence = ?"


class _Recorded(NamedTuple):
    """What was recorded of one content: answers that stand, and calls without one."""

    settled: deque[tuple[int, str]]
    unsettled: deque[int]


class Outcome(NamedTuple):
    """How a run ended; texts without secrets. `arguments` are those of the script."""

    success: bool
    error: str | None = None
    error_type: str | None = None
    arguments: JsonValue = None


class Recording:
    """A run as it is written down: a `CallJournal` and a `RunClock`."""

    def __init__(
        self, store: Store, run: RunRow, mask: Mask, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Record into `store`; `mask` knows the secrets, `clock` tells the seconds that pass."""
        self.run = run
        self.replayed = 0
        self.sent = 0
        self._store = store
        self._salt = store.salt
        self._mask = mask
        self._answers = Answers(self._salt, mask)
        self._clock = clock
        self._began = clock()
        self._alive_at = 0.0
        self._finished = False
        self._lock = threading.RLock()
        self._times = Times(self._load_times)
        self._group = Group(store, self._closing)
        self._recorded: dict[bytes, _Recorded] = {}
        self._reserved: Counter[bytes] = Counter()
        self._refusals: dict[str, list[int]] = defaultdict(list)
        row = store.rows("SELECT max(sequence) FROM calls WHERE run = ?", (run.number,))
        self._sequence: int = row[0][0] or 0

    # Calls ----------------------------------------------------------------------------------------

    def begin(self, call: JournalCall) -> JournalEntry:
        with self._lock:
            self._group.check()
            address = address_of(self._salt, call)
            recorded = self._next_recorded(address)
            if recorded is not None:
                self.replayed += 1
                return JournalEntry(recorded[0], address, call, self._answer(*recorded))
            self.sent += 1
            self._sequence += 1
            entry = JournalEntry(self._sequence, address, call, sent_at=time.time())
            if call.kind == "write":
                self._insert(entry, SENT, {})
                self._note_repeated(address)
                self._group.commit(durable=True)
            return entry

    def reserve(self, call: JournalCall) -> bool:
        """Say whether a recorded answer is left for this call that is promised to no other."""
        with self._lock:
            address = address_of(self._salt, call)
            recorded = self._recorded_of(address)
            if recorded is None or len(recorded.settled) <= self._reserved[address]:
                return False
            self._reserved[address] += 1
            return True

    def answered(self, entry: JournalEntry, answer: tuple[ApiResponse, ...]) -> None:
        kept = {
            "answered_at": time.time(),
            "status": answer[-1].status,
            "answer": self._answers.encode(answer),
        }
        self._settle(entry, ANSWERED, kept)

    def failed(self, entry: JournalEntry, error: KosmoError, *, sent: bool) -> None:
        kept = {"error": self._mask.json_text(encode(error.fields()))}
        if entry.call.kind == "write":
            self._settle(entry, SENT if sent else FAILED, kept)
        elif not isinstance(error, LimitExceeded | Interrupted):  # the end of the run, not a fault
            self._settle(entry, FAILED, kept)

    def refused(self, entry: JournalEntry, error: KosmoError) -> None:
        with self._lock:
            self._refusals[self._mask.text(error.message)].append(entry.number)

    # Clocks ---------------------------------------------------------------------------------------

    def time_s(self, branch: str, clock: str, now_s: float) -> float:
        with self._lock:
            value = self._times.read(branch, clock, now_s)
            self._group.commit_when_due(self._times.pending)
            return value

    def elapsed_s(self) -> float:
        return self.run.elapsed_s + self._clock() - self._began

    def seed(self, branch: str) -> bytes:
        return hashlib.sha256(self.run.seed + branch.encode()).digest()

    def flush(self) -> None:
        with self._lock:
            self._alive_at = 0.0  # a wait begins or ends: how long the run has run is worth a row
            self._group.commit()

    # The end --------------------------------------------------------------------------------------

    def finish(self, outcome: Outcome) -> None:
        """Record how the run ended. Raises `JournalError` where that cannot be written."""
        row: dict[str, Any] = {
            "ended_at": time.time(),
            "outcome": "succeeded" if outcome.success else "failed",
            "error_type": outcome.error_type,
            "error": outcome.error,
            "arguments": self._mask.json_text(encode(outcome.arguments)),
            "pid": None,
        }
        with self._lock:
            # What ended the run is asked again: its cause may be gone by then.
            for message, numbers in self._refusals.items():
                if message in (outcome.error or ""):
                    for number in numbers:
                        self._update(number, {"again": True})
            columns = ", ".join(f"{name} = ?" for name in row)
            self._alive_at = 0.0
            self._group.put(
                f"UPDATE runs SET {columns} WHERE number = ?", (*row.values(), self.run.number)
            )
            self._group.commit(durable=True)
            self._finished = True

    def close(self) -> None:
        """Let the file go. A run without an end is this process's no longer."""
        if not self._finished and not self._group.is_broken:
            with self._lock, contextlib.suppress(JournalError):
                self._group.put("UPDATE runs SET pid = NULL WHERE number = ?", (self.run.number,))
                self._group.commit()
        self._store.close()

    def meta(self) -> dict[str, JsonValue]:
        """Return what the envelope says about the journal."""
        return {
            "file": str(self._store.path),
            "run": self.run.id,
            "resumed": self.run.resumed,
            "replayed": self.replayed,
            "sent": self.sent,
            "unclaimed": self._unclaimed(),
        }

    def _unclaimed(self) -> list[JsonValue]:
        """Return the writes of earlier processes that the script did not ask for this time."""
        if not self.run.resumed or self._group.is_broken:
            return []
        self.flush()
        rows = self._store.rows(
            f"SELECT call_path, request, arguments, {EFFECT}, sent_at FROM calls"
            f" WHERE run = ? AND execution < ? AND {EFFECT} IN ('done', 'unknown')"
            " AND decision IS NOT 'repeat' ORDER BY sequence",
            (self.run.number, self.run.execution),
        )
        return [
            {
                "function": function,
                "request": request,
                "arguments": json.loads(arguments),
                "effect": effect,
                "sent_at": sent_at,
            }
            for function, request, arguments, effect, sent_at in rows
        ]

    # The record -----------------------------------------------------------------------------------

    def _next_recorded(self, address: bytes) -> tuple[int, str] | None:
        """Return (number, state) of the next answer that stands, or None where it must be sent."""
        recorded = self._recorded_of(address)
        if recorded is None or not recorded.settled:
            return None
        if self._reserved[address]:
            self._reserved[address] -= 1
        return recorded.settled.popleft()

    def _recorded_of(self, address: bytes) -> _Recorded | None:
        if not self.run.resumed:
            return None
        recorded = self._recorded.get(address)
        if recorded is None:
            rows = self._store.rows(
                f"SELECT sequence, state, decision, {SETTLED} FROM calls"
                " WHERE run = ? AND address = ? ORDER BY sequence",
                (self.run.number, address),
            )
            recorded = self._recorded[address] = _Recorded(
                deque((number, state) for number, state, _, settled in rows if settled),
                deque(row[0] for row in rows if not row[3] and row[2] is None),
            )
        return recorded

    def _note_repeated(self, address: bytes) -> None:
        recorded = self._recorded.get(address)
        if recorded is not None and recorded.unsettled:
            self._update(recorded.unsettled.popleft(), {"decision": REPEAT})

    def _answer(self, number: int, state: str) -> tuple[ApiResponse, ...]:
        self._update(number, {"execution": self.run.execution})
        self._group.commit_when_due(self._times.pending)
        if state == SENT:
            return SKIPPED
        key = (self.run.number, number)
        with self._store.interpreted():
            return self._answers.decode(
                self._store.rows(f"SELECT answer FROM calls {_THIS_CALL}", key)[0][0]
            )

    def _settle(self, entry: JournalEntry, state: str, kept: Mapping[str, Any]) -> None:
        with self._lock:
            self._group.check()
            if entry.call.kind == "read":
                self._insert(entry, state, kept)
                self._group.commit_when_due(self._times.pending)
            else:
                self._update(entry.number, {"state": state, **kept})
                self._group.commit()

    def _insert(self, entry: JournalEntry, state: str, kept: Mapping[str, Any]) -> None:
        call = entry.call
        row = {
            "run": self.run.number,
            "sequence": entry.number,
            "execution": self.run.execution,
            "address": entry.address,
            "function": call.content.function,
            "account": call.content.account,
            "call_path": call.call_path,
            "kind": call.kind,
            "is_repeatable": call.is_repeatable,
            "request": self._mask.text(call.request),
            "arguments": self._mask.json_text(call.arguments),
            "state": state,
            "sent_at": entry.sent_at,
            **kept,
        }
        marks = ", ".join("?" * len(row))
        self._group.put(
            f"INSERT OR REPLACE INTO calls ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )

    def _update(self, number: int, columns: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        key = (self.run.number, number)
        self._group.put(f"UPDATE calls SET {assignments} {_THIS_CALL}", (*columns.values(), *key))

    def _load_times(self, branch: str, clock: str) -> list[tuple[int, float]]:
        if not self.run.resumed:
            return []
        rows = self._store.rows(
            "SELECT reading, value FROM times WHERE run = ? AND branch = ? AND clock = ?"
            " ORDER BY reading",
            (self.run.number, branch, clock),
        )
        with self._store.interpreted():
            return [(int(row[0]), float(row[1])) for row in rows]

    def _closing(self) -> list[Statement]:
        run = self.run.number
        times = [
            ("INSERT OR REPLACE INTO times VALUES (?, ?, ?, ?, ?)", (run, *row))
            for row in self._times.take()
        ]
        now = time.time()
        if not times and now - self._alive_at < _ALIVE_S:
            return []
        self._alive_at = now
        alive = "UPDATE runs SET alive_at = ?, elapsed_s = ? WHERE number = ?"
        return [*times, (alive, (now, self.elapsed_s(), run))]
