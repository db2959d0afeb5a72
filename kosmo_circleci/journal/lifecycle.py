"""The life of a run in the journal: begun by a process, resumed by another, ended.

A run belongs to the process that has it, until it has ended or that process is gone. Taking it over
is one transaction, so of two processes that try at once one is refused.
"""

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.lookup import run_number
from kosmo_circleci.journal.process import Process, is_alive, this_process
from kosmo_circleci.journal.schema import REPEAT, SKIP, UNSETTLED_WRITE
from kosmo_circleci.journal.store import Store
from kosmo_circleci.run.settings import Unknown

SILENT_S: Final = 300.0
"""How long a process that cannot be seen from here (another host) counts as alive."""

_SHOWN: Final = 3
_OWNER: Final = "alive_at, machine, pid, process_started"


class Start(NamedTuple):
    """What a run begins with. `plan` is the hash of the plan it applies."""

    script: str
    code: str
    account: str = "default"
    simulated: bool = False
    plan: str | None = None

    @property
    def name(self) -> str:
        """The name by which a run is resumed: a file's, wherever it lies."""
        return os.path.basename(self.script) or self.script

    @property
    def sha256(self) -> str:
        """The hash of the script's text."""
        return hashlib.sha256(self.code.encode("utf-8", "surrogatepass")).hexdigest()


class RunRow(NamedTuple):
    """A run this process has. `execution` counts the processes that had it, from 1."""

    number: int
    id: str
    execution: int
    seed: bytes
    elapsed_s: float
    resumed: bool


class LostWrite(NamedTuple):
    """A write that was sent and of which no answer is recorded; texts without secrets."""

    sequence: int
    call_path: str
    request: str
    arguments: str
    sent_at: float

    def text(self) -> str:
        """Return the call, its arguments and when it was sent, on one line."""
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.sent_at))
        return f"{self.call_path} ({self.request}) with {self.arguments}, sent {when}"


def new_run(store: Store, start: Start) -> RunRow:
    """Begin a run, on disk. Raises `JournalError`."""
    run_id, seed, now = secrets.token_hex(4), secrets.token_bytes(32), time.time()
    with store.transaction(durable=True) as connection:
        number = connection.execute(
            "INSERT INTO runs (id, script, script_sha256, account, simulated, plan, seed,"
            " executions, started_at, alive_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (
                run_id,
                start.name,
                start.sha256,
                start.account,
                start.simulated,
                start.plan,
                seed,
                now,
                now,
            ),
        ).lastrowid
        assert number is not None
        _claim(connection, number)
    return RunRow(number, run_id, 1, seed, 0.0, False)


def find_run(store: Store, start: Start, run_id: str | None = None) -> int | None:
    """Return the number of the newest run of the script that has not succeeded, or None.

    `run_id` names another one. Raises `JournalError` where a process still has it.
    """
    query = f"SELECT number, id, outcome, {_OWNER} FROM runs WHERE "
    if run_id is None:
        rows = store.rows(
            f"{query} script = ? AND simulated = ? AND plan IS ? AND outcome IS NOT 'succeeded'"
            " ORDER BY number DESC LIMIT 1",
            (start.name, start.simulated, start.plan),
        )
        if not rows:
            return None
    else:
        rows = store.rows(f"{query} number = ?", (run_number(store, run_id),))
    number, run_id, outcome, *owner = rows[0]
    if outcome == "succeeded":
        raise JournalError(f"The run {run_id} has succeeded: there is nothing to resume.")
    _refuse_if_alive(run_id, *owner)
    return int(number)


def take_over(store: Store, number: int, start: Start) -> RunRow:
    """Continue a run in this process. Raises `JournalError` where another one still has it."""
    with store.transaction(durable=True) as connection:
        run_id, executions, seed, elapsed_s, *owner = connection.execute(
            f"SELECT id, executions, seed, elapsed_s, {_OWNER} FROM runs WHERE number = ?",
            (number,),
        ).fetchone()
        _refuse_if_alive(run_id, *owner)
        connection.execute(
            "UPDATE runs SET executions = executions + 1, alive_at = ?, script_sha256 = ?,"
            " ended_at = NULL, outcome = NULL, error = NULL, error_type = NULL WHERE number = ?",
            (time.time(), start.sha256, number),
        )
        _claim(connection, number)
    return RunRow(number, run_id, int(executions) + 1, bytes(seed), float(elapsed_s), True)


def decide_lost_writes(
    store: Store, number: int, unknown: Unknown, ask: Callable[[str], Unknown] | None = None
) -> None:
    """Settle what becomes of the writes whose answers were lost, before anything is sent.

    `ask` puts each to a person, where one is there and nothing else was said. Writes that may be
    repeated (PUT, DELETE) are not asked about. Raises `JournalError` for those that stay unknown.
    """
    lost = lost_writes(store, number)
    decisions = {
        each.sequence: ask(each.text()) if ask is not None and unknown == "stop" else unknown
        for each in lost
    }
    with store.transaction(durable=True) as connection:
        for sequence, decision in decisions.items():
            if decision != "stop":
                connection.execute(
                    "UPDATE calls SET decision = ? WHERE run = ? AND sequence = ?",
                    (REPEAT if decision == "repeat" else SKIP, number, sequence),
                )
    stopped = [each for each in lost if decisions[each.sequence] == "stop"]
    if stopped:
        raise JournalError(_lost_message(stopped))


def lost_writes(store: Store, number: int) -> list[LostWrite]:
    """Return the writes of a run that a person must decide about, oldest first."""
    rows = store.rows(
        "SELECT sequence, call_path, request, arguments, sent_at FROM calls"
        f" WHERE run = ? AND {UNSETTLED_WRITE} ORDER BY sequence",
        (number,),
    )
    return [LostWrite(*row) for row in rows]


def _refuse_if_alive(
    run_id: str, alive_at: float, machine: str, pid: int | None, started: str
) -> None:
    if pid is None:
        return
    alive = is_alive(Process(machine, pid, started))
    silent_s = time.time() - alive_at
    if alive or (alive is None and silent_s < SILENT_S):
        host = machine.partition("|")[0]
        where = "" if alive else f" on {host}, last heard of {silent_s:.0f} s ago"
        raise JournalError(
            f"The run {run_id} is in progress, pid {pid}{where}. Wait for its end, or end that "
            "process."
        )


def _claim(connection: sqlite3.Connection, number: int) -> None:
    machine, pid, started = this_process()
    connection.execute(
        "UPDATE runs SET machine = ?, pid = ?, process_started = ? WHERE number = ?",
        (machine, pid, started, number),
    )


def _lost_message(lost: list[LostWrite]) -> str:
    more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    count = (
        "a write whose answer was" if len(lost) == 1 else f"{len(lost)} writes whose answers were"
    )
    return (
        f"The run ended after {count} lost, so nothing was sent: "
        + "; ".join(each.text() for each in lost[:_SHOWN])
        + f"{more}. Look whether it happened, then resume with --unknown=skip if it did "
        "(the call answers an empty table), or --unknown=repeat to send it again."
    )
