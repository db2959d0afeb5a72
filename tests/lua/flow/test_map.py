"""flow.map as a script sees it: results, errors, arguments."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.run.envelope import Run

RunLua = Callable[..., Run]

NOT_FOUND = "CircleCI API error (404): Pipeline not found"


def test_results_come_in_the_order_of_the_list_whichever_ends_first(run_lua: RunLua) -> None:
    run = run_lua('return flow.map({"slow1", "2", "slow3", "4"}, function(id) return get(id) end)')

    assert run.result == ["slow1", "2", "slow3", "4"]


def test_the_function_gets_the_item_and_its_index(run_lua: RunLua) -> None:
    run = run_lua('return flow.map({"a", "b"}, function(item, index) return item .. index end)')

    assert run.result == ["a1", "b2"]


def test_a_result_of_nil_keeps_its_place(run_lua: RunLua) -> None:
    run = run_lua("return flow.map({1, 2, 3}, function(n) if n ~= 2 then return n end end)")

    assert run.result == [1, None, 3]


def test_nothing_to_map_is_an_empty_array_and_calls_nothing(run_lua: RunLua) -> None:
    run = run_lua("return flow.map({}, error)")

    assert run.result_json == "[]"


def test_a_callable_table_is_a_function(run_lua: RunLua) -> None:
    run = run_lua(
        "local double = setmetatable({}, {__call = function(_, n) return 2 * n end}) "
        "return flow.map({1, 2}, double)"
    )

    assert run.result == [2, 4]


def test_the_first_error_is_raised_with_the_index_of_its_branch(run_lua: RunLua) -> None:
    run = run_lua("""
        local ok, e = pcall(flow.map, {"slow1", "2", "x3", "slow4"}, get)
        return {ok = ok, index = e.index, text = tostring(e), type = e.type, status = e.status}
    """)

    assert run.result == {
        "ok": False,
        "index": 3,
        "text": NOT_FOUND,
        "type": "api",
        "status": 404,
    }


def test_the_first_error_is_the_first_to_happen_not_the_first_in_the_list(run_lua: RunLua) -> None:
    run = run_lua("""
        local ok, e = pcall(flow.map, {"slow1", "x2"}, function(id)
          get(id)
          if id == "slow1" then error("too late") end
        end)
        return e.index
    """)

    assert run.result == 2


def test_an_error_starts_no_further_branch(run_lua: RunLua, scripted: Any) -> None:
    run = run_lua(
        'return flow.map({"x1", "2", "3", "4"}, function(id) return get(id) end, {concurrency = 1})'
    )

    assert (run.error, run.error_type) == (
        f"test:1: {NOT_FOUND} (get_pipeline, GET /api/v2/pipeline/x1) (item 1)",
        "api",
    )
    assert scripted.paths == ["/pipeline/x1"]


@pytest.mark.parametrize(
    ("raised", "message", "kind"),
    [
        ('error("boom")', "test:1: boom", "runtime"),
        ('error("boom", 0)', "boom", "runtime"),
        ("error()", "nil was raised as an error", "runtime"),
        (
            "local t = nil; return t.x",
            "test:1: attempt to index a nil value (local 't')",
            "runtime",
        ),
        ("coroutine.yield()", None, "runtime"),
    ],
)
def test_what_is_not_an_error_value_becomes_one(
    run_lua: RunLua, raised: str, message: str | None, kind: str
) -> None:
    run = run_lua(
        f"""
        local ok, e = pcall(flow.map, {{1}}, function() {raised} end)
        return {{e.index, e.type, tostring(e)}}
    """.strip()
    )

    expected = message or (
        "attempt to yield from the function of flow.map, which is not a coroutine of the script's "
        "own"
    )
    assert run.result == [1, kind, expected]


def test_a_table_that_is_raised_arrives_as_it_is(run_lua: RunLua) -> None:
    run = run_lua("""
        local mine = {code = 7}
        local ok, e = pcall(flow.map, {1}, function() error(mine) end)
        return {rawequal(e, mine), e}
    """)

    assert run.result == [True, {"code": 7}]


def test_collected_errors_come_as_rows_beside_the_values(run_lua: RunLua) -> None:
    run = run_lua("""
        local rows = flow.map({"1", "x2", "3", "4"}, function(id)
          if id == "3" then error("own", 0) end
          if id == "4" then return nil end
          return get(id)
        end, {errors = "collect"})
        return {
          rows[1], {rows[2].ok, rows[2].value, rows[2].error.status, tostring(rows[2].error)},
          {rows[3].ok, rows[3].error.type, rows[3].error.message}, rows[4],
        }
    """)

    assert run.result == [
        {"ok": True, "value": "1"},
        [False, None, 404, NOT_FOUND],
        [False, "runtime", "own"],
        {"ok": True},
    ]


def test_the_call_log_is_in_order_of_completion_with_each_calls_own_time(run_lua: RunLua) -> None:
    run = run_lua("""
        flow.map({"slow1", "2"}, function(id) return circleci.get_pipeline({pipeline_id = id}) end)
        circleci.work.get_project("gh/acme/web")
    """)

    fast, slow, last = run.call_log
    assert [call["function"] for call in run.call_log] == [
        "app.integrations.circleci.get_pipeline",
        "app.integrations.circleci.get_pipeline",
        "app.integrations.circleci.work.get_project",
    ]
    assert isinstance(fast["duration_ms"], float)
    assert isinstance(slow["duration_ms"], float)
    assert fast["duration_ms"] < 40 < slow["duration_ms"] < 200
    assert last["account"] == "work"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("flow.map()", "argument 1 must be a list, got nothing"),
        ('flow.map("abc", print)', 'argument 1 must be a list, got "abc"'),
        (
            "flow.map({items = {1}, next_page_token = nil}, print)",
            "argument 1 must be a list, got a table with the key 'items'; pass its items",
        ),
        ("flow.map({1})", "argument 2 must be a function, got nothing"),
        ("flow.map({1}, {})", "argument 2 must be a function, got a table"),
        ("flow.map({1}, print, 20)", "the options must be a table, got 20"),
        (
            "flow.map({1}, print, {concurency = 20})",
            "unknown option 'concurency'. Did you mean 'concurrency'? "
            "It takes: concurrency, errors",
        ),
        ("flow.map({1}, print, {[1] = 2})", "unknown option '1'. It takes: concurrency, errors"),
        *(
            (
                f"flow.map({{1}}, print, {{concurrency = {given}}})",
                f"'concurrency' takes a whole number from 1 to 100, got {shown}",
            )
            for given, shown in [
                ("0", "0"),
                ("101", "101"),
                ("2.5", "2.5"),
                ("0/0", "nan"),
                ("math.huge", "inf"),
                ("true", "true"),
                ('"20"', '"20"'),
                ("{}", "a table"),
            ]
        ),
        (
            'flow.map({1}, print, {errors = "ignore"})',
            '\'errors\' takes "raise" or "collect", got "ignore"',
        ),
    ],
)
def test_a_wrong_argument_is_named(run_lua: RunLua, call: str, message: str) -> None:
    run = run_lua(f"local ok, e = pcall(function() {call} end) return {{e.type, e.message}}")

    assert run.result == ["validation", f"flow.map: {message}"]


def test_a_function_of_the_bridge_gets_the_item_alone(run_lua: RunLua) -> None:
    run = run_lua('return flow.map({"1", {pipeline_id = "2"}}, circleci.get_pipeline)')

    assert run.result == [{"id": "1"}, {"id": "2"}]
