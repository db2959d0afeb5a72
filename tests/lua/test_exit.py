"""exit and log: a script ends itself with a code, and writes lines for people."""

from collections.abc import Callable

import pytest
from lua_cases import RunScript

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener


@pytest.fixture(params=[False, True], ids=["in-process", "isolated"])
def run_anywhere(request: pytest.FixtureRequest, bridge: Bridge) -> Callable[..., Run]:
    return lambda code, **options: bridge.run(code, name="eval", isolate=request.param, **options)


@pytest.mark.parametrize(
    ("code", "exit_code", "result"),
    [
        ("exit() error('not reached')", 0, None),
        ("exit(3)", 3, None),
        ("exit(1.0)", 1, None),
        ("exit(125, {done = false})", 125, {"done": False}),
        ("exit(0, 'text')", 0, "text"),
        ("exit(2, 1, 2)", 2, [1, 2]),
        ("pcall(function() exit(4) end) return 'not reached'", 4, None),
        ("pcall(pcall, exit, 5) return 'not reached'", 5, None),
        ("coroutine.wrap(function() exit(6) end)() return 'not reached'", 6, None),
        ("flow.map({1, 2, 3}, function(n) if n == 2 then exit(7, n) end end)", 7, 2),
        ("flow.map({1}, function() exit(8) end, {errors = 'collect'}) return 1", 8, None),
        ("flow.retry(function() exit(9) end)", 9, None),
        ("table.sort({1, 2}, function() exit(10) end)", 10, None),
        (
            "local scope <close> = setmetatable({}, {__close = function() exit(11) end}) exit(12)",
            12,
            None,
        ),
    ],
)
def test_exit_ends_the_run_with_its_code_and_value(
    code: str, exit_code: int, result: object, run_anywhere: Callable[..., Run]
) -> None:
    run = run_anywhere(f"print('before') {code}")

    assert (run.error, run.error_type, run.traceback) == (None, None, ())
    assert (run.success, run.exit_code, run.result) == (exit_code == 0, exit_code, result)
    assert (run.output, run.meta["exit_code"]) == ("before", exit_code)


@pytest.mark.parametrize("code", ["-1", "126", "1.5", "'1'", "true", "{}", "0/0"])
def test_exit_takes_a_code_that_a_shell_can_tell_from_a_signal(code: str, run: RunScript) -> None:
    made = run(f"exit({code})")

    assert (made.error_type, made.exit_code) == ("validation", 1)
    assert made.error is not None
    assert made.error.startswith(
        "eval:1: exit: argument 1 must be a whole number from 0 to 125, got "
    )


def test_a_run_that_ends_by_itself_has_no_exit_code_in_meta(run: RunScript) -> None:
    assert "exit_code" not in run("return 1").meta


def test_a_state_that_is_kept_runs_on_after_an_exit(bridge: Bridge) -> None:
    first = bridge.run("exit(3)")
    second = bridge.run("return 1")

    assert (first.exit_code, second.exit_code, second.result) == (3, 0, 1)


class Heard(RunListener):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def test_log_writes_a_line_for_people_beside_the_output(run_anywhere: Callable[..., Run]) -> None:
    heard = Heard()

    run = run_anywhere(
        'log("first", 2, {a = 1}) print("printed") log() log("last")', listener=heard
    )

    lines = ['first\t2\t{\n  "a": 1\n}', "", "last"]
    assert (run.error, run.output, list(run.log)) == (None, "printed", lines)
    assert heard.lines == lines
    assert run.to_dict()["log"] == lines


def test_the_log_keeps_the_last_thousand_lines(run_anywhere: Callable[..., Run]) -> None:
    run = run_anywhere("for n = 1, 1200 do log(n) end")

    assert (len(run.log), run.log[0], run.log[-1]) == (1000, "201", "1200")


def test_the_log_counts_as_output(run_anywhere: Callable[..., Run]) -> None:
    run = run_anywhere(
        "while true do log(('x'):rep(1000)) end", limits=Limits(output_bytes=100_000)
    )

    assert run.error_type == "limit"
    assert run.error is not None
    assert "The script printed more than 100,000 bytes" in run.error


def test_a_secret_is_masked_in_the_log(run_anywhere: Callable[..., Run]) -> None:
    run = run_anywhere(
        """
        log("before: value-of-the-secret")
        app.integrations.circleci.upsert_context_env_var(
          {context_id = "context-uuid", env_var_name = "KEY", value = "value-of-the-secret"})
        log("after: value-of-the-secret")
        """,
        force=True,
    )

    assert run.error is None
    assert "value-of-the-secret" not in run.to_json()
    assert [line.partition(":")[0] for line in run.log] == ["before", "after"]
