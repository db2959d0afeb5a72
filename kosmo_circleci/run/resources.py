"""What a runtime opens on first use: connections, the simulated world, processes for isolated runs.

They belong to the process that opened them. After a fork the child opens its own; what it has
inherited is not touched, for the parent still uses it.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kosmo_circleci.transport.wire import Transport
from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from kosmo_circleci.lua.clock import Clock
    from kosmo_circleci.run.child import Child
    from kosmo_circleci.run.pool import Pool
    from kosmo_circleci.run.world import World
    from kosmo_circleci.transport.budget import Budget
    from kosmo_circleci.transport.executor import Executor


class Resources:
    """The resources of one runtime. Safe for several threads.

    `transport` is the host program's own, which is never closed here; without one it is the
    simulator or a live connection. `budget` is a file of requests shared with other processes.
    """

    def __init__(self, transport: Transport | None, budget: Path | None, *, simulate: bool) -> None:
        self.simulate = simulate
        self.host_transport = transport
        self.budget = budget
        self._lock = threading.RLock()
        self._opened = _Opened()

    def close(self) -> None:
        """Close the connections and end idle processes. Used again, it opens new ones."""
        with self._lock:
            opened, self._opened = self._of_this_process(), _Opened()
        if opened.pool is not None:
            opened.pool.close()
        if opened.transport is not None:
            opened.transport.close()

    def executor(self) -> "Executor":
        """Return what sends requests."""
        with self._lock:
            opened = self._of_this_process()
            if opened.executor is None:
                from kosmo_circleci.transport.executor import Executor

                opened.executor = Executor(
                    self.transport(),
                    user_agent=f"kosmo-circleci/{__version__}",
                    sleep=self.clock().sleep,
                    budget=self._opened_budget(),
                )
            return opened.executor

    def transport(self) -> Transport:
        """Return the host program's transport, else our own."""
        with self._lock:
            if self.host_transport is not None:
                return self.host_transport
            opened = self._of_this_process()
            if opened.transport is None:
                opened.transport = self._new_transport()
            return opened.transport

    def pool(self, start: "Callable[[], Child]", keep: int) -> "Pool":
        """Return the processes for isolated runs: `start` makes one, `keep` of them stay."""
        from kosmo_circleci.run.pool import Pool

        with self._lock:
            opened = self._of_this_process()
            if opened.pool is None:
                opened.pool = Pool(start, keep)
            return opened.pool

    def world(self) -> "World":
        """Return the simulated CircleCI; only with `simulate`."""
        from kosmo_circleci.run.world import World

        transport = self.transport()
        assert isinstance(transport, World)
        return transport

    def clock(self) -> "Clock":
        """Return the time of scripts: in simulation that of the simulated world."""
        from kosmo_circleci.lua.clock import Clock

        if not self.is_simulated_time():
            return Clock()
        return Clock(
            now_s=lambda: self.world().now_s(),
            advance=lambda seconds: self.world().advance(seconds),
            epoch_s=lambda: self.world().epoch_s(),
        )

    def is_simulated_time(self) -> bool:
        """Say whether time is simulated too: a host's transport need not have one."""
        from kosmo_circleci.run.world import World

        own = self.host_transport
        return self.simulate and (own is None or isinstance(own, World))

    def _new_transport(self) -> Transport:
        if self.simulate:
            from kosmo_circleci.simulator.transport import SimulatorTransport

            return SimulatorTransport()
        from kosmo_circleci.transport.live import LiveTransport

        return LiveTransport()

    def _opened_budget(self) -> "Budget | None":
        if self.budget is None:
            return None
        from kosmo_circleci.transport.budget import Budget

        return Budget(self.budget)

    def _of_this_process(self) -> "_Opened":
        if self._opened.process_id != os.getpid():
            inherited, self._opened = self._opened, _Opened()
            if inherited.pool is not None:
                inherited.pool.abandon()
            if self.simulate:
                self._opened.transport = inherited.transport  # memory, and so a copy of its own
        return self._opened


class _Opened:
    """What is open, and in which process."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self.transport: Transport | None = None
        self.executor: Executor | None = None
        self.pool: Pool | None = None
