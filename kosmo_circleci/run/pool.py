"""Warm processes for isolated runs: some are kept idle, so that the next run starts at once."""

import threading
from collections.abc import Callable

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings
from kosmo_circleci.run.supervisor import supervise
from kosmo_circleci.run.world import World
from kosmo_circleci.telemetry.tracing import traced


class IsolatedState:
    """One process with one Lua state, in which scripts run one after the other."""

    def __init__(self, child: Child, runtime: RuntimeSettings, world: World | None) -> None:
        self._child = child
        self._runtime = runtime
        self._world = world
        self._lock = threading.Lock()

    @property
    def lost(self) -> bool:
        """Whether the process was killed, and the state with it."""
        return self._child.exit_status is not None

    def run(
        self, code: str, settings: RunSettings, listener: RunListener, deadline: Deadline
    ) -> Run:
        """Run a script after those before it. Raises what the listener raises.

        Account, limits and policy are those of the first script, see `Session.run_next`.
        """

        def perform(settings: RunSettings, listener: RunListener) -> Run:
            message = RunMessage(code, settings._replace(keep_state=True), self._runtime)
            with self._lock:
                return supervise(self._child, message, listener, deadline, self._world)

        return traced(settings, listener, perform, simulated=self._runtime.simulate)

    def close(self) -> None:
        """End the process."""
        self._child.kill()


class Pool:
    """Runs scripts in processes that `start` makes; `keep` of them stay. Safe for threads."""

    def __init__(self, start: Callable[[], Child], keep: int = 1) -> None:
        self._start = start
        self._keep_idle = keep
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._closed = False

    def run(
        self,
        message: RunMessage,
        listener: RunListener,
        deadline: Deadline,
        world: World | None = None,
    ) -> Run:
        """Run a script in the idle process, or in a new one. Raises what the listener raises."""
        with self._lock:
            child = self._idle.pop() if self._idle else None
        try:
            child = child or self._start()
        except OSError as error:
            reason = f"The script's process cannot be started: {error.strerror or error}."
            simulated = message.runtime.simulate
            return failure(reason, ConfigurationError.error_type, simulated=simulated)
        run = supervise(child, message, listener, deadline, world)
        if not self._keep(child):
            child.kill()
        return run

    def close(self) -> None:
        """Kill the idle processes; one that is running a script ends when the script does."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._closed = True
        for child in idle:
            child.kill()

    def abandon(self) -> None:
        """Forget the idle processes without a signal: they belong to this process's parent."""
        idle, self._idle = self._idle, []
        for child in idle:
            child.abandon()

    def _keep(self, child: Child) -> bool:
        with self._lock:
            room = len(self._idle) < self._keep_idle and not self._closed
            if child.exit_status is None and room:
                self._idle.append(child)
                return True
            return False
