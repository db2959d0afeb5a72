"""The contract's section 7, through the real command and the simulator."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KOSMO = Path(sys.executable).with_name("kosmo")

PROJECT = "gh/example-org/example-repo"


def kosmo(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KOSMO, "integrations:lua", "--simulate", *options, "--eval", code],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


def envelope(code: str, *options: str) -> Any:
    return json.loads(kosmo(code, "--json", *options).stdout)


def test_each_and_all_go_through_the_same_pages() -> None:
    answer = envelope(
        f"""
        local circleci = app.integrations.circleci
        local args, one_by_one = {{project_slug = "{PROJECT}"}}, json.array()
        for _ = 1, 50 do circleci.trigger_pipeline(args) end
        for pipeline in flow.each(circleci.list_project_pipelines, args) do
          one_by_one[#one_by_one + 1] = pipeline.id
        end
        local all = flow.all(circleci.list_project_pipelines, args)
        local some = flow.all(circleci.list_project_pipelines, args, {{max_items = 3}})
        local same = #all == #one_by_one
        for index, id in ipairs(one_by_one) do same = same and all[index].id == id end
        return {{same, #all, #some}}
        """,
        "--force",
    )

    assert answer["error"] is None
    same, count, some = answer["result"]
    assert (same, some) == (True, 3)
    assert count > 50
    pages = answer["call_count"] - 50
    assert pages > 2 * 2 + 1  # each of them asked for several


def test_map_gives_results_in_order_and_rows_on_request() -> None:
    answer = envelope(f"""
        local circleci = app.integrations.circleci
        local slugs = {{"{PROJECT}", "gh/example-org/unknown", "{PROJECT}"}}
        local function branch(slug) return circleci.get_project(slug).slug end
        local ok, e = pcall(flow.map, slugs, branch, {{concurrency = 2}})
        local rows = flow.map(slugs, branch, {{errors = "collect"}})
        rows[2].error = {{rows[2].error.type, rows[2].error.status}}
        return {{ok, e.index, e.status, rows}}
    """)

    assert answer["error"] is None
    assert answer["result"] == [
        False,
        2,
        404,
        [
            {"ok": True, "value": PROJECT},
            {"ok": False, "error": ["api", 404]},
            {"ok": True, "value": PROJECT},
        ],
    ]


def test_a_pipeline_is_triggered_and_waited_for_without_waiting() -> None:
    done = kosmo(
        f"""
        local circleci = app.integrations.circleci
        local pipeline = circleci.trigger_pipeline({{project_slug = "{PROJECT}", branch = "main"}})
        flow.sleep(3600)
        for _, workflow in ipairs(flow.wait_pipeline(pipeline.id)) do
          print(workflow.name .. ": " .. workflow.status)
        end
        """,
        "--force",
    )

    assert (done.returncode, done.stderr) == (0, "")  # progress is for terminals
    assert done.stdout == "build-and-test: success\n"


def test_a_wait_that_takes_too_long_is_a_limit_error_with_the_last_value() -> None:
    answer = envelope("""
        local ok, e = pcall(flow.wait, function() return "not yet" end, function() return false end)
        return {ok, e.type, e.value}
    """)

    assert answer["result"] == [False, "limit", "not yet"]


def test_the_end_of_a_wait_that_nobody_caught_is_the_end_of_the_run() -> None:
    answer = envelope("flow.wait(function() end, function() end, {timeout = 5})")

    assert (answer["success"], answer["error_type"]) == (False, "limit")
    assert answer["error"] == (
        "eval:1: flow.wait: not done after 5 s. The last value was null. Raise the limit with the "
        "option timeout; the whole value is in the error's field value"
    )


def test_retry_leaves_other_errors_alone() -> None:
    answer = envelope("""
        local calls = 0
        local ok, e = pcall(flow.retry, function()
          calls = calls + 1
          return app.integrations.circleci.get_project("gh/example-org/unknown")
        end)
        return {ok, e.status, calls}
    """)

    assert answer["result"] == [False, 404, 1]


def test_a_cursor_that_does_not_advance_is_an_error() -> None:
    answer = envelope("""
        return flow.all(function() return {items = {1}, next_page_token = "same"} end)
    """)

    assert (answer["success"], answer["error_type"]) == (False, "api")
    assert "the page token does not advance, 'same' came again" in answer["error"]


def test_permission_is_asked_before_anything_is_sent_in_branches_too() -> None:
    answer = envelope(f"""
        return flow.map({{1, 2}}, function()
          return app.integrations.circleci.trigger_pipeline({{project_slug = "{PROJECT}"}})
        end)
    """)

    assert (answer["error_type"], answer["call_count"]) == ("permission", 0)


@pytest.mark.parametrize(
    "call",
    [
        "flow.each(1)",
        "flow.all({})",
        "flow.map(1, print)",
        "flow.map({1}, print, {concurrency = 1000})",
        "flow.wait(print, nil)",
        "flow.retry(print, {attempt = 3})",
        "flow.wait_pipeline(nil)",
        "flow.sleep('soon')",
    ],
)
def test_a_wrong_argument_is_a_validation_error_that_names_the_function(call: str) -> None:
    answer = envelope(call)

    name = call.partition("(")[0]
    assert answer["error_type"] == "validation"
    assert answer["error"].startswith(f"eval:1: {name}: ")
