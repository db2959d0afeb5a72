"""What a journal says about its runs: listed, shown, exported, pruned."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kosmo_circleci.journal.lookup import run_number
from kosmo_circleci.journal.process import Process, is_alive
from kosmo_circleci.journal.schema import EFFECT
from kosmo_circleci.journal.store import Row, Store, open_store, open_to_read
from kosmo_circleci.jsonvalue import JsonValue

_WRITES: Final = (
    "(SELECT count(*) FROM calls WHERE run = runs.number AND decision IS NOT 'repeat'"
    f" AND {EFFECT} = '%s')"
)
_RUN: Final = {
    "id": "id",
    "script": "script",
    "script_sha256": "script_sha256",
    "account": "account",
    "simulated": "simulated",
    "arguments": "arguments",
    "plan": "plan",
    "processes": "executions",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "elapsed_s": "round(elapsed_s, 3)",
    "outcome": "outcome",
    "error_type": "error_type",
    "error": "error",
    "pid": "pid",
    "call_count": "(SELECT count(*) FROM calls WHERE run = runs.number)",
    "machine": "machine",
    "process_started": "process_started",
    "done": _WRITES % "done",
    "refused": _WRITES % "refused",
    "unknown": _WRITES % "unknown",
}
_CALL: Final = {
    "sequence": "sequence",
    "function": "call_path",
    "account": "account",
    "kind": "kind",
    "effect": EFFECT,
    "request": "request",
    "arguments": "arguments",
    "state": "state",
    "decision": "decision",
    "http_status": "status",
    "sent_at": "sent_at",
    "answered_at": "answered_at",
    "error": "error",
    "answer": "answer",
}


def list_runs(path: str | os.PathLike[str]) -> list[dict[str, JsonValue]]:
    """Return the runs of a journal, newest first, each as `show_run` does without its calls.

    Raises `JournalError` for a file that cannot be read.
    """
    with open_to_read(path) as store, store.interpreted():
        return _runs(store, "ORDER BY number DESC")


def show_run(
    path: str | os.PathLike[str], run_id: str | None = None, *, calls: bool = False
) -> dict[str, JsonValue]:
    """Return one run, the newest unless `run_id` names it, with its `calls` where asked for.

    `outcome` is `succeeded`, `failed`, `died` (its process ended without a word) or `in progress`;
    `rerun` says what may be done with it: `safe` (nothing was written: run it again), `resume`,
    `look` (there are writes whose outcome is unknown), `wait`, or `done`.
    Raises `JournalError` for an unknown run and a file that cannot be read.
    """
    with open_to_read(path) as store, store.interpreted():
        number = run_number(store, run_id)
        (shown,) = _runs(store, "WHERE number = ?", (number,))
        if calls:
            shown["calls"] = [_without(call, "answer") for call in _calls(store, number)]
        return shown


def export_run(path: str | os.PathLike[str], run_id: str) -> Iterator[dict[str, JsonValue]]:
    """Yield the run, and then each of its calls with its answer. Raises `JournalError`."""
    with open_to_read(path) as store, store.interpreted():
        number = run_number(store, run_id)
        (run,) = _runs(store, "WHERE number = ?", (number,))
        yield {"type": "run", **run}
        for call in _calls(store, number):
            yield {"type": "call", **call}


def prune_runs(path: str | os.PathLike[str], keep: int) -> int:
    """Delete all but the newest `keep` runs, and return how many; those in progress stay.

    Raises `JournalError` for a file that cannot be written.
    """
    with open_store(path) as store, store.interpreted():
        rows = store.rows(
            "SELECT number, outcome, machine, pid, process_started FROM runs"
            " ORDER BY number DESC LIMIT -1 OFFSET ?",
            (keep,),
        )
        numbers = [row[0] for row in rows if _outcome(*row[1:]) != "in progress"]
        with store.transaction(durable=True) as connection:
            connection.executemany("DELETE FROM runs WHERE number = ?", [(n,) for n in numbers])
        store.compact()
        return len(numbers)


def _runs(store: Store, which: str, parameters: Row = ()) -> list[dict[str, JsonValue]]:
    rows = store.rows(f"SELECT {', '.join(_RUN.values())} FROM runs {which}", parameters)
    return [_run(dict(zip(_RUN, row, strict=True))) for row in rows]


def _run(row: dict[str, Any]) -> dict[str, JsonValue]:
    if any(isinstance(each, bytes) for each in row.values()):
        raise TypeError("SQLite holds anything in any column")
    outcome = _outcome(row["outcome"], row.pop("machine"), row["pid"], row.pop("process_started"))
    writes: dict[str, int] = {name: row.pop(name) for name in ("done", "refused", "unknown")}
    return row | {
        "simulated": bool(row["simulated"]),
        "arguments": _decoded(row["arguments"]),
        "started_at": _time(row["started_at"]),
        "ended_at": _time(row["ended_at"]),
        "outcome": outcome,
        "pid": row["pid"] if outcome == "in progress" else None,
        "writes": writes,
        "rerun": rerun(outcome, writes),
    }


def _calls(store: Store, number: int) -> Iterator[dict[str, JsonValue]]:
    """Yield the calls of a run, oldest first; one answer is held at a time."""
    columns = ", ".join(_CALL.values())
    query = f"SELECT {columns} FROM calls WHERE run = ? AND sequence = ?"
    numbers = store.rows("SELECT sequence FROM calls WHERE run = ? ORDER BY sequence", (number,))
    for (sequence,) in numbers:
        (values,) = store.rows(query, (number, sequence))
        row: dict[str, Any] = dict(zip(_CALL, values, strict=True))
        if any(isinstance(each, bytes) for each in values):
            raise TypeError("SQLite holds anything in any column")
        yield row | {
            "arguments": _decoded(row["arguments"]),
            "sent_at": _time(row["sent_at"]),
            "answered_at": _time(row["answered_at"]),
            "error": _decoded(row["error"]),
            "answer": _decoded(row["answer"]),
        }


def _without(row: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    return {key: value for key, value in row.items() if key != name}


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _outcome(outcome: str | None, machine: str, pid: int | None, started: str) -> str:
    if outcome is not None:
        return outcome
    if pid is None or is_alive(Process(machine, pid, started)) is False:
        return "died"
    return "in progress"


def rerun(outcome: str, writes: Mapping[str, int]) -> str:
    """Return what may be done with a run that had this outcome and these writes: see `show_run`."""
    if outcome in ("in progress", "succeeded"):
        return "wait" if outcome == "in progress" else "done"
    if writes["unknown"]:
        return "look"
    return "resume" if writes["done"] else "safe"


def _time(seconds: float | None) -> str | None:
    """Return a time as the API writes it: 2026-11-28T11:30:00.123Z."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
