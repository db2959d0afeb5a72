"""The same script, told the same, in this process and in one of its own: one outcome, one story.

Every field of `RunSettings` and every method of `RunListener` is in at least one case; a test says
so, so that a new one cannot be forgotten on the way to the script's process.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from listeners import Recorder

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, LimitExceeded
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.settings import JournalSettings, RunSettings
from kosmo_circleci.runtime import Runtime

CIRCLECI: Final = "local circleci = app.integrations.circleci "
WRITE: Final = CIRCLECI + "return circleci.delete_context('context-uuid')"
MEBIBYTE: Final = 1024 * 1024
MODULE: Final = """local M = {}
function M.hi() return "hi" end
function M.fail() error("boom") end
function M.trace() local t = {} return t.x.y end
return M
"""


class Case(NamedTuple):
    """A script, how it is told to run, and how a person answers its questions."""

    code: str
    settings: RunSettings = RunSettings()
    consent: Consent | None = None


CASES: Final = {
    "name": Case("error('boom')", RunSettings(name="nightly.lua")),
    "account": Case(
        CIRCLECI + "return circleci.get_current_user().login", RunSettings(account="work")
    ),
    "an unknown account": Case("return 1", RunSettings(account="nobody")),
    "force": Case(WRITE, RunSettings(force=True)),
    "writes": Case(WRITE, RunSettings(force=True, writes=("rerun_workflow",))),
    "workflows_trust_bypassed": Case("return 1", RunSettings(workflows_trust_bypassed=True)),
    "trust_mcp": Case("return mcp.servers()", RunSettings(trust_mcp=True)),
    "args": Case(
        "return args, #args.list, args.list[2] == nil",
        RunSettings(args={"text": "ä\udcff", "list": [1, None, {}], "number": 1.5, "none": None}),
    ),
    "limits: memory": Case(
        "local t = {} for n = 1, 1e7 do t[n] = {n} end",
        RunSettings(limits=Limits(memory_bytes=8 * MEBIBYTE)),
    ),
    "limits: CPU": Case("print('a') while true do end", RunSettings(limits=Limits(cpu_s=0.2))),
    "limits: time": Case("print('a') while true do end", RunSettings(limits=Limits(timeout_s=0.4))),
    "limits: output": Case(
        "for n = 1, 100 do print(n) end", RunSettings(limits=Limits(output_bytes=50))
    ),
    "integrations": Case("return app.integrations", RunSettings(integrations=False)),
    "mcp": Case("return mcp.servers()", RunSettings(mcp=False)),
    "pretty": Case("return {b = 1, a = {}}", RunSettings(pretty=True)),
    "keep_output": Case("print('heard') return 1", RunSettings(keep_output=False)),
    "keep_state": Case("x = (x or 0) + 1 return x", RunSettings(keep_state=True)),
    "keep_consent": Case(WRITE, RunSettings(keep_state=True, keep_consent=True), consent="run"),
    "mask_source": Case(
        CIRCLECI + "circleci.upsert_context_env_var('context-uuid', 'A', 'hunter2!')",
        RunSettings(mask_source=True, force=True),
    ),
    "results": Case(
        "local ok, fault = pcall(function() return results.unknown end) "
        "local set = pcall(function() results.r1 = 1 end) "
        "return results.r1, results['r1'].b, fault.message, fault.type, set",
        RunSettings(results={"r1": '{"b": [], "n": null, "f": 1.0}'}),
    ),
    "no results": Case("return type(results)"),
    "secrets": Case(
        "print('it is hunter2!') return 'hunter2!'", RunSettings(secrets=("hunter2!",))
    ),
    "journal": Case(WRITE, RunSettings(journal=JournalSettings(plan="writes.plan"))),
    "rehearsal": Case(WRITE, RunSettings(rehearsal=True)),
    "here": Case("return pcall(app.integrations.circleci.here)", RunSettings(here=False)),
    "where it is": Case("return app.integrations.circleci.here()"),
    "item": Case("return item, item_index", RunSettings(item={"a": [1, None]}, item_index=3)),
    "traceparent": Case(
        CIRCLECI + "pcall(circleci.get_project, 'gh/acme/nowhere') "
        "return #flow.map({1, 2}, function() return circleci.get_current_user() end)",
        RunSettings(traceparent=f"00-{'a' * 32}-{'b' * 16}-01"),
    ),
    "files": Case(
        CIRCLECI + "files.write('a/b', 'x\\255') files.append('a/b', 'y') "
        "local job = {project_slug = 'gh/example-org/example-repo', job_number = 102} "
        "local function fetch(each) return files.download(each, each.path) end "
        "local sizes = flow.map(circleci.list_job_artifacts(job).items, fetch) "
        "return sizes, files.list(), {files.read('a/b'):byte(1, -1)}, pcall(files.read, '../x')",
        RunSettings(files="files"),
    ),
    "files_limit": Case("files.write('x', '12345')", RunSettings(files="files", files_limit=4)),
    "a folder of files that is gone": Case("return 1", RunSettings(files="gone")),
    "lua_path": Case(
        "local m = require('lib.m') return m.hi(), pcall(m.fail), m.trace()",
        RunSettings(lua_path=("modules",)),
    ),
    "modules": Case(
        "return require('carried')",
        RunSettings(modules={"carried": ("lib/carried.lua", "error('x')")}),
    ),
    "output and result": Case("print('a') print('b', {c = 1}) return 1, 'x', {}"),
    "a view": Case("return view({{id = 1}}, 'one row, ä\\n' .. ('x'):rep(100000))"),
    "a view given to exit": Case("exit(3, view({id = 1}, 'failed'))"),
    "a syntax error": Case("x = = 1"),
    "an error of a call": Case(CIRCLECI + "circleci.get_project('gh/acme/nowhere')"),
    "calls at once": Case(
        CIRCLECI + "return #flow.map({1, 2, 3}, function() return circleci.get_current_user() end)"
    ),
    "a wait": Case("flow.sleep(3) return 1"),
    "a change that flow sees": Case(
        CIRCLECI
        + "local p = circleci.trigger_pipeline({project_slug = 'gh/example-org/example-repo'}) "
        "return #flow.wait_pipeline(p.id)",
        RunSettings(force=True),
    ),
    "a pattern": Case("return regex.match('ab', '(?<x>b)').x"),
    "a question, yes": Case(WRITE, consent="run"),
    "a question, once": Case(WRITE, consent="once"),
    "a question, no": Case(WRITE, consent="no"),
    "a question nobody answers": Case(WRITE),
    "a secret": Case(
        "print('hunter2!') " + CIRCLECI + "circleci.upsert_context_env_var('context-uuid', 'A', "
        "'hunter2!') print('hunter2!') return 'hunter2!'",
        RunSettings(force=True),
    ),
}
CONFIG: Final[dict[str, Any]] = {
    "integrations": {
        "circleci": {
            "permissions": {"read": "allow", "write": "ask"},
            "accounts": {"work": {"token": "token-of-work-0123456789"}},
        }
    }
}


@pytest.fixture(params=["in-process", "isolated"])
def isolated(request: pytest.FixtureRequest) -> bool:
    return request.param == "isolated"


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Runtime]]:
    """Two runtimes of two worlds that begin alike: one to run in-process, one isolated."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "modules/lib").mkdir(parents=True)
    (tmp_path / "modules/lib/m.lua").write_text(MODULE)
    pair = [Runtime(config=CONFIG, simulate=True) for _ in range(2)]
    yield pair
    for each in pair:
        each.close()


