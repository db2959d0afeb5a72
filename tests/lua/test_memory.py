"""Memory of Lua that runs out while the host is at work for the script.

Lua then jumps to the script's `pcall`. If frames of Python lie between, the interpreter is in
ruins, so each case runs in a process of its own: a regression ends that, not the tests.
"""

import json
import subprocess
import sys

import pytest

from kosmo_circleci import Bridge, Limits

PATIENCE_S = 30.0

# Fills the memory to the brim, then makes a little more room with every call.
SCRIPT = """
local pcall, rep, char, kept, ballast, n, size = pcall, string.rep, string.char, {}, {}, 0, 1 << 20
local text, slug, circleci = args.text, ("x"):rep(200), app.integrations.circleci
for i = 1, 3000 do kept[i] = false end
local function add() kept[n + 1] = rep(char(65 + n % 20), size + n % 13) n = n + 1 end
local function work() return WORK end
pcall(work)
for i = 1, 300 do ballast[i] = rep("b", 300 + i) end
while size >= 16 do
  if not pcall(add) then size = size // 2 end
end
local failed, went_well, other = 0, 0, nil
for i = 1, 300 do
  ballast[i] = false
  local ok, e = pcall(work)
  if ok then
    went_well = went_well + 1
  elseif e == "not enough memory" then
    failed = failed + 1
  else
    other = e
  end
  e = nil
end
kept, ballast = nil, nil
return failed + went_well, went_well > 0, tostring(other)
"""

PROGRAM = """
import sys
from kosmo_circleci import Bridge, Limits
with Bridge(simulate=True) as bridge:
    text = "[" + '1,{"a":[null]},' * 40 + "1]"
    run = bridge.run(sys.argv[1], args={"text": text}, limits=Limits(memory_bytes=3 << 20))
    print(run.to_json())
"""

WORK = {
    "json.decode": "json.decode(text)",
    "json.decode in a coroutine": "coroutine.wrap(function() return json.decode(text) end)()",
    "json.encode": "json.encode({text, text})",
    "regex.match_all": "regex.match_all(text, '[0-9]')",
    "regex.gsub": "regex.gsub(text, '1', function(m) return m[1] end)",
    "regex.split": "regex.split(text, ',')",
    "docs.read": "docs.read('circleci.get_pipeline')",
    "docs.search": "docs.search('cancel a job')",
    "print": "print(text)",
    "a call": "circleci.get_pipeline('pipeline-uuid')",
    "flow.map": "flow.map({1, 2, 3}, function() return circleci.get_current_user() end)",
    "flow.all": "flow.all(circleci.list_pipeline_workflows, {pipeline_id = 'pipeline-uuid'})",
}
REFUSED = {
    "json.decode of nonsense": "json.decode('[')",
    "an unknown name": "circleci.get_pipelin",
    "a project that is not there": "circleci.get_project('gh/a/b')",
    "a page that is not there": "docs.read(slug)",
    "a bad pattern": "regex.match(text, '(')",
}


def _run(work: str) -> dict[str, object]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, SCRIPT.replace("WORK", work)],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    envelope: dict[str, object] = json.loads(ended.stdout)
    return envelope


@pytest.mark.parametrize("work", WORK)
def test_memory_that_runs_out_in_the_host_is_an_error_in_lua(work: str) -> None:
    envelope = _run(WORK[work])

    if envelope["error_type"] != "limit":  # at the brim, it may run out between two calls
        assert (envelope["error"], envelope["result"]) == (None, [300, True, "nil"])


@pytest.mark.parametrize("work", REFUSED)
def test_an_error_of_the_host_needs_memory_too(work: str) -> None:
    envelope = _run(REFUSED[work])

    if envelope["error_type"] == "limit":
        return
    assert envelope["error"] is None
    assert isinstance(envelope["result"], list)
    failed, went_well, other = envelope["result"]
    assert (failed < 300, went_well) == (True, False)
    assert other != "nil"


@pytest.mark.parametrize("memory_bytes", [1, 1000, 100_000])
def test_a_limit_too_small_to_start_is_told(memory_bytes: int) -> None:
    program = PROGRAM.replace("3 << 20", str(memory_bytes))
    ended = subprocess.run(
        [sys.executable, "-c", program, "return 1"],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
    envelope = json.loads(ended.stdout)
    assert (envelope["error_type"], envelope["result"]) == ("limit", None)
    assert "--memory-limit" in envelope["error"]


@pytest.mark.parametrize("isolate", [False, True])
def test_a_limit_beyond_any_machine_is_no_limit(bridge: Bridge, isolate: bool) -> None:
    run = bridge.run("return 1", limits=Limits(memory_bytes=10**25), isolate=isolate)

    assert (run.error, run.result) == (None, 1)
