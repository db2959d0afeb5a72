"""A pytest plugin for your own workflow files: each test gets a simulated CircleCI of its own.

    # conftest.py
    pytest_plugins = ["kosmo_circleci.simulator.pytest_plugin"]

    # test_release.py
    def test_a_release_waits_for_its_approval(simulated_circleci):
        run = simulated_circleci.run_file("release.lua", branch="hold/release")
        assert run.result["status"] == "on_hold"

Nothing of the machine is read: no configuration, no token, no network. Writes need no `force`.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from kosmo_circleci.bridge import Bridge
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.simulator.conditions import Conditions, Gate
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.simulator.world import World

_EVERYTHING_ALLOWED: Final[dict[str, JsonValue]] = {
    "integrations": {"circleci": {"permissions": {"read": "allow", "write": "allow"}}}
}


class SimulatedCircleCI:
    """A simulated CircleCI, and the bridge that scripts reach it by.

    `bridge` is an ordinary `Bridge`; `world` is what the simulation knows, to look into.
    """

    def __init__(self, seed: int = 0, conditions: Conditions | None = None) -> None:
        """Begin a new world, the same for the same `seed`.

        `conditions` make the way there difficult; latency and rate limit are in simulated time.
        """
        world = seeded_world(seed)
        gate = Gate(
            conditions or Conditions(),
            now_s=lambda: world.clock.exact_now_s,
            sleep=world.clock.advance,
        )
        self.transport = SimulatorTransport(world, gate=gate)
        self.bridge = Bridge(
            simulate=True, config=_EVERYTHING_ALLOWED, environ={}, transport=self.transport
        )

    @property
    def world(self) -> World:
        """The state of the simulation: `world.projects`, `world.contexts`, …"""
        return self.transport.world

    def run(self, code: str, **arguments: str) -> Run:
        """Run Lua code; `arguments` are the strings of its table `args`."""
        return self.bridge.run(code, args=arguments)

    def run_file(self, path: str | Path, **arguments: str) -> Run:
        """Run a workflow file as `kosmo integrations:lua FILE --arg KEY=VALUE` does.

        Raises `OSError` for a file that cannot be read.
        """
        return self.bridge.run_file(path, args=arguments)

    def call(self, function: str, arguments: Mapping[str, JsonValue] | None = None) -> Any:
        """Call one function and return its answer: `call("get_pipeline", {"pipeline_id": …})`."""
        return self.bridge.call(function, arguments)

    def advance(self, seconds: float) -> None:
        """Let so many simulated seconds pass."""
        self.transport.advance(seconds)


class JournalReplay:
    """A recorded run that answers every call of a script; nothing is sent, and no time passes."""

    def __init__(self, bridge: Bridge, journal: str | Path) -> None:
        self._bridge = bridge
        self._journal = journal

    def run(self, code: str, **arguments: str) -> Run:
        """Run Lua code; `arguments` are the strings of its table `args`."""
        return self._bridge.run(code, args=arguments, replay=self._journal)

    def run_file(self, path: str | Path, **arguments: str) -> Run:
        """Run a workflow file. Raises `OSError` for one that cannot be read."""
        return self._bridge.run_file(path, args=arguments, replay=self._journal)


@pytest.fixture
def journal_replay() -> Iterator[Callable[[str | Path], JournalReplay]]:
    """Return what opens a journal as the only source of answers: `journal_replay(path)`."""
    with Bridge(config=_EVERYTHING_ALLOWED, environ={}) as bridge:
        yield lambda path: JournalReplay(bridge, path)


@pytest.fixture
def simulated_circleci_seed() -> int:
    """The seed of the simulated world. Define a fixture of this name to choose another."""
    return 0


@pytest.fixture
def simulated_circleci_conditions() -> Conditions:
    """How difficult the way is. Define a fixture of this name for faults and limits."""
    return Conditions()


@pytest.fixture
def simulated_circleci(
    simulated_circleci_seed: int, simulated_circleci_conditions: Conditions
) -> Iterator[SimulatedCircleCI]:
    """A simulated CircleCI for one test, as new as on its first day."""
    simulated = SimulatedCircleCI(simulated_circleci_seed, simulated_circleci_conditions)
    with simulated.bridge:
        yield simulated
