"""The state file: everything survives in it, and never a half-written file."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.snapshot import to_json
from kosmo_circleci.simulator.state import load, save
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import WireRequest

PROJECT = "/project/gh/example-org/example-repo"

Talk = Callable[..., tuple[int, Any]]


def talk_to(world: World) -> Talk:
    transport = SimulatorTransport(world)

    def talk(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = transport.send(
            WireRequest(
                method,
                f"https://circleci.com/api/v2{path}",
                {"Circle-Token": SIMULATED_TOKEN},
                None if body is None else encode(body).encode(),
            )
        )
        return answer.status, decode(answer.body) if answer.body else None

    return talk


@pytest.fixture
def busy() -> World:
    """A world in which something of every kind has happened."""
    world = seeded_world(3)
    talk = talk_to(world)
    for method, path, body in [
        ("POST", f"{PROJECT}/pipeline", {"branch": "slow/hold/x", "parameters": {"n": 1}}),
        ("POST", f"{PROJECT}/pipeline", {"branch": "error/x"}),
        ("POST", f"{PROJECT}/pipeline", {"branch": "setup/x"}),
        ("POST", f"{PROJECT}/pipeline", {"tag": "v1"}),
        ("POST", "/workflow/failed-workflow-uuid/rerun", {"from_failed": True}),
        ("POST", "/workflow/on-hold-workflow-uuid/approve/approval-uuid", None),
        ("POST", "/workflow/running-workflow-uuid/cancel", None),
        ("POST", "/organization", {"name": "acme", "vcs_type": "github"}),
        ("POST", "/organization/gh/acme/project", {"name": "web"}),
        ("POST", f"{PROJECT}/envvar", {"name": "API_URL", "value": "wért-1234"}),
        ("POST", f"{PROJECT}/checkout-key", {"type": "deploy-key"}),
        ("PATCH", f"{PROJECT}/settings", {"advanced": {"oss": True}}),
        ("POST", "/context", {"name": "staging", "owner": {"id": "org-uuid"}}),
        ("DELETE", "/schedule/schedule-uuid", None),
        ("PATCH", "/org/org-uuid/oidc-custom-claims", {"ttl": "2h"}),
    ]:
        status, answer = talk(method, path, body)
        assert status < 300, (path, answer)
    return world


def test_a_world_read_back_is_the_world_that_was_written(busy: World, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    save(busy, path)
    again = load(path)
    assert again is not None
    assert to_json(again) == to_json(busy)


def test_a_world_read_back_answers_and_goes_on_as_the_first_would(
    busy: World, tmp_path: Path
) -> None:
    path = tmp_path / "world.json"
    save(busy, path)
    again = load(path)
    assert again is not None
    first, second = talk_to(busy), talk_to(again)
    for method, target, body in [
        ("GET", f"{PROJECT}/pipeline", None),
        ("GET", f"{PROJECT}/envvar", None),
        ("GET", f"{PROJECT}/checkout-key", None),
        ("GET", f"{PROJECT}/schedule", None),
        ("GET", "/workflow/on-hold-workflow-uuid/job", None),
        ("POST", f"{PROJECT}/pipeline", {"branch": "main"}),
        ("GET", "/insights/gh/example-org/example-repo/flaky-tests", None),
        ("GET", f"{PROJECT}/schedule", None),
    ]:
        assert first(method, target, body) == second(method, target, body), target


def test_a_file_that_is_not_there_is_no_world(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing.json") is None


def test_only_the_owner_may_read_the_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text("{}")
    path.chmod(0o644)
    save(seeded_world(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["world.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "world.json", tmp_path / "world.json"
    link.symlink_to(target)
    save(seeded_world(), link)
    assert (link.is_symlink(), load(target) is not None) == (True, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value at line 1 column 1"),
        ("{", "Expecting property name enclosed in double quotes at line 1 column 2"),
        ("[]", "expected a world of format 1"),
        ('{"format": 2}', "expected a world of format 1"),
        ('{"format": 1}', "KeyError: 'users'"),
    ],
)
def test_a_file_that_holds_no_world_is_named_with_the_reason_and_the_way_out(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load(path)
    assert refusal.value.message == (
        f"The state file {path} does not hold a simulated world ({reason}). Name another file, or "
        "move this one away to start a new world."
    )
    assert path.read_text() == text


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda state: state["workflows"][0].pop(key)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.update(now_s="noon"),
        lambda state: state.update(user="nobody-uuid"),
        lambda state: state.update(tables=[]),
        lambda state: state["projects"][0].update(organization="nothing-uuid"),
        lambda state: state["workflows"][0].update(surprise=1),
        _without("jobs"),
        _without("created_s"),
    ],
)
def test_a_damaged_world_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None]
) -> None:
    state: Any = decode(encode(to_json(seeded_world())))
    damage(state)
    path = tmp_path / "world.json"
    path.write_text(encode(state))
    with pytest.raises(ConfigurationError, match="does not hold a simulated world"):
        load(path)


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "world.json"
    with pytest.raises(ConfigurationError) as refusal:
        save(seeded_world(), path)
    assert refusal.value.message == (f"The state file {path} cannot be written: {os.strerror(2)}.")
    with pytest.raises(ConfigurationError, match=r"cannot be read: .+\.$"):
        load(tmp_path)


def test_time_continues_from_where_it_was(tmp_path: Path) -> None:
    path, world, elapsed_s = tmp_path / "world.json", seeded_world(), [30.0]
    world.clock.advance(12.5)
    save(world, path)
    again = load(path, Clock(elapsed_s=lambda: elapsed_s[0]))
    assert again is not None
    assert again.clock.exact_now_s == 12.5
    elapsed_s[0] = 60.0
    again.clock.tick()
    assert again.clock.exact_now_s == 42.5
