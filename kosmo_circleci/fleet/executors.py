"""Where the inputs of a fleet are run: threads and processes here, Dask, any PEP 3148 executor."""

import importlib
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, UsageError
from kosmo_circleci.fleet.assignment import Assignment, run_here, run_remotely
from kosmo_circleci.fleet.rows import Row, lost_row
from kosmo_circleci.runtime import Runtime

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

PROCESSES: Final = "processes"
THREADS: Final = "threads"
_DASK: Final = "dask:"
_CLOSE_S: Final = 1.0
"""How long the processes of an idle executor may take to hear of the end."""


class Engine(Protocol):
    """Runs assignments. `workers` says among how many the rate of requests is divided.

    Workers `elsewhere` may lack the files of this machine.
    """

    workers: int
    is_elsewhere: bool

    def submit(self, assignment: Assignment) -> "Future[Row]":
        """Start one as soon as there is room."""
        ...

    def lost(self, assignment: Assignment, error: Exception) -> Row | None:
        """Return the row of an assignment whose worker died; None asks for another attempt."""
        ...

    def close(self) -> None:
        """Let the workers go, without waiting for what they run."""
        ...


class LocalEngine:
    """The machine itself: `jobs` runs at once, each in a warm process of its own, or in threads."""

    workers = 1  # one budget file serves all processes of a machine
    is_elsewhere = False

    def __init__(self, runtime: Runtime, deadline: Deadline, jobs: int, *, isolate: bool) -> None:
        self._run = partial(run_here, runtime, deadline=deadline, isolate=isolate)
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="kosmo-item")

    def submit(self, assignment: Assignment) -> "Future[Row]":
        return self._threads.submit(self._run, assignment)

    def lost(self, assignment: Assignment, error: Exception) -> Row | None:
        raise error

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class RemoteEngine:
    """Any executor of PEP 3148: `ProcessPoolExecutor`, `mpi4py.futures`, Ray's, Dask's."""

    is_elsewhere = True

    def __init__(self, executor: Executor, workers: int, spec: str = _DASK) -> None:
        """Use `executor`; `spec` is what messages call it."""
        self.workers = workers
        self._spec = spec
        self._executor = executor
        self._again: set[int] = set()

    def submit(self, assignment: Assignment) -> "Future[Row]":
        """Hand it to the executor. Raises `ConfigurationError` where that takes no more work."""
        try:
            return self._submit(assignment)
        except Exception as error:  # `BrokenProcessPool`, a cluster that has gone: any library's
            raise ConfigurationError(
                f"--executor {self._spec} takes no more work: {type(error).__name__}: {error}. "
                "Inputs without a row were not run; with --journal, --resume continues with them."
            ) from error

    def _submit(self, assignment: Assignment) -> "Future[Row]":
        return self._executor.submit(run_remotely, assignment)

    def lost(self, assignment: Assignment, error: Exception) -> Row | None:
        index = assignment.item.index
        if not assignment.may_write and index not in self._again:
            self._again.add(index)
            return None
        return lost_row(assignment.item, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        # Its processes hear of the end from a thread of its own, which the end of this process
        # would cut off: they would stay, and keep standard output open.
        shutdown = partial(self._executor.shutdown, wait=True, cancel_futures=True)
        ending = threading.Thread(target=shutdown, name="kosmo-executor-end", daemon=True)
        ending.start()
        ending.join(_CLOSE_S)


class DaskEngine(RemoteEngine):
    """A Dask cluster. Its scheduler repeats the tasks of a worker that died, without being asked.

    So each task announces itself in the cluster before it runs, and one that finds itself announced
    is not run again where it may have written.
    """

    def __init__(self, client: "Client", cluster: "LocalCluster | None") -> None:
        """Use the cluster of `client`; a local `cluster` is closed with the engine."""
        workers = max(1, len(client.scheduler_info()["workers"]))
        super().__init__(client.get_executor(pure=False, retries=0), workers)
        self._client = client
        self._cluster = cluster
        self._fleet = uuid.uuid4().hex

    def _submit(self, assignment: Assignment) -> "Future[Row]":
        name = f"kosmo-{self._fleet}-{assignment.item.index}"
        future: Future[Row] = self._executor.submit(run_once_on_dask, assignment, name)
        return future

    def close(self) -> None:
        self._executor.shutdown(wait=False)  # Dask's has no `cancel_futures`
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def run_once_on_dask(assignment: Assignment, name: str) -> Row:
    """Run one input in a Dask worker, unless an attempt that may have written has begun before."""
    from distributed import Event

    started = Event(name)
    if assignment.may_write:
        if started.is_set():
            return lost_row(assignment.item, "a Dask worker")
        started.set()
    return run_remotely(assignment)


def open_engine(spec: str, runtime: Runtime, deadline: Deadline, jobs: int) -> Engine:
    """Return what an `--executor` names.

    `processes`, `threads`, `dask:ADDRESS` (`dask:` alone starts a local cluster), or
    `module:factory` for a function that returns a `concurrent.futures.Executor`. Raises
    `UsageError` for anything else and `ConfigurationError` for an engine that is not available.
    """
    if spec in (PROCESSES, THREADS):
        return LocalEngine(runtime, deadline, jobs, isolate=spec == PROCESSES)
    if spec == "dask" or spec.startswith(_DASK):
        return _dask_engine(spec.removeprefix("dask").removeprefix(":"), jobs)
    factory = _factory(spec)
    try:
        executor = factory()
    except Exception as error:
        raise ConfigurationError(
            f"--executor {spec}: {spec.partition(':')[2]}() failed: {type(error).__name__}: "
            f"{error}. Expected a function without arguments that returns a "
            "concurrent.futures.Executor (PEP 3148)."
        ) from error
    if not (hasattr(executor, "submit") and hasattr(executor, "shutdown")):
        raise UsageError(
            f"--executor {spec}: it returned a {type(executor).__name__}; "
            "expected a concurrent.futures.Executor (PEP 3148)."
        )
    return RemoteEngine(executor, jobs, spec)


def _factory(spec: str) -> Callable[[], Any]:
    module, colon, name = spec.partition(":")
    if not (module and colon and name):
        raise UsageError(
            f"--executor {spec}: expected processes, threads, dask:ADDRESS, or module:factory."
        )
    try:
        factory: Callable[[], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--executor {spec}: {error}.") from None
    if not callable(factory):
        raise UsageError(f"--executor {spec}: {name} is not a function.")
    return factory


def _dask_engine(address: str, jobs: int) -> DaskEngine:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigurationError(
            "--executor dask needs Dask, which is not installed; run: "
            "pip install 'kosmo-circleci[dask]'"
        ) from None
    try:
        if address:
            return DaskEngine(Client(address, timeout=10, set_as_default=False), None)
        cluster = LocalCluster(
            n_workers=min(jobs, 2),
            threads_per_worker=max(1, jobs // 2),
            host="127.0.0.1",
            dashboard_address=None,
        )
        return DaskEngine(Client(cluster, set_as_default=False), cluster)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigurationError(
            f"--executor dask:{address}: the scheduler cannot be reached: {error}."
        ) from None
