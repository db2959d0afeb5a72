"""One input's run as it travels to a worker, and what a worker does with it.

What travels is plain and picklable: the script, its settings, the input. No token does: a worker on
another machine reads its own configuration.
"""

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.fleet.rows import Row, lost_row, row_of
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

KILLED: Final = "The script's process was killed from outside"
"""How the error of a run begins whose process was killed; see `run/supervisor.py`."""


class Assignment(NamedTuple):
    """A script to run for one input; `rate_per_hour` is a remote worker's share, None for any."""

    code: str
    settings: RunSettings
    item: Item
    simulate: bool = False
    rate_per_hour: float | None = None

    @property
    def may_write(self) -> bool:
        """Whether the script could change something: a worker's policy is not known here."""
        return not self.simulate


def run_here(runtime: Runtime, assignment: Assignment, deadline: Deadline, isolate: bool) -> Row:
    """Run one input and return its row. A process that dies early is replaced, once.

    "Early" means that it has sent no write: the supervisor has heard of every request.
    """
    run = runtime.run_isolated if isolate else runtime.run
    for last_attempt in (False, True):
        outcome = run(assignment.code, assignment.settings, None, deadline)
        if last_attempt or not _was_lost(outcome):
            break
        if outcome.writes.done or outcome.writes.unknown:
            return lost_row(assignment.item, "SIGKILL")
    return row_of(assignment.item, outcome)


def run_remotely(assignment: Assignment) -> Row:
    """Run one input in a worker's process: what a PEP 3148 executor is handed."""
    runtime = _runtime_of_worker(assignment.simulate, assignment.rate_per_hour)
    return run_here(runtime, assignment, Deadline(), isolate=True)


def _was_lost(run: Run) -> bool:
    return not run.success and (run.error or "").startswith(KILLED)


@cache
def _runtime_of_worker(simulate: bool, rate_per_hour: float | None) -> Runtime:
    """Return the runtime of this worker process, with its own configuration and connections."""
    import tempfile

    from kosmo_circleci.transport.budget import Budget

    if simulate:
        return Runtime(simulate=True, warm_processes=_WARM_PROCESSES)
    path = Path(tempfile.mkdtemp(prefix="kosmo-budget-")) / "requests"
    Budget.create(path, rate_per_hour)
    return Runtime(budget=path, warm_processes=_WARM_PROCESSES)


_WARM_PROCESSES: Final = 4
