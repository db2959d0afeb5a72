"""Fleets on every executor: rows, limits, deaths of workers, and the end of it all."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, Interrupted, UsageError
from kosmo_circleci.fleet.assignment import Assignment
from kosmo_circleci.fleet.executors import RemoteEngine, open_engine
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.fleet.rows import Row
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

FACTORY = "fleet_factories:processes"
LOGIN = "return app.integrations.circleci.get_current_user().login .. item .. item_index"


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
    with Bridge(simulate=True) as simulated:
        yield simulated


def ordered(rows: Any) -> list[Row]:
    return sorted(rows, key=lambda row: row.index)


@pytest.mark.parametrize("executor", ["processes", "threads", FACTORY])
def test_every_executor_gives_the_same_rows(executor: str, bridge: Bridge) -> None:
    code = "print('line ' .. item) if item == 'c' then error('boom') end " + LOGIN
    rows = ordered(bridge.map(code, ["a", "b", "c"], executor=executor, jobs=2))
    assert [(row.index, row.item, row.success, row.output, row.call_count) for row in rows] == [
        (1, "a", True, "line a", 1),
        (2, "b", True, "line b", 1),
        (3, "c", False, "line c", 0),
    ]
    assert [row.result_json for row in rows] == ['"example-usera1"', '"example-userb2"', "null"]
    assert (rows[2].error, rows[2].error_type) == ("script:1: boom", "runtime")


def test_each_item_has_a_state_and_limits_of_its_own(bridge: Bridge) -> None:
    code = "x = (x or 0) + 1 if item == 2 then while true do end end return x"
    rows = ordered(bridge.map(code, [1, 2, 3], jobs=1, limits=Limits(cpu_s=0.3)))
    assert [(row.success, row.error_type) for row in rows] == [
        (True, None),
        (False, "limit"),
        (True, None),
    ]
    assert [row.result_json for row in rows] == ["1", "null", "1"]


def test_items_of_one_bridge_share_its_simulated_world(bridge: Bridge) -> None:
    create = """
        local project = app.integrations.circleci.get_project("gh/example-org/example-repo")
        local owner = project.organization_id
        return app.integrations.circleci.create_context({name = item, owner_id = owner}).id
    """
    rows = list(bridge.map(create, ["one", "two"], force=True))
    assert [row.error for row in rows] == [None, None]
    for row in rows:
        name = bridge.call("get_context", {"context_id": row.result_json.strip('"')})["name"]
        assert name == row.item
    assert [row.writes.done for row in rows] == [1, 1]


def test_the_first_row_comes_before_the_last_input_is_read(bridge: Bridge) -> None:
    first_row = threading.Event()

    def slowly() -> Iterator[int]:
        yield 1
        assert first_row.wait(30)
        yield 2

    rows = bridge.map("return item", slowly(), jobs=1)
    assert next(rows).index == 1
    first_row.set()
    assert next(rows).index == 2


def test_no_more_inputs_are_read_than_can_run_soon(bridge: Bridge) -> None:
    read: list[int] = []

    def many() -> Iterator[int]:
        for number in range(10_000):
            read.append(number)
            yield number

    rows = bridge.map("return item", many(), jobs=2, executor="threads")
    for _ in range(5):
        next(rows)
    assert len(read) < 40
    rows.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("executor", ["processes", "threads"])
def test_an_interrupted_fleet_ends_within_two_seconds(bridge: Bridge, executor: str) -> None:
    deadline = Deadline()
    code = "if item == 1 then return 1 end while true do end"
    rows = bridge.map(code, range(1, 100), jobs=3, executor=executor, deadline=deadline)
    assert next(rows).success
    started = time.monotonic()
    deadline.cancel(Interrupted("Enough."))
    rest = list(rows)
    assert time.monotonic() - started < 2
    assert {row.error_type for row in rest} <= {"interrupted"}
    assert len(rest) <= 6


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    texts = []
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            texts.append((task / "children").read_text())
    return [int(each) for text in texts for each in text.split()]


@pytest.mark.parametrize(
    ("before", "success", "unknown"),
    [
        ("", True, 0),
        (
            "app.integrations.circleci.upsert_context_env_var('context-uuid', 'A', 'value-of-a')",
            False,
            1,
        ),
    ],
)
def test_a_process_that_is_killed_runs_once_more_unless_it_has_written(
    bridge: Bridge, before: str, success: bool, unknown: int
) -> None:
    mine = set(children_of(os.getpid()))

    def kill_once() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            started = set(children_of(os.getpid())) - mine
            if started:
                time.sleep(0.6)
                os.kill(started.pop(), signal.SIGKILL)
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_once)
    killer.start()
    code = before + " local t = os.clock() while os.clock() < t + 1.2 do end return 'ran'"
    [row] = bridge.map(code, ["only"], jobs=1, force=True)
    killer.join()
    assert (row.success, row.writes.unknown) == (success, unknown)
    assert success or "may have changed something" in str(row.error)


class Dying:
    """An executor whose worker dies with the first task of each kind it is given."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, *_: object) -> Any:
        self.submitted += 1
        raise AssertionError


@pytest.mark.parametrize(("simulate", "again"), [(True, True), (False, False)])
def test_a_worker_elsewhere_that_dies_is_replaced_where_nothing_could_be_written(
    simulate: bool, again: bool
) -> None:
    engine = RemoteEngine(Dying(), 1)  # type: ignore[arg-type]
    assignment = Assignment("return 1", RunSettings(), Item(1, "a"), simulate)
    row = engine.lost(assignment, RuntimeError("gone"))
    assert (row is None) == again
    lost = engine.lost(assignment, RuntimeError("gone"))  # the second time it is reported
    assert lost is not None
    assert (lost.success, lost.writes.unknown) == (False, 1)
    assert "RuntimeError: gone" in str(lost.error)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("proceses", "expected processes, threads, dask:ADDRESS, or module:factory"),
        ("no_such_module:factory", "No module named 'no_such_module'"),
        ("fleet_factories:nothing", "has no attribute 'nothing'"),
        ("fleet_factories:NUMBER", "NUMBER is not a function"),
        ("fleet_factories:not_an_executor", "expected a concurrent.futures.Executor"),
    ],
)
@pytest.mark.usefixtures("bridge")
def test_an_executor_that_cannot_be_had_says_why(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace(".", r"\.")):
        open_engine(spec, Runtime(simulate=True), Deadline(), 1)


@pytest.mark.usefixtures("bridge")
def test_a_factory_that_fails_is_reported_with_its_fault() -> None:
    with pytest.raises(ConfigurationError, match=r"failing\(\) failed: RuntimeError: the cluster"):
        open_engine("fleet_factories:failing", Runtime(simulate=True), Deadline(), 1)


def test_an_executor_that_takes_no_more_work_ends_the_fleet(bridge: Bridge) -> None:
    rows = bridge.map("return item", ["a", "b"], executor="fleet_factories:gone")
    with pytest.raises(
        ConfigurationError, match=r"fleet_factories:gone takes no more work: Broken"
    ):
        list(rows)


def test_the_processes_of_an_executor_have_ended_when_a_fleet_is_closed() -> None:
    processes = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    worker = processes.submit(os.getpid).result()
    RemoteEngine(processes, 1).close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
