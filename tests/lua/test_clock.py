"""os.time and os.date: the run's clock, which with --simulate is the simulated one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run

RunScript = Callable[[str], Run]

START = int(datetime(2025, 1, 15, 10, tzinfo=UTC).timestamp())


@pytest.fixture(params=[False, True], ids=["in-process", "isolated"])
def run_fresh(request: pytest.FixtureRequest) -> Callable[[str], Run]:
    def run(code: str) -> Run:
        with Bridge(simulate=True) as bridge:
            return bridge.run(code, name="eval", isolate=request.param)

    return run


def test_a_simulated_run_starts_at_the_simulated_time(run_fresh: Callable[[str], Run]) -> None:
    run = run_fresh("return os.time(), os.date('!%Y-%m-%dT%H:%M:%SZ'), os.date('!*t').wday")

    assert run.result == [START, "2025-01-15T10:00:00Z", 4]


def test_waiting_moves_the_clock_of_a_simulated_run(run_fresh: Callable[[str], Run]) -> None:
    run = run_fresh("local start = os.time() flow.sleep(3600) return os.time() - start")

    assert run.result == 3600


def test_a_loop_until_a_deadline_ends_in_the_simulated_world(
    run_fresh: Callable[[str], Run],
) -> None:
    run = run_fresh("""
        local calls, stop_at = 0, os.time() + 60
        while os.time() < stop_at do
          app.integrations.circleci.get_current_user()
          calls = calls + 1
        end
        return calls
    """)

    assert (run.error, run.result) == (None, 12)  # a request takes five seconds there


def test_the_last_seven_days_have_pipelines(run_fresh: Callable[[str], Run]) -> None:
    run = run_fresh("""
        local since, count = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 7 * 86400), 0
        for pipeline in flow.each(app.integrations.circleci.list_project_pipelines,
            {project_slug = "gh/example-org/example-repo"}) do
          if pipeline.created_at >= since then count = count + 1 end
        end
        return count > 5
    """)

    assert (run.error, run.result) == (None, True)


def test_without_the_simulator_it_is_the_real_time() -> None:
    before = int(time.time())

    with Bridge(config={}) as bridge:
        run = bridge.run("return os.time(), os.time(os.date('*t')) - os.time()")

    assert before <= run.result[0] <= time.time()
    assert abs(run.result[1]) <= 1


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("os.date('!%H:%M', 0)", "00:00"),
        ("os.date('!%H:%M', 3600.0)", "01:00"),
        ("os.time({year = 2025, month = 1, day = 2}) - os.time({year = 2025, month = 1, day = 1})",
         86400),
        ("math.type(os.time())", "integer"),
        ("os.difftime(5, 3)", 2.0),
        ("os.date('%Ez')", "error: bad argument #1 to 'os.date' (invalid conversion specifier"),
        ("os.date({})", "error: bad argument #1 to 'os.date' (string expected, got table)"),
        ("os.time({year = 2025})", "error: field 'month' missing in date table"),
        ("os.time('now')", "error: bad argument #1 to 'os.time' (table expected, got string)"),
    ],
)  # fmt: skip
def test_times_that_are_given_are_taken_as_in_lua(
    code: str, result: object, run: RunScript
) -> None:
    made = run(f"return {code}")

    if isinstance(result, str) and result.startswith("error: "):
        assert made.error is not None
        assert made.error.startswith("eval:1: " + result.removeprefix("error: "))
    else:
        assert (made.error, made.result) == (None, result)
