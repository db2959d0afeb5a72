"""The end of a run whose process was killed, recorded by the process that killed it or saw it."""

import os
import time

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.process import this_process
from kosmo_circleci.journal.store import open_store
from kosmo_circleci.jsonvalue import JsonValue


def end_killed_run(
    path: str | os.PathLike[str], pid: int, error: str, error_type: str
) -> dict[str, JsonValue]:
    """Record why the run of process `pid`, which has ended, ended; return its `meta.journal`.

    Empty where the process had begun no run, or the journal cannot be written.
    """
    try:
        with open_store(path) as store, store.transaction(durable=True) as connection:
            row = connection.execute(
                "SELECT number, id, executions FROM runs WHERE pid = ? AND machine = ?"
                " AND outcome IS NULL ORDER BY number DESC LIMIT 1",
                (pid, this_process().machine),
            ).fetchone()
            if row is None:
                return {}
            connection.execute(
                "UPDATE runs SET ended_at = ?, outcome = 'failed', error = ?, error_type = ?,"
                " pid = NULL WHERE number = ?",
                (time.time(), error, error_type, row[0]),
            )
    except JournalError:
        return {}
    return {"file": str(path), "run": row[1], "resumed": row[2] > 1}
