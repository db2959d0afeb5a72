"""flow.wait, flow.retry and flow.sleep: when they return, and when they give up."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from listeners import Recorder

from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.transport.wire import TransportError

RunLua = Callable[..., Run]


def test_wait_returns_the_first_value_that_will_do(run_lua: RunLua) -> None:
    run = run_lua("""
        local n = 0
        local function look() n = n + 1 return n end
        return flow.wait(look, function(value) return value == 3 end, {interval = 0})
    """)

    assert run.result == 3


def test_wait_looks_at_once_before_it_waits(run_lua: RunLua) -> None:
    began = time.monotonic()

    run = run_lua("return flow.wait(function() return 'here' end, function() return true end)")

    assert run.result == "here"
    assert time.monotonic() - began < 2


def test_the_pause_grows_by_the_backoff_up_to_its_maximum(run_lua: RunLua) -> None:
    began = time.monotonic()

    run = run_lua("""
        local n = 0
        flow.wait(function() n = n + 1 end, function() return n == 5 end,
          {interval = 0.02, backoff = 2, max_interval = 0.06})
        return n
    """)

    assert run.result == 5
    assert 0.02 + 0.04 + 0.06 + 0.06 <= time.monotonic() - began < 1


def test_a_person_is_told_what_is_waited_for_until_it_is_looked_at_again(run_lua: RunLua) -> None:
    heard = Recorder()

    run_lua(
        """
        local n = 0
        local function look() n = n + 1 return n end
        local function third(value) return value == 3 end
        flow.wait(look, third, {interval = 0.01, timeout = 540})
        flow.wait(look, function() return n == 5 end, {interval = 0, timeout = math.huge})
        """,
        listener=heard,
    )

    assert heard.heard("waiting") == [
        "flow.wait: look 1, next in 0.01 s, 540 s left",
        "",
        "flow.wait: look 2, next in 0.015 s, 540 s left",
        "",
        "flow.wait: look 1, next in 0 s",
        "",
    ]


def test_a_sleep_and_the_pause_before_a_retry_are_told_too(run_lua: RunLua, scripted: Any) -> None:
    answers = [(502, {"message": "busy"}), (201, {"number": 7})]
    scripted.handler = lambda path, query: answers.pop(0)
    heard = Recorder()

    run_lua(
        """
        flow.sleep(0.01)
        flow.retry(function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"})
        end, {delay = 0.02})
        """,
        listener=heard,
    )

    assert heard.heard("waiting") == [
        "flow.sleep: 0.01 s",
        "",
        "flow.retry: attempt 1 failed, next in 0.02 s",
        "",
    ]


def test_a_timeout_is_a_limit_error_with_the_last_value(run_lua: RunLua) -> None:
    run = run_lua("""
        local n = 0
        local ok, e = pcall(flow.wait, function() n = n + 1 return {n = n} end,
          function() return false end, {timeout = 0.1, interval = 0.04, backoff = 1})
        return {ok, e.type, e.message:gsub("{.*}", "N"), e.value.n == n, n >= 3}
    """)

    assert run.result == [
        False,
        "limit",
        "flow.wait: not done after 0.1 s. The last value was N. Raise the limit with the option "
        "timeout; the whole value is in the error's field value",
        True,
        True,
    ]


def test_a_long_last_value_is_cut_between_two_characters(run_lua: RunLua) -> None:
    run = run_lua("""
        local _, e = pcall(flow.wait, function() return "a" .. ("ä"):rep(300) end,
          function() return false end, {timeout = 0})
        return e.message
    """)

    assert run.result == (
        f'flow.wait: not done after 0 s. The last value was "a{"ä" * 99}…. Raise the limit with '
        "the option timeout; the whole value is in the error's field value"
    )


def test_a_timeout_that_is_not_caught_ends_the_run(run_lua: RunLua) -> None:
    run = run_lua("flow.wait(print, function() end, {timeout = 0})")

    assert (run.success, run.error_type) == (False, "limit")


def test_an_error_of_either_function_ends_the_wait(run_lua: RunLua, scripted: Any) -> None:
    run = run_lua("flow.wait(function() return get('x') end, function() return true end)")

    assert run.error == (
        "test:1: CircleCI API error (404): Pipeline not found "
        "(get_pipeline, GET /api/v2/pipeline/x)"
    )
    assert len(scripted.paths) == 1


def test_retry_returns_every_value_of_its_function(run_lua: RunLua) -> None:
    run = run_lua("return flow.retry(function() return 1, nil, 'three' end)")

    assert run.result == [1, None, "three"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_retry_repeats_a_post_that_the_bridge_does_not(
    run_lua: RunLua, scripted: Any, status: int
) -> None:
    # A POST is not repeated by itself after these: the script decides.
    answers = [(status, {"message": "busy"}), (status, {"message": "busy"}), (201, {"number": 7})]
    scripted.handler = lambda path, query: answers.pop(0)

    run = run_lua("""
        return flow.retry(function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"}).number
        end, {delay = 0.01})
    """)

    assert (run.error, run.result, run.call_count) == (None, 7, 3)


def test_retry_repeats_what_never_arrived(run_lua: RunLua, scripted: Any) -> None:
    faults = [TransportError("the connection broke")]

    def handler(_path: str, _query: dict[str, str]) -> tuple[Any, ...]:
        if faults:
            raise faults.pop()
        return 201, {"number": 7}

    scripted.handler = handler

    run = run_lua("""
        return flow.retry(function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"}).number
        end, {delay = 0})
    """)

    assert (run.error, run.result, run.call_count) == (None, 7, 2)


def test_retry_gives_up_after_its_attempts(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = lambda path, query: (502, {"message": "busy"})

    run = run_lua("""
        local ok, e = pcall(flow.retry, function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"})
        end, {attempts = 2, delay = 0})
        return {e.type, e.status}
    """)

    assert (run.result, run.call_count) == (["api", 502], 2)


@pytest.mark.parametrize(
    "fault",
    [
        'error("own")',
        'error({status = 503, type = "api"})',
        "get('x')",
        "circleci.get_pipeline({})",
        "local t = nil; return t.x",
    ],
)
def test_retry_does_not_repeat_what_will_not_pass(run_lua: RunLua, fault: str) -> None:
    run = run_lua(f"""
        local n = 0
        local ok = pcall(flow.retry, function() n = n + 1 {fault} end, {{delay = 0}})
        return {{ok, n}}
    """)

    assert run.result == [False, 1]


def test_retry_waits_as_long_as_the_server_asked(run_lua: RunLua, scripted: Any) -> None:
    busy = (503, {"message": "busy"}, 0.0, {"retry-after": "0.3"})
    answers = [busy, (201, {"number": 7})]
    scripted.handler = lambda path, query: answers.pop(0)
    began = time.monotonic()

    run = run_lua("""
        return flow.retry(function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"}).number
        end, {delay = 0.01})
    """)

    assert run.result == 7
    assert 0.3 <= time.monotonic() - began < 2


def test_retry_does_not_wait_longer_than_the_bridge_would(run_lua: RunLua, scripted: Any) -> None:
    scripted.handler = lambda path, query: (503, {"message": "busy"}, 0.0, {"retry-after": "61"})

    run = run_lua("""
        local ok, e = pcall(flow.retry, function()
          return circleci.trigger_pipeline({project_slug = "gh/acme/web"})
        end)
        return {e.status, e.retry_after}
    """)

    assert (run.result, run.call_count) == ([503, 61], 1)


def test_sleep_waits(run_lua: RunLua) -> None:
    began = time.monotonic()

    run = run_lua("flow.sleep(0.1)")

    assert run.error is None
    assert 0.1 <= time.monotonic() - began < 1


@pytest.mark.parametrize(
    "code",
    [
        "flow.sleep(60)",
        "flow.sleep(1e300)",
        "flow.wait(function() end, function() end, {timeout = math.huge})",
        "flow.map({1, 2}, function() flow.sleep(60) end)",
        "while true do pcall(flow.sleep, 60) end",
    ],
)
def test_a_limit_of_the_run_ends_every_wait(run_lua: RunLua, code: str) -> None:
    began = time.monotonic()

    run = run_lua(code, limits=Limits(timeout_s=0.2))

    assert run.error_type == "limit"
    assert run.error is not None
    assert "The run took longer than 0.2 s" in run.error
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("flow.sleep()", "flow.sleep: takes a number of seconds, 0 or more, got nothing"),
        ("flow.sleep(-1)", "flow.sleep: takes a number of seconds, 0 or more, got -1"),
        ("flow.sleep('5')", 'flow.sleep: takes a number of seconds, 0 or more, got "5"'),
        (
            "flow.sleep(math.huge)",
            "flow.sleep: takes a number of seconds, 0 or more, got inf",
        ),
        ("flow.wait(print)", "flow.wait: argument 2 must be a function, got nothing"),
        (
            "flow.wait(print, print, {time_out = 3})",
            "flow.wait: unknown option 'time_out'. Did you mean 'timeout'? "
            "It takes: backoff, interval, max_interval, timeout",
        ),
        (
            "flow.wait(print, print, {backoff = 0.5})",
            "flow.wait: 'backoff' takes a number, 1 or more, got 0.5",
        ),
        (
            "flow.wait(print, print, {interval = math.huge})",
            "flow.wait: 'interval' takes a number of seconds, 0 or more, got inf",
        ),
        ("flow.retry(1)", "flow.retry: argument 1 must be a function, got 1"),
        (
            "flow.retry(print, {attempts = 0})",
            "flow.retry: 'attempts' takes a whole number, 1 or more, got 0",
        ),
        (
            "flow.retry(print, {retries = 5})",
            "flow.retry: unknown option 'retries'. It takes: attempts, delay",
        ),
    ],
)
def test_a_wrong_argument_is_named(run_lua: RunLua, call: str, message: str) -> None:
    run = run_lua(f"local ok, e = pcall(function() {call} end) return {{e.type, e.message}}")

    assert run.result == ["validation", message]
