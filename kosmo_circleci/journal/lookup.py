"""Run ID -> the number a run has in its journal, or what to do where there is no such run."""

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.store import Store
from kosmo_circleci.wording import printable, shorten


def run_number(store: Store, run_id: str | None) -> int:
    """Return the number of a run, None for the newest. Raises `JournalError`."""
    if run_id is None:
        number = store.rows("SELECT max(number) FROM runs")[0][0]
        if number is None:
            raise no_runs(store)
        return int(number)
    rows = store.rows("SELECT number FROM runs WHERE id = ?", (run_id,))
    if not rows:
        raise JournalError(
            f"There is no run '{printable(shorten(run_id))}' in this journal. "
            f"`kosmo runs:list {store.path}` lists its runs."
        )
    return int(rows[0][0])


def no_runs(store: Store) -> JournalError:
    """Return the error for a journal that is empty."""
    return JournalError(f"There is no run in the journal {store.path}.")