def story(recorder: Recorder) -> list[tuple[str, object]]:
    """Return what a listener heard, without what is different each time."""
    told: list[tuple[str, object]] = []
    for name, value in recorder.events:
        if name == "call_started":
            told.append((name, value._replace(started_ms=0.0)))  # type: ignore[attr-defined]
        elif name == "call_ended":
            number, record = value  # type: ignore[misc]
            told.append((name, (number, record._replace(started_ms=0.0, duration_ms=0.0))))
        else:
            told.append((name, value))
    return told


def outcome(run: Run) -> dict[str, object]:
    """Return every field of a run but the measured ones."""
    fields = run._asdict()
    del fields["execution_time_ms"], fields["memory_usage"]
    records = fields["call_records"]
    fields["call_records"] = [each._replace(started_ms=0.0, duration_ms=0.0) for each in records]
    return fields


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_the_same_in_a_process_of_its_own(name: str, runtimes: list[Runtime]) -> None:
    code, settings, consent = CASES[name]
    here, apart = Recorder(consent), Recorder(consent)
    run = runtimes[0].run(code, settings, here)
    isolated_run = runtimes[1].run_isolated(code, settings, apart)

    assert outcome(isolated_run) == outcome(run)
    assert story(apart) == story(here)


def test_every_field_and_every_event_is_in_a_case(runtimes: list[Runtime]) -> None:
    default = RunSettings()
    changed = {
        field
        for case in CASES.values()
        for field in RunSettings._fields
        if getattr(case.settings, field) != getattr(default, field)
    }
    assert changed == set(RunSettings._fields)

    heard = set()
    for code, settings, consent in CASES.values():
        recorder = Recorder(consent)
        runtimes[0].run(code, settings, recorder)
        heard |= {name for name, _ in recorder.events}
    events = {name for name, _ in inspect.getmembers(RunListener, inspect.isfunction)}
    # A warning comes with the configuration, and only where a process reads it; see test_isolate.
    assert heard == events - {"warning", "log"}


