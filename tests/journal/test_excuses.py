"""A recorded answer excuses one call of the same content from the permission question, no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci import Bridge

FUNCTIONS: Final = """local c = app.integrations.circleci
local function t() return c.trigger_pipeline({project_slug = 'gh/example-org/example-repo'}) end
local function d() return c.delete_context('context-uuid') end
local function w(value) return c.upsert_context_env_var('context-uuid', 'A', value) end
"""
REFUSED: Final = "permission"

# name: (what was run with leave, what is resumed without, how that ends, answers from the record)
CASES: Final = {
    "the same call": ("t()", "t()", None, 1),
    "the same call by its account's path": (
        "t()",
        "c.default.trigger_pipeline({project_slug = 'gh/example-org/example-repo'})",
        None,
        1,
    ),
    "once more": ("t()", "t() t()", REFUSED, 1),
    "once more than twice": ("t() t()", "t() t() t()", REFUSED, 2),
    "once more, caught": ("t()", "t() for n = 1, 9 do pcall(t) end", None, 1),
    "at once": ("t()", "flow.map({1, 2}, t)", REFUSED, 0),
    "at once, caught": ("t()", "flow.map({1, 2, 3}, function() pcall(t) end)", None, 1),
    "promised and not kept, again and again": (
        "t()",
        "for n = 1, 9 do pcall(flow.map, {1, 2}, t) end",
        None,
        0,
    ),
    "at once, one of them late": (
        "t()",
        "flow.map({2, 1}, function(n) flow.sleep(n) return t() end)",
        REFUSED,
        1,
    ),
    "in a coroutine, then outside": ("t()", "coroutine.wrap(t)() t()", REFUSED, 1),
    "after a wait for it": ("t()", "flow.retry(t) flow.retry(t)", REFUSED, 1),
    "a raw call to the same address": (
        "t()",
        "c.api_post('/project/gh/example-org/example-repo/pipeline', {body = {}})",
        REFUSED,
        0,
    ),
    "another spelling of the project": (
        "t()",
        "c.trigger_pipeline({project_slug = 'github/example-org/example-repo'})",
        REFUSED,
        0,
    ),
    "another field": (
        "t()",
        "c.trigger_pipeline({project_slug = 'gh/example-org/example-repo', parameters = {}})",
        REFUSED,
        0,
    ),
    "another secret": ("w('hunter2!!')", "w('hunter3!!')", REFUSED, 0),
    "the mask of the secret": ("w('hunter2!!')", "w('***')", REFUSED, 0),
    "another function": ("t()", "d()", REFUSED, 0),
    "another server's answer": ("pcall(c.delete_context, 'x')", "d()", REFUSED, 0),
    "a deletion, twice": ("d()", "d() d()", REFUSED, 1),
}


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as shared:
        yield shared


@pytest.mark.parametrize("name", CASES)
def test_a_changed_script_makes_no_write_that_nobody_approved(
    name: str, bridge: Bridge, tmp_path: Path
) -> None:
    first, second, error_type, replayed = CASES[name]
    file = tmp_path / "run.journal"
    recorded = bridge.run(FUNCTIONS + first + " error('stop')", journal=file, force=True)
    assert "stop" in str(recorded.error)
    resumed = bridge.run(FUNCTIONS + second, journal=file, resume=True)
    assert resumed.error_type == error_type, resumed.error
    assert resumed.writes == (0, 0, 0)
    assert resumed.call_log == []
    assert resumed.journal["journal"]["replayed"] == replayed  # type: ignore[index, call-overload]


def test_a_header_holds_for_what_the_record_would_answer(bridge: Bridge, tmp_path: Path) -> None:
    from kosmo_circleci.run.settings import JournalSettings, RunSettings
    from kosmo_circleci.runtime import Runtime

    file = str(tmp_path / "run.journal")
    bridge.run(FUNCTIONS + "t() error('stop')", name="s", journal=file, force=True)
    journal = JournalSettings(file, resume=True)
    runtime = Runtime(simulate=True)
    run = runtime.run(FUNCTIONS + "t()", RunSettings("s", journal=journal, writes=()))
    runtime.close()
    assert (run.error_type, "@writes" in str(run.error)) == ("permission", True)
