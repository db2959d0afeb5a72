"""Calls side by side, over real sockets: how many at once, what waits for what, how it ends."""

import gc
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime

RunLua = Callable[..., Run]

FAN_OUT = """
local ids = {}
for n = 1, 100 do ids[n] = "p" .. n end
local results = flow.map(ids, get, {concurrency = %d})
return {#results, results[1], results[100]}
"""


def after(delay_s: float) -> Callable[..., tuple[Any, ...]]:
    """Answer every id after a while."""
    return lambda path, query: (200, {"id": path.rpartition("/")[2]}, delay_s)


def test_a_hundred_calls_are_in_flight_at_once_when_asked_for(
    run_live: RunLua, server: Any
) -> None:
    server.handler = after(1.5)  # a busy machine may take a second to send them all

    run = run_live(FAN_OUT % 100)

    assert (run.error, run.result) == (None, [100, "p1", "p100"])
    assert server.most == 100


def test_no_more_branches_run_than_the_concurrency_allows(run_live: RunLua, server: Any) -> None:
    server.handler = after(0.005)

    run = run_live(FAN_OUT % 3)

    assert run.result == [100, "p1", "p100"]
    assert server.most == 3


def test_sixteen_run_at_once_by_default(run_live: RunLua, server: Any) -> None:
    server.handler = after(0.3)

    run_live("local l = {} for n = 1, 40 do l[n] = n end flow.map(l, get)")

    assert server.most == 16


def test_nested_maps_share_the_pool_of_the_outermost(run_live: RunLua, server: Any) -> None:
    server.handler = after(0.05)

    run = run_live("""
        local list = {}
        for n = 1, 20 do list[n] = n end
        local results = flow.map(list, function(outer)
          return #flow.map(list, function(inner) return get(outer .. "-" .. inner) end)
        end, {concurrency = 20})
        return {#results, results[20]}
    """)

    assert (run.result, run.call_count) == ([20, 20], 400)
    assert server.most == 20


