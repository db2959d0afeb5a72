"""Loops that leave a hook no room end too, in the process of the host.

At the limit of nested C calls, and with the memory of Lua full, the hook that ends a run cannot be
called; its failure is an error that the loop catches. Each case runs in a process of its own: a
regression is a failure, not a test run that hangs.
"""

import json
import signal
import subprocess
import sys
import time

import pytest

PATIENCE_S = 30.0

PROGRAM = """
import sys
from kosmo_circleci import Bridge, Limits
with Bridge(simulate=True) as bridge:
    print("started", flush=True)
    limits = Limits(cpu_s=float(sys.argv[2]), memory_bytes=4 << 20)
    print(bridge.run(sys.argv[1], name="eval", limits=limits).to_json())
"""

SPIN = "local function spin() while true do end end "
FULL = """
local pcall, resume, kept, chain, size = pcall, coroutine.resume, {}, {}, 1 << 20
local function add() kept[#kept + 1] = ("x"):rep(size + #kept % 13) end
local function link() chain = {chain} end
local function fill()
  while size >= 16 do if not pcall(add) then size = size // 2 end end
  while pcall(link) do end
end
"""

NESTED = {
    "pcall": "local function nest() pcall(nest) while true do pcall(spin) end end nest()",
    "xpcall": "local function ignore() end local function nest() xpcall(nest, ignore) "
    "while true do xpcall(spin, ignore) end end nest()",
    "coroutines": "local co = coroutine local function nest() co.resume(co.create(nest)) "
    "while true do co.resume(co.create(spin)) end end nest()",
    "coroutine.close": "local function nest() local co = coroutine.create(function() "
    "local scope <close> = setmetatable({}, {__close = nest}) coroutine.yield() end) "
    "coroutine.resume(co) coroutine.close(co) while true do pcall(spin) end end nest()",
    "readers of load": "local function nest() load(nest) while true do load(spin) end end nest()",
    "string.gsub": "local function nest() pcall(string.gsub, 'x', 'x', nest) "
    "while true do pcall(spin) end end nest()",
    "table.sort": "local function nest() pcall(table.sort, {1, 2}, nest) "
    "while true do pcall(spin) end end nest()",
    "__index": "local function nest() pcall(function() "
    "return setmetatable({}, {__index = nest}).x end) while true do pcall(spin) end end nest()",
    "flow.retry": "local function nest() pcall(flow.retry, nest) "
    "while true do pcall(flow.retry, spin) end end nest()",
    "flow.map": "local collect = {errors = 'collect'} local function nest() "
    "flow.map({1}, nest, collect) while true do flow.map({1}, spin, collect) end end nest()",
    **{
        f"{depth} pcalls": "local function nest(left) if left == 0 then "
        f"while true do pcall(spin) end end return pcall(nest, left - 1) end nest({depth})"
        for depth in range(192, 197)
    },
}
BRIM = {
    "pcall": "fill() while true do pcall(spin) end",
    "xpcall": "local function ignore() end fill() while true do xpcall(spin, ignore) end",
    "a coroutine": "coroutine.wrap(function() fill() while true do pcall(spin) end end)()",
    "a loop of coroutines": "local threads = {} for i = 1, 100 do threads[i] = "
    "coroutine.create(spin) end fill() while true do for i = 1, 100 do resume(threads[i]) end end",
}


def start(code: str, cpu_s: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, code, str(cpu_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process: "subprocess.Popen[bytes]") -> tuple[str, str]:
    """Return the type and the text of the run's error."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    envelope = json.loads(out.splitlines()[-1])
    return envelope["error_type"], envelope["error"]


@pytest.mark.parametrize("nested", NESTED)
def test_a_loop_at_the_limit_of_nested_calls_meets_the_cpu_limit(nested: str) -> None:
    kind, text = ended(start(SPIN + NESTED[nested], 0.2))

    assert kind == "limit"
    assert "The script used more than 0.2 s of CPU time." in text


@pytest.mark.parametrize("catcher", BRIM)
def test_a_loop_with_no_memory_left_meets_a_limit(catcher: str) -> None:
    kind, text = ended(start(FULL + SPIN + BRIM[catcher], 0.2))

    assert kind == "limit"
    assert (
        "The script needed more memory than its limit of 4M." in text
        or "The script used more than 0.2 s of CPU time." in text
    )


@pytest.mark.parametrize("nested", ["pcall", "xpcall", "coroutines", "readers of load"])
def test_ctrl_c_reaches_a_loop_at_the_limit_of_nested_calls(nested: str) -> None:
    process = start(SPIN + NESTED[nested], PATIENCE_S)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    time.sleep(0.5)

    process.send_signal(signal.SIGINT)

    assert ended(process) == ("interrupted", "eval:1: Interrupted by Ctrl-C.")


def test_a_script_that_nests_too_deeply_may_catch_that_and_continue() -> None:
    code = """
        local depth = 0
        local function nest() depth = depth + 1 local ok, e = pcall(nest) return ok end
        nest()
        error("reached " .. tostring(depth > 150), 0)
    """

    assert ended(start(code, 5)) == ("runtime", "reached true")
