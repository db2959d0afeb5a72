"""The way in: a journal's file and what a run begins with -> the recording of the run."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from kosmo_circleci.errors import JournalError
from kosmo_circleci.journal.lifecycle import (
    Start,
    decide_lost_writes,
    find_run,
    new_run,
    take_over,
)
from kosmo_circleci.journal.recording import Recording
from kosmo_circleci.journal.store import Store, open_store
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.settings import Unknown


class Resume(NamedTuple):
    """How a run is resumed.

    `run_id` names it, else it is the script's newest that has not succeeded. `ask` puts a lost
    write to a person, who decides about it; it is not asked unless `unknown` is "stop". Where there
    is no such run a new one begins, unless `missing` says why that must not be.
    """

    unknown: Unknown = "stop"
    run_id: str | None = None
    ask: Callable[[str], Unknown] | None = None
    missing: str | None = None


def start_recording(
    path: str | os.PathLike[str],
    start: Start,
    mask: Mask,
    resume: Resume | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Recording:
    """Begin a run in the journal, or resume one; a new one where there is none to resume.

    Raises `JournalError`, before anything is sent, for a file that cannot be used, a run that
    another process has, and writes whose answers were lost and that nothing has decided about.
    """
    store = open_store(path)
    try:
        with store.interpreted():
            number = None if resume is None else _resumable(store, start, resume)
            run = new_run(store, start) if number is None else take_over(store, number, start)
            return Recording(store, run, mask, clock)
    except BaseException:
        store.close()
        raise


def _resumable(store: Store, start: Start, resume: Resume) -> int | None:
    number = find_run(store, start, resume.run_id)
    if number is None and resume.missing is not None:
        raise JournalError(resume.missing)
    if number is not None:
        decide_lost_writes(store, number, resume.unknown, resume.ask)
    return number