def test_pauses_in_branches_pass_side_by_side(run_live: RunLua, server: Any) -> None:
    tries: dict[str, int] = {}

    def second_time_lucky(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        tries[path] = tries.get(path, 0) + 1
        ok = tries[path] > 1
        return (200, {"id": "ok"}) if ok else (501, {"message": "not yet"})

    server.handler = second_time_lucky
    began = time.monotonic()

    run = run_live("""
        local list = {}
        for n = 1, 10 do list[n] = n end
        return flow.map(list, function(n)
          flow.sleep(0.2)
          return flow.wait(function()
            local ok, value = pcall(get, n)
            return ok and value
          end, function(value) return value == "ok" end, {interval = 0.2})
        end)
    """)

    assert (run.error, run.result) == (None, ["ok"] * 10)
    assert 0.4 <= time.monotonic() - began < 2.0  # one after the other it would take 4 s


def test_an_error_does_not_wait_for_what_is_in_flight(run_live: RunLua, server: Any) -> None:
    def one_fails(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if path.endswith("/7"):
            return 404, {"message": "gone"}, 0.1
        return 200, {"id": "late"}, 20

    server.handler = one_fails
    began = time.monotonic()

    run = run_live("""
        local list = {}
        for n = 1, 12 do list[n] = n end
        local ok, e = pcall(flow.map, list, get)
        return {e.index, e.status}
    """)

    assert run.result == [7, 404]
    assert time.monotonic() - began < 2
    statuses = [(call["status"], call["http_status"]) for call in run.call_log]
    assert statuses == [("error", 404), *[("error", None)] * 11]  # nobody knows what became of them


def test_calls_that_were_cancelled_before_they_were_sent_are_forgotten(
    run_lua: RunLua, scripted: Any
) -> None:
    kept: list[int] = []

    def handler(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if path.endswith("/count"):
            gc.collect()
            kept.append(sum(type(each).__name__ == "_InFlight" for each in gc.get_objects()))
        return (404, {}) if path.endswith("/1") else (200, {"id": "x"}, 0.02)

    scripted.handler = handler

    # A map inside a map does not widen the pool: of sixty calls, sixteen are sent at once.
    run = run_lua("""
        local ids = {}
        for n = 1, 60 do ids[n] = n end
        flow.map({"count"}, get)
        for _ = 1, 3 do
          flow.map({1}, function() pcall(flow.map, ids, get, {concurrency = 60}) end)
        end
        flow.map({"count"}, get)
    """)

    assert run.error is None
    assert kept == [1, 1]  # the call that counts


def test_a_limit_ends_the_run_with_what_was_in_flight_in_the_log(
    run_live: RunLua, server: Any
) -> None:
    server.handler = after(20)
    began = time.monotonic()

    run = run_live(
        'return flow.map({"a", "b", "c"}, function(id) pcall(get, id) return get(id) end)',
        limits=Limits(timeout_s=0.3),
    )

    assert time.monotonic() - began < 2
    assert run.error_type == "limit"
    assert run.error is not None
    assert "The run took longer than 0.3 s" in run.error
    assert [(call["status"], call["http_status"]) for call in run.call_log] == [("error", None)] * 3


def test_an_answer_that_came_too_late_to_be_used_is_in_the_log_as_it_was(
    run_live: RunLua, server: Any
) -> None:
    def handler(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        return (404, {"message": "gone"}) if path.endswith("/bad") else (200, {"id": "fine"}, 0.02)

    server.handler = handler

    run = run_live("""
        local ok, e = pcall(flow.map, {"bad", "good"}, function(id)
          if id == "good" then return get(id) end
          pcall(get, id)
          -- In place, while the other call ends.
          coroutine.wrap(function() flow.sleep(0.3) end)()
          error("now")
        end)
        return e.index
    """)

    assert run.result == 1
    assert sorted(str(call["http_status"]) for call in run.call_log) == ["200", "404"]


def test_one_429_pauses_the_whole_account_and_drops_nothing(run_live: RunLua, server: Any) -> None:
    limited: list[float] = []

    def once_too_many(path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if len(server.seen) == 10:
            limited.append(time.monotonic())
            return 429, {"message": "Rate limit exceeded"}, 0.0, {"Retry-After": "0.6"}
        return 200, {"id": path.rpartition("/")[2]}, 0.05

    server.handler = once_too_many

    run = run_live("""
        local list = {}
        for n = 1, 40 do list[n] = n end
        return #flow.map(list, get, {concurrency = 4})
    """)

    assert (run.error, run.result) == (None, 40)
    assert len(server.seen) == 41
    [at] = limited
    during = [path for seen, path in server.seen if at + 0.1 < seen < at + 0.55]
    assert during == []
    attempts = [call["attempts"] for call in run.call_log]
    assert sorted(attempts)[-2:] == [1, 2]


def test_threads_end_with_the_run_that_needed_them(run_live: RunLua) -> None:
    for _ in range(3):
        run_live(FAN_OUT % 20)

    until = time.monotonic() + 2
    while names() and time.monotonic() < until:
        time.sleep(0.01)
    assert names() == []


def names() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "kosmo-call"]


def test_a_state_that_lives_on_can_map_again_after_a_limit(server: Any, account: Any) -> None:
    server.handler = lambda path, query: (200, {"id": "fine"}, 20 if "slow" in path else 0)
    code = """
        return flow.map({"%s1", "%s2"}, function(id)
          return app.integrations.circleci.get_pipeline({pipeline_id = id})
        end)
    """
    with closing(Runtime(config=account(server.origin))) as runtime:
        session = runtime.session(RunSettings(limits=Limits(timeout_s=0.3)))
        first = session.run(code % ("slow", "slow"))
        second = session.run(code % ("a", "b"), deadline=Deadline(5))
        session.close()

    assert (first.error_type, first.call_count) == ("limit", 2)
    assert (second.error, second.result) == (None, [{"id": "fine"}, {"id": "fine"}])
    assert [call["http_status"] for call in second.call_log] == [200, 200]
