"""A fleet with all it needs, opened and cleaned up in one place: budget, engine, loop."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.fleet.assignment import Assignment
from kosmo_circleci.fleet.engine import Fleet
from kosmo_circleci.fleet.executors import PROCESSES, open_engine
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.fleet.journals import ItemJournals
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.script.modules import modules_of
from kosmo_circleci.telemetry.tracing import with_current_span
from kosmo_circleci.transport.budget import DEFAULT_RATE_PER_HOUR, Budget

if TYPE_CHECKING:
    from kosmo_circleci.fleet.rows import Row

JOBS_PER_CORE: Final = 4
"""How many inputs run at once for each core: they mostly wait for CircleCI."""


class FleetSettings(NamedTuple):
    """How a fleet runs. `rate_per_hour` None means no limit; `jobs` runs at once."""

    jobs: int = JOBS_PER_CORE
    rate_per_hour: float | None = DEFAULT_RATE_PER_HOUR
    executor: str = PROCESSES


def default_jobs() -> int:
    """Return how many inputs run at once unless `jobs` says otherwise."""
    return JOBS_PER_CORE * (os.cpu_count() or 1)


class OpenFleet(NamedTuple):
    """A fleet ready to run, with the journals of its inputs where they are kept."""

    fleet: Fleet
    journals: ItemJournals | None = None

    def rows(self, items: Iterable[Item]) -> "Iterator[Row]":
        """Yield the row of each input that is to be run; see `Fleet.rows`."""
        return self.fleet.rows(items if self.journals is None else self.journals.pending(items))

    @property
    def skipped(self) -> int:
        """How many inputs need not be run, since an earlier fleet has done them."""
        return 0 if self.journals is None else self.journals.skipped


@contextlib.contextmanager
def opened(
    code: str,
    settings: RunSettings,
    fleet: FleetSettings,
    *,
    base: Runtime,
    deadline: Deadline,
) -> Iterator[OpenFleet]:
    """Open a fleet for the block: its budget file, its processes, its engine.

    Local inputs run with the configuration and the simulated world of `base`. Raises `UsageError`
    and `ConfigurationError`.
    """
    with contextlib.ExitStack() as stack:
        budget = None if base.simulate else stack.enter_context(_budget(fleet.rate_per_hour))
        runtime = base.sibling(budget, warm_processes=fleet.jobs)
        stack.callback(runtime.close)
        engine = open_engine(fleet.executor, runtime, deadline, fleet.jobs)
        stack.callback(engine.close)
        if engine.is_elsewhere and settings.lua_path:
            settings = settings._replace(modules=modules_of(code, settings.lua_path))
        rate = fleet.rate_per_hour
        share = None if rate is None else rate / engine.workers
        settings = with_current_span(settings)
        journals = None if settings.journal.file is None else ItemJournals(settings.journal)

        def assign(item: Item) -> Assignment:
            item_settings = settings._replace(item=item.value, item_index=item.index)
            if journals is not None:
                item_settings = item_settings._replace(journal=journals.settings_of(item))
            return Assignment(code, item_settings, item, base.simulate, share)

        yield OpenFleet(Fleet(engine, assign, window=2 * fleet.jobs, deadline=deadline), journals)


@contextlib.contextmanager
def _budget(rate_per_hour: float | None) -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="kosmo-budget-")
    try:
        path = Path(folder) / "requests"
        Budget.create(path, rate_per_hour)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
