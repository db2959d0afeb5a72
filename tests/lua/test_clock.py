"""The time and the chance of a script: simulated with --simulate, repeated in a journaled run."""

from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import Bridge

DRAWS = """
local drawn = {}
for n = 1, 200 do
  local float, die, wide = math.random(), math.random(6), math.random(-3, 3)
  assert(float >= 0 and float < 1 and math.type(float) == "float")
  assert(die >= 1 and die <= 6 and math.type(die) == "integer")
  assert(wide >= -3 and wide <= 3)
  drawn[n] = die
end
assert(math.type(math.random(0)) == "integer")
assert(math.random(7, 7) == 7)
assert(math.random(math.mininteger, math.maxinteger) ~= nil)
local branches = flow.map({1, 2, 3}, function() return math.random(1 << 40) end)
math.randomseed(42)
local seeded = math.random(1 << 40)
math.randomseed(42)
assert(seeded == math.random(1 << 40))
math.randomseed()
local now = os.time()
flow.sleep(90)
if args.fail then error("no") end
return {drawn, branches, seeded, math.random(1 << 40), now, os.time() - now, os.date("!%Y", 0)}
"""


def run(bridge: Bridge, code: str, **options: Any) -> Any:
    ended = bridge.run(code, **options)
    assert ended.error is None, ended.error
    return ended.result


def test_a_journaled_run_draws_from_a_generator_of_its_own(tmp_path: Path) -> None:
    with Bridge(simulate=True) as bridge:
        file = tmp_path / "j"
        failed = bridge.run(DRAWS, name="d.lua", journal=file, args={"fail": True})
        assert failed.error is not None
        resumed = run(bridge, DRAWS, name="d.lua", journal=file, resume=True)
        replayed = run(bridge, DRAWS, name="d.lua", replay=file)
        other = run(bridge, DRAWS, name="d.lua", journal=tmp_path / "other")
    assert replayed == resumed
    drawn, branches, seeded, after, _, waited, year = resumed
    assert len(set(drawn)) == 6
    assert len(set(branches)) == 3
    assert (waited, year) == (90, "1970")
    assert other[0] != drawn
    assert other[3] != after
    assert other[2] == seeded  # what the script seeds itself is the same everywhere


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("math.random(0.5)", "bad argument #1 to 'random' (number has no integer representation)"),
        ("math.random('x')", "bad argument #1 to 'random' (number expected, got string)"),
        ("math.random(2, 1)", "bad argument #1 to 'random' (interval is empty)"),
        ("math.random(-1)", "bad argument #1 to 'random' (interval is empty)"),
        ("math.random(1, 2, 3)", "wrong number of arguments"),
    ],
)
def test_a_journaled_run_refuses_what_lua_refuses(code: str, message: str, tmp_path: Path) -> None:
    with Bridge(simulate=True) as bridge:
        plain = bridge.run(code)
        journaled = bridge.run(code, journal=tmp_path / "j")
    assert journaled.error == plain.error == f"script:1: {message}"


def test_simulated_time_is_the_scripts_time() -> None:
    with Bridge(simulate=True) as bridge:
        began, later, date = run(
            bridge,
            "local t = os.time() flow.sleep(3600) return t, os.time(), os.date('!%Y-%m-%d')",
        )
    assert later - began == 3600
    assert date == "2025-01-15"


def test_waits_that_have_passed_are_not_waited_for_again(tmp_path: Path) -> None:
    code = """
    local began = os.time()
    flow.map({1, 2}, function(item) flow.sleep(item * 1000) end)
    flow.sleep(500)
    if args.fail then error("no") end
    return os.time() - began
    """
    with Bridge(simulate=True) as bridge:
        assert bridge.run(code, journal=tmp_path / "j", args={"fail": True}).error is not None
        clock = "return os.time()"
        before = run(bridge, clock)
        assert run(bridge, code, journal=tmp_path / "j", resume=True) == 2500
        assert run(bridge, clock) - before < 10
