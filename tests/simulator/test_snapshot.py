"""A snapshot is the whole world: a transport that restores it answers as the first one does."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse
from tests.simulator.test_every_operation import FUNCTIONS, request_for

PROJECT = "/project/gh/example-org/example-repo"

Ask = Callable[..., tuple[int, Any]]


def send(transport: SimulatorTransport, method: str, path: str, body: Any = None) -> WireResponse:
    return transport.send(
        WireRequest(
            method,
            f"https://circleci.com{path if path.startswith('/api/') else f'/api/v2{path}'}",
            {"Circle-Token": SIMULATED_TOKEN},
            None if body is None else encode(body).encode(),
        )
    )


def copy_of(transport: SimulatorTransport) -> SimulatorTransport:
    """Return another transport with the same world, by way of JSON text as between processes."""
    other = SimulatorTransport(seed=99)
    snapshot = decode(encode(transport.snapshot()))
    assert isinstance(snapshot, dict)
    other.restore(snapshot)
    return other


def test_every_operation_is_answered_alike_after_a_snapshot() -> None:
    first = SimulatorTransport(seed=3)
    first.advance(7.5)
    for function in FUNCTIONS:  # reads and writes, each on what the ones before it left
        second = copy_of(first)
        path, query, body = request_for(function)
        search = f"?{urlencode(query)}" if query else ""
        target = f"{path}{search}", body if function.has_body else None
        answers = [send(each, function.method, *target) for each in (first, second)]
        assert answers[0] == answers[1], function.name
        assert second.snapshot() == first.snapshot(), function.name


def test_a_snapshot_does_not_change_with_its_world() -> None:
    transport = SimulatorTransport()
    send(transport, "GET", f"{PROJECT}/schedule")  # the rows of a table are made when first read
    snapshot = transport.snapshot()
    before = encode(snapshot)
    new_timetable = {"timetable": {"per-hour": 9, "hours-of-day": [1]}}
    assert send(transport, "PATCH", "/schedule/schedule-uuid", new_timetable).status == 200
    assert send(transport, "POST", f"{PROJECT}/envvar", {"name": "A", "value": "b"}).status == 201
    assert encode(snapshot) == before


def test_a_restored_world_does_not_change_its_snapshot() -> None:
    transport = SimulatorTransport()
    send(transport, "GET", f"{PROJECT}/schedule")
    snapshot = transport.snapshot()
    before = encode(snapshot)
    other = SimulatorTransport()
    other.restore(snapshot)
    new_timetable = {"timetable": {"per-hour": 9, "hours-of-day": [1]}}
    assert send(other, "PATCH", "/schedule/schedule-uuid", new_timetable).status == 200
    assert encode(snapshot) == before


def test_what_another_process_did_is_there_when_its_world_comes_back() -> None:
    here = SimulatorTransport()
    there = copy_of(here)
    created = decode(send(there, "POST", f"{PROJECT}/pipeline", {"branch": "fail/x"}).body)
    assert isinstance(created, dict)
    there.advance(600)
    here.restore(there.snapshot())
    assert here.now_s() == there.now_s()
    answer = decode(send(here, "GET", f"/pipeline/{created['id']}/workflow").body)
    assert isinstance(answer, dict)
    items: Any = answer["items"]
    assert [each["status"] for each in items] == ["failed"]


def test_a_restored_world_moves_on_as_its_transport_does() -> None:
    elapsed_s = [0.0]
    clock = Clock(elapsed_s=lambda: elapsed_s[0])
    real_time = SimulatorTransport(seeded_world(clock=clock))
    other = SimulatorTransport()
    other.advance(100)
    real_time.restore(other.snapshot())
    elapsed_s[0] = 2.5
    send(real_time, "GET", "/me")
    assert real_time.now_s() == 102.5


@pytest.mark.parametrize("data", [{}, {"format": 1}, {"format": 2}, {"format": 1, "users": 3}])
def test_what_is_not_a_snapshot_is_refused_and_changes_nothing(data: Any) -> None:
    transport = SimulatorTransport()
    before = transport.snapshot()
    with pytest.raises(ValueError, match=r"expected a world of format 1|Error: "):
        transport.restore(data)
    assert transport.snapshot() == before
