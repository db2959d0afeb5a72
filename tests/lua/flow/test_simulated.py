"""flow in the simulator: time passes without being waited for, and the same way every time."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import LimitExceeded
from kosmo_circleci.lua.calls import Clock


@pytest.fixture
def simulated() -> Iterator[Bridge]:
    with Bridge(simulate=True) as bridge:
        yield bridge


def run(bridge: Bridge, code: str) -> Any:
    done = bridge.run("local circleci = app.integrations.circleci " + code, force=True)
    assert done.error is None
    return done.result


def test_sleep_moves_the_simulated_time(simulated: Bridge) -> None:
    began = time.monotonic()

    created = run(
        simulated,
        """
        local function trigger()
          return circleci.trigger_pipeline("gh/example-org/example-repo").created_at
        end
        local before = trigger()
        flow.sleep(24 * 3600)
        return {before, trigger()}
        """,
    )

    assert [each[:10] for each in created] == ["2025-01-15", "2025-01-16"]
    assert time.monotonic() - began < 5


def test_a_pipeline_is_waited_for_in_no_time(simulated: Bridge) -> None:
    began = time.monotonic()

    statuses = run(
        simulated,
        """
        local pipeline = circleci.trigger_pipeline({
          project_slug = "gh/example-org/example-repo", branch = "main",
        })
        local names = {}
        for _, workflow in ipairs(flow.wait_pipeline(pipeline.id)) do
          names[#names + 1] = workflow.status
        end
        return names
        """,
    )

    assert statuses == ["success"]
    assert time.monotonic() - began < 5


def test_a_timeout_of_an_hour_comes_at_once(simulated: Bridge) -> None:
    began = time.monotonic()

    kind = run(
        simulated,
        """
        local function nothing() end
        local ok, e = pcall(flow.wait, nothing, nothing, {timeout = 3600, interval = 0.4})
        return e.type
        """,
    )

    assert kind == "limit"
    assert time.monotonic() - began < 5


def test_pauses_in_branches_pass_side_by_side(simulated: Bridge) -> None:
    order = run(
        simulated,
        """
        local order = {}
        flow.map({30, 10, 20}, function(seconds)
          flow.sleep(seconds)
          order[#order + 1] = seconds
        end)
        return order
        """,
    )

    assert order == [10, 20, 30]


def test_a_map_is_the_same_in_every_run() -> None:
    code = """
        local slugs = {}
        for n = 1, 30 do slugs[n] = "gh/example-org/example-repo" end
        return flow.map(slugs, function(slug, n)
          if n % 3 == 0 then flow.sleep(n) end
          local pipeline = circleci.trigger_pipeline({project_slug = slug})
          return {pipeline.id, pipeline.number, pipeline.created_at}
        end)
    """

    def once() -> Any:
        with Bridge(simulate=True) as bridge:
            return run(bridge, code)

    assert once() == once()


class Moved:
    """A simulated time with whole seconds."""

    def __init__(self) -> None:
        self.now = 100

    def advance(self, seconds: int) -> None:
        self.now += seconds


def test_parts_of_a_second_add_up() -> None:
    time_of_simulator = Moved()
    clock = Clock(lambda: time_of_simulator.now, time_of_simulator.advance)

    seen = []
    for _ in range(4):
        clock.sleep(Deadline(), 0.4)
        seen.append((round(clock.now_s(), 6), time_of_simulator.now))

    assert seen == [(100.4, 100), (100.8, 100), (101.2, 101), (101.6, 101)]


def test_simulated_time_does_not_pass_after_the_end_of_the_run() -> None:
    time_of_simulator = Moved()
    clock = Clock(lambda: time_of_simulator.now, time_of_simulator.advance)

    with pytest.raises(LimitExceeded):
        clock.sleep(Deadline(0), 5)

    assert time_of_simulator.now == 100
