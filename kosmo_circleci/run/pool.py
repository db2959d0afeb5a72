"""Warm processes for isolated runs: one is kept idle, so that the next run starts at once."""

import threading
from collections.abc import Callable

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.supervisor import supervise
from kosmo_circleci.run.world import World


class Pool:
    """Runs scripts in processes that `start` makes. Safe for several threads."""

    def __init__(self, start: Callable[[], Child]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._idle: Child | None = None
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
            child, self._idle = self._idle, None
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
        """Kill the idle process; one that is running a script ends when the script does."""
        with self._lock:
            child, self._idle = self._idle, None
            self._closed = True
        if child is not None:
            child.kill()

    def abandon(self) -> None:
        """Let go of the idle process without a signal: it belongs to the parent of this process."""
        child, self._idle = self._idle, None
        if child is not None:
            child.abandon()

    def _keep(self, child: Child) -> bool:
        with self._lock:
            keep = child.exit_status is None and self._idle is None and not self._closed
            if keep:
                self._idle = child
            return keep
