"""What may happen inside a branch of flow.map: errors, maps, coroutines, questions, limits."""

from collections.abc import Callable
from typing import Any

import pytest
from listeners import Asking

from kosmo_circleci import Bridge
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent

RunLua = Callable[..., Run]

NOT_FOUND = "CircleCI API error (404): Pipeline not found"


def test_pcall_inside_a_branch_catches_what_a_call_raises(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.map({"x1", "2"}, function(id)
          local ok, value = pcall(get, id)
          return {ok, tostring(value)}
        end)
    """)

    assert run.result == [[False, NOT_FOUND], [True, "2"]]


def test_maps_nest(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.map({"a", "b", "c"}, function(outer)
          return flow.map({"1", "2"}, function(inner) return get(outer .. inner) end)
        end)
    """)

    assert run.result == [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]


def test_an_error_of_a_nested_map_can_be_caught_in_its_branch(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.map({"a", "x"}, function(outer)
          local ok, e = pcall(flow.map, {"1", "2"}, function(inner) return get(outer .. inner) end)
          return {ok, ok and e or e.status}
        end)
    """)

    assert run.result == [[True, ["a1", "a2"]], [False, 404]]


def test_an_error_of_the_outer_map_ends_the_nested_ones(run_lua: RunLua) -> None:
    run = run_lua("""
        local closed = json.array()
        local ok, e = pcall(flow.map, {"slow", "x"}, function(outer)
          if outer == "x" then return get("x") end
          return flow.map({"1", "2"}, function(inner)
            local guard <close> = setmetatable({}, {
              __close = function() closed[#closed + 1] = inner end,
            })
            get("slow" .. inner)
            error("it went on")
          end)
        end)
        table.sort(closed)
        return {e.index, e.status, closed, get("after")}
    """)

    assert run.result == [2, 404, ["1", "2"], "after"]


def test_coroutines_of_the_script_work_inside_a_branch(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.map({"a", "b"}, function(outer)
          local numbers = coroutine.wrap(function()
            for n = 1, 3 do coroutine.yield(get(outer .. n)) end
          end)
          local first = numbers()
          local between = get(outer)
          return {first, between, numbers(), numbers()}
        end)
    """)

    assert run.result == [["a1", "a", "a2", "a3"], ["b1", "b", "b2", "b3"]]


def test_a_map_inside_a_coroutine_of_a_branch_leaves_the_other_branches_alone(
    run_lua: RunLua,
) -> None:
    # Each inner map waits in place. If it stepped the branches around it, a hundred of them would
    # nest on the C stack, which Lua ends with an error.
    run = run_lua("""
        local names = {}
        for n = 1, 100 do names[n] = "b" .. n end
        local results = flow.map(names, function(name)
          get(name)
          return coroutine.wrap(function()
            return flow.map({"1", "2"}, function(inner) return get(name .. "-" .. inner) end)
          end)()
        end, {concurrency = 100})
        return {#results, results[1], results[100]}
    """)

    assert run.result == [100, ["b1-1", "b1-2"], ["b100-1", "b100-2"]]


def test_calls_where_a_branch_cannot_yield_wait_in_place(run_lua: RunLua) -> None:
    run = run_lua("""
        return flow.map({1, 2}, function()
          local list = {"3", "1", "2"}
          table.sort(list, function(a, b) return get(a) < get(b) end)
          return list
        end)
    """)

    assert run.result == [["1", "2", "3"], ["1", "2", "3"]]


def test_what_a_stopped_branch_leaves_to_close_may_still_call(run_lua: RunLua) -> None:
    run = run_lua("""
        local cleaned, names = json.array(), {slow = "first", x = "second"}
        local ok, e = pcall(flow.map, {"slow", "x"}, function(id)
          local guard <close> = setmetatable({}, {
            __close = function() cleaned[#cleaned + 1] = get(names[id]) end,
          })
          return get(id)
        end)
        table.sort(cleaned)
        return {e.index, cleaned}
    """)

    assert (run.error, run.result) == (None, [2, ["first", "second"]])


def test_arguments_are_checked_before_anything_is_sent(run_lua: RunLua, scripted: Any) -> None:
    run = run_lua("""
        local ok, e = pcall(flow.map, {1, 2}, function() return circleci.get_pipeline({}) end)
        return {e.type, e.index}
    """)

    assert run.result == ["validation", 1]
    assert scripted.paths == []


@pytest.mark.parametrize(("answer", "sent"), [("run", 5), ("no", 0)])
def test_a_permission_is_asked_for_once_however_many_branches_need_it(
    scripted: Any, answer: Consent, sent: int
) -> None:
    asked: list[str] = []

    def ask(question: str) -> Consent:
        asked.append(question)
        return answer

    accounts = {"default": {"token": "token-of-default-123456"}}
    config = {"integrations": {"circleci": {"accounts": accounts}}}
    bridge = Bridge(config=config, transport=scripted)

    run = bridge.run(
        """
        return #flow.map({1, 2, 3, 4, 5}, function(n)
          return app.integrations.circleci.trigger_pipeline({project_slug = "gh/acme/" .. n})
        end, {errors = "collect"})
        """,
        listener=Asking(ask),
    )

    assert (run.error, run.result) == (None, 5)
    assert len(asked) == 1
    assert len(scripted.paths) == sent


def test_memory_that_runs_out_in_nested_maps_is_a_limit_error(run_lua: RunLua) -> None:
    run = run_lua(
        """
        local list = {}
        for n = 1, 100 do list[n] = n end
        local function nest(depth)
          return flow.map(list, function()
            if depth > 0 then return nest(depth - 1) end
            flow.sleep(60)
          end, {concurrency = 100})
        end
        nest(3)
        """,
        limits=Limits(memory_bytes=16 * 1024 * 1024),
    )

    assert run.error_type == "limit"
    assert run.error is not None
    assert "more memory than its limit of 16M" in run.error


def test_a_hundred_thousand_items_need_no_more_than_their_results(run_lua: RunLua) -> None:
    run = run_lua(
        "local list = {} for n = 1, 100000 do list[n] = n end "
        "local doubled = flow.map(list, function(n) return 2 * n end, {concurrency = 100}) "
        "return doubled[100000]"
    )

    assert (run.error, run.result) == (None, 200000)