@pytest.mark.parametrize("isolate", [False, True])
def test_an_earlier_deadline_and_an_earlier_limit_each_end_a_run(isolate: bool) -> None:
    runtime = Runtime(simulate=True)
    run = runtime.run_isolated if isolate else runtime.run
    for limit_s, deadline_s, named in ((0.3, 60, "0.3 s"), (60, 0.4, "0.4 s"), (None, 0.5, "0.5")):
        settings = RunSettings(limits=Limits(timeout_s=limit_s))
        ended = run("while true do end", settings, None, Deadline(deadline_s))
        assert (ended.error_type, named in str(ended.error)) == ("limit", True)
    runtime.close()


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("event", ["output", "call_started", "call_ended", "ask", "notice"])
def test_what_a_listener_raises_reaches_the_host_and_never_the_script(
    isolate: bool, event: str
) -> None:
    class Broken(Recorder):
        def fail(self, *_: object) -> None:
            raise ZeroDivisionError(event)

    broken = Broken("run")
    setattr(broken, event, broken.fail)
    runtime = Runtime(simulate=True)
    run = runtime.run_isolated if isolate else runtime.run
    code = CIRCLECI + (
        "while true do pcall(print, 'a') "
        "local ok, p = pcall(circleci.trigger_pipeline, 'gh/example-org/example-repo') "
        "if ok then pcall(flow.wait_pipeline, p.id) end end"
    )
    with pytest.raises(ZeroDivisionError, match=event):
        run(code, RunSettings(limits=Limits(timeout_s=20)), broken)
    assert run("return 1", RunSettings()).result == 1
    runtime.close()


@pytest.mark.parametrize("isolate", [False, True])
def test_a_run_that_ends_at_a_question_says_why(isolate: bool) -> None:
    runtime = Runtime(simulate=True)
    run = runtime.run_isolated if isolate else runtime.run
    for reason, error_type in (
        (LimitExceeded("The run took longer than 1 s."), "limit"),
        (Interrupted("Enough."), "interrupted"),
    ):
        deadline = Deadline()

        class Slow(RunListener):
            def ask(self, question: str, end: Any = deadline.cancel, why: Any = reason) -> Consent:
                end(why)
                return "no"

        ended = run(WRITE, RunSettings(), Slow(), deadline)
        assert (ended.error_type, ended.call_count) == (error_type, 0)
    runtime.close()


def test_one_runtime_is_one_simulated_world(isolated: bool) -> None:
    runtime = Runtime(simulate=True)
    create = "return app.integrations.circleci.create_context({name = 'made', owner_id = '%s'}).id"
    organization = runtime.run(
        "return app.integrations.circleci.get_project('gh/example-org/example-repo')"
        ".organization_id",
        RunSettings(),
    ).result
    forced = RunSettings(force=True)
    made = (runtime.run if isolated else runtime.run_isolated)(create % organization, forced)
    assert made.error is None
    for find in (runtime.run, runtime.run_isolated):
        code = f"return app.integrations.circleci.get_context('{made.result}').name"
        assert find(code, RunSettings()).result == "made"
    runtime.close()
