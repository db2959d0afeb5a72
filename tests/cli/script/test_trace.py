"""`--trace`: what a run did, as Chrome trace events."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listeners import Recorder

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.cli.script.timeline import Notice, Timeline, Wait, placed
from kosmo_circleci.cli.script.trace import chrome_trace
from kosmo_circleci.run.envelope import Run

GET = "app.integrations.circleci.get_pipeline"
LIST = "app.integrations.circleci.work.list_contexts"


def record(start_ms: float, duration_ms: float, name: str = GET, number: int = 0) -> CallRecord:
    arguments = f'{{"n":{number}}}'
    tool = f"circleci_{name.rpartition('.')[2]}"
    return CallRecord(
        name,
        tool,
        "default",
        "read",
        "none",
        "ok",
        200,
        duration_ms,
        1,
        start_ms,
        arguments,
    )


@pytest.mark.parametrize(
    ("spans", "lanes"),
    [
        ([], []),
        ([(0, 10), (10, 5), (20, 5)], [0, 0, 0]),
        ([(0, 10), (1, 10), (2, 10)], [0, 1, 2]),
        ([(0, 10), (1, 2), (3, 2), (4, 9)], [0, 1, 1, 2]),
        ([(5, 5), (0, 20)], [0, 1]),  # given out of order: placed in the order of their start
        ([(0, 1), (0, 1)], [0, 1]),
    ],
)
def test_calls_of_one_lane_do_not_overlap(
    spans: list[tuple[float, float]], lanes: list[int]
) -> None:
    assert [each.lane for each in placed(record(*span) for span in spans)] == lanes


def test_a_timeline_passes_on_what_it_hears() -> None:
    recorder = Recorder()
    timeline = Timeline(recorder)
    timeline.output("a line")
    timeline.notice("waiting")
    timeline.call_ended(0, record(3, 1))
    assert recorder.events == [
        ("output", "a line"),
        ("notice", "waiting"),
        ("call_ended", (0, record(3, 1))),
    ]
    # What the envelope has besides: a call that was open when the run was killed.
    run = Run(True, call_records=(record(3, 1), record(1, 9)))
    assert timeline.records(run) == [record(1, 9), record(3, 1)]
    assert timeline.printed(run) == "a line"
    assert [each.text for each in timeline.notices] == ["waiting"]


def test_a_wait_is_a_span_of_the_scripts_lane() -> None:
    timeline = Timeline()
    timeline.waits.append(Wait(12.5, 4000, "flow.wait_pipeline: look 2"))
    found = json.loads(chrome_trace(Run(True), timeline, "deploy.lua"))
    assert found["traceEvents"][-1] == {
        "name": "flow.wait_pipeline: look 2",
        "cat": "flow",
        "ph": "X",
        "ts": 12_500,
        "dur": 4_000_000,
        "pid": 1,
        "tid": 0,
    }


def test_the_trace_has_a_lane_for_each_slot_in_flight() -> None:
    timeline = Timeline()
    timeline.notices.append(Notice(4.5, "waiting for workflow build"))
    failed = record(2, 8, LIST)._replace(status="error", http_status=None, attempts=4)
    run = Run(
        False,
        error="eval:1: boom",
        error_type="runtime",
        execution_time_ms=12.25,
        call_count=2,
        call_records=(record(1, 3), failed),
    )
    found = json.loads(chrome_trace(run, timeline, "deploy.lua"))
    names = [event["args"]["name"] for event in found["traceEvents"] if event["ph"] == "M"]
    assert names == ["kosmo deploy.lua", "script", "in flight 1", "in flight 2"]
    assert [event for event in found["traceEvents"] if event["ph"] != "M"] == [
        {
            "name": "deploy.lua",
            "cat": "script",
            "ph": "X",
            "ts": 0,
            "dur": 12250,
            "pid": 1,
            "tid": 0,
            "args": {
                "success": False,
                "error": "eval:1: boom",
                "error_type": "runtime",
                "simulated": False,
            },
        },
        {
            "name": "get_pipeline",
            "cat": "ok",
            "ph": "X",
            "ts": 1000,
            "dur": 3000,
            "pid": 1,
            "tid": 1,
            "args": {
                "function": GET,
                "account": "default",
                "status": "ok",
                "http_status": 200,
                "attempts": 1,
                "arguments": '{"n":0}',
            },
        },
        {
            "name": "list_contexts",
            "cat": "error",
            "ph": "X",
            "ts": 2000,
            "dur": 8000,
            "pid": 1,
            "tid": 2,
            "args": {
                "function": LIST,
                "account": "default",
                "status": "error",
                "http_status": None,
                "attempts": 4,
                "arguments": '{"n":0}',
            },
        },
        {
            "name": "waiting for workflow build",
            "cat": "flow",
            "ph": "i",
            "s": "t",
            "ts": 4500,
            "pid": 1,
            "tid": 0,
        },
    ]


FAILING = """
local c = app.integrations.circleci
for i = 1, 3 do c.get_current_user() end
pcall(c.get_project, {project_slug = "gh/acme/nowhere"})
c.upsert_context_env_var({context_id = "context-uuid", env_var_name = "A", value = "hunter2!"})
error("boom")
"""


def calls(file: Path) -> Iterator[tuple[str, str]]:
    for event in json.loads(file.read_text())["traceEvents"]:
        if event["ph"] == "X":
            yield event["name"], event["cat"]


def test_a_failed_run_leaves_its_trace_and_no_secret(process: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.trace.json"
    arguments = ("integrations:lua", "--simulate", "--force", "--trace", str(file), "-e", FAILING)
    assert process(*arguments) == (1, "", "error: eval:6: boom\n")
    assert list(calls(file)) == [
        ("eval", "script"),
        ("get_current_user", "ok"),
        ("get_current_user", "ok"),
        ("get_current_user", "ok"),
        ("get_project", "error"),
        ("upsert_context_env_var", "ok"),
    ]
    assert "hunter2!" not in file.read_text()


def test_a_run_that_is_killed_at_its_limit_leaves_its_trace(process: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.trace.json"
    code = "app.integrations.circleci.get_current_user() while true do end"
    ended = process(
        "integrations:lua", "--simulate", "--timeout", "1", "--trace", str(file), "-e", code
    )
    assert ended.code == 1
    assert list(calls(file)) == [("eval", "script"), ("get_current_user", "ok")]


def test_more_than_a_thousand_calls_are_all_there(process: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.trace.json"
    code = "for i = 1, 1100 do app.integrations.circleci.get_current_user() end"
    ended = process("integrations:lua", "--simulate", "--json", "--trace", str(file), "-e", code)
    assert len(ended.json["call_log"]) == 1000
    assert len(list(calls(file))) == 1101


@pytest.mark.parametrize("option", ["--trace", "--report"])
def test_a_file_that_cannot_be_written_is_a_usage_error_before_the_run(
    kosmo: Any, tmp_path: Path, option: str
) -> None:
    missing = tmp_path / "nowhere" / "file"
    script = tmp_path / "deploy.lua"
    script.write_text("print('ran')")
    run = ("integrations:lua", str(script))
    assert kosmo(*run, option, str(missing)) == (
        2,
        "",
        f"error: {option} {missing}: No such file or directory. Name a file that can be written.\n",
    )
    assert kosmo(*run, option, str(tmp_path)).err == (
        f"error: {option} {tmp_path}: Is a directory. Name a file that can be written.\n"
    )
    assert kosmo(*run, option, str(script)).err == (
        f"error: {option} {script}: that is the script itself. Name another file.\n"
    )
    assert script.read_text() == "print('ran')"
    envelope = kosmo(*run, option, str(missing), "--json").json
    assert (envelope["success"], envelope["error_type"]) == (False, "usage")


def test_one_file_cannot_take_both(kosmo: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "both")
    ended = kosmo("integrations:lua", "-e", "return 1", "--trace", file, "--report", file)
    assert ended == (2, "", f"error: --trace and --report name the same file: {file}. Name two.\n")
