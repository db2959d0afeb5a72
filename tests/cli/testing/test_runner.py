"""integrations:test: which tests run, what they demand, what is said about those that fail."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from ended import Ended

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.check import check
from kosmo_circleci.cli.testing.formats import to_junit
from kosmo_circleci.cli.testing.runner import Runner
from kosmo_circleci.limits import Limits

Kosmo = Callable[..., Ended]
DATA: Final = Path(__file__).parents[2] / "data" / "testing"

EQUAL: Final = {
    "expect.equal(5, 6)": "expect.equal: got 5, expected 6",
    "expect.equal('a', nil)": 'expect.equal: got "a", expected null',
    "expect.equal({1}, 1)": "expect.equal: got [1], expected 1",
    "expect.equal({a = {1, {b = 2}}}, {a = {1, {b = 3}}})": (
        "expect.equal: at .a[2].b: got 2, expected 3"
    ),
    "expect.equal({a = 1}, {})": "expect.equal: at .a: got 1, expected null",
    "expect.equal({}, {a = 1, b = 2})": "expect.equal: at .a: got null, expected 1",
    "expect.equal(nil, json.null)": "expect.equal: got null, expected json.null",
    "expect.equal(print, 1)": "expect.equal: got <function>, expected 1",
    "expect.equal(1, 2, 'the count')": "the count: expect.equal: got 1, expected 2",
}
ERROR: Final = {
    "expect.error(function() end)": "expect.error: nothing was raised",
    "expect.error(function() error('boom', 0) end, 'bang')": (
        'expect.error: got "boom", expected "bang" in it'
    ),
    "expect.error(function() app.integrations.circleci.get_user('x') end, {status = 500})": (
        "expect.error: status is 404, expected 500: CircleCI API error (404): User not found"
    ),
    "expect.error(function() error('boom', 0) end, {type = 'api'})": (
        'expect.error: type is null, expected "api": boom'
    ),
    "expect.match('abc', '^b')": 'expect.match: "abc" does not match "^b"',
    "expect.match(5, 'x', 'the number')": 'the number: expect.match: "5" does not match "x"',
}


def result_of(body: str, folder: Path) -> Any:
    """Return the one result of a file whose test has this body, on the second line."""
    file = folder / "one_test.lua"
    file.write_text(f"function test_it()\n{body}\nend\n")
    (result,) = Runner(Limits(cpu_s=1.0)).results([file])
    return result


def test_tests_that_demand_what_is_true_pass(kosmo: Kosmo) -> None:
    ended = kosmo("integrations:test", str(DATA))
    file = DATA / "passing_test.lua"
    assert ended.out.splitlines() == [
        f"ok   {file} test_a_pipeline_is_triggered_on_main",
        f"ok   {file} test_the_world_of_each_test_is_new",
        f"ok   {file} test_an_unknown_project_is_an_api_error",
        f"ok   {file} test_equal_values_are_equal",
        "4 passed, 0 failed",
    ]
    assert (ended.code, ended.err) == (0, "")


def test_a_test_file_has_no_finding() -> None:
    for file in DATA.glob("*.lua"):
        report = check(file.read_text("utf-8"), file.name, load_catalog(), ("default",))
        assert report.findings == ()


@pytest.mark.parametrize(("body", "message"), [*EQUAL.items(), *ERROR.items()])
def test_a_demand_that_is_not_met_says_what_came_instead_and_where(
    body: str, message: str, tmp_path: Path
) -> None:
    run = result_of(body, tmp_path).run
    assert run.error == f"{tmp_path / 'one_test.lua'}:2: {message}"


@pytest.mark.parametrize(
    ("body", "error_type", "part"),
    [
        ("error('boom')", "runtime", "one_test.lua:2: boom"),
        ("while true do end", "limit", "more than 1 s of CPU time"),
        ("app.integrations.circleci.get_pipelin()", "validation", "Unknown function"),
        ("app.integrations.circleci.get_user('x')", "api", "(404): User not found"),
    ],
)
def test_any_error_fails_a_test(body: str, error_type: str, part: str, tmp_path: Path) -> None:
    run = result_of(body, tmp_path).run
    assert run.error_type == error_type
    assert part in str(run.error)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("function test_x(", "name expected"),
        ("error('while loading')\nfunction test_x() end", "while loading"),
        ("local function test_x() end", "no global function has a name that begins with test_"),
        ("", "no global function has a name that begins with test_"),
    ],
)
def test_a_file_that_gives_no_tests_is_a_failure(
    code: str, message: str, kosmo: Kosmo, tmp_path: Path
) -> None:
    (tmp_path / "bad_test.lua").write_text(code)
    ended = kosmo("integrations:test", str(tmp_path), "--json")
    answer = json.loads(ended.out)
    assert (ended.code, answer["passed"], answer["failed"]) == (1, 0, 1)
    (entry,) = answer["tests"]
    assert entry["name"] == "(file)"
    assert message.replace("name expected", "<name>") in entry["error"]


def test_tests_are_chosen_by_a_part_of_their_name(kosmo: Kosmo) -> None:
    ended = kosmo("integrations:test", str(DATA), "-k", "unknown", "--json")
    assert [each["name"] for each in json.loads(ended.out)["tests"]] == [
        "test_an_unknown_project_is_an_api_error"
    ]
    none = kosmo("integrations:test", str(DATA), "-k", "nonsense")
    assert (none.code, none.err) == (2, "error: No test has 'nonsense' in its name.\n")


def test_tests_have_the_modules_beside_their_file_and_those_of_the_path(
    kosmo: Kosmo, tmp_path: Path
) -> None:
    for name in ("tests", "common"):
        (tmp_path / name).mkdir()
    (tmp_path / "tests/beside.lua").write_text("return {loads = 0}")
    (tmp_path / "common/shared.lua").write_text("return require('beside')")
    file = tmp_path / "tests/a_test.lua"
    body = "local b = require('shared') b.loads = b.loads + 1 expect.equal(b.loads, 1)"
    file.write_text(f"function test_one() {body} end function test_two() {body} end")
    arguments = ("integrations:test", str(file))
    assert kosmo(*arguments, "--lua-path", str(tmp_path / "common")).code == 0
    assert "there is no module 'shared'" in kosmo(*arguments).out


def test_further_accounts_are_simulated_too(kosmo: Kosmo, tmp_path: Path) -> None:
    (tmp_path / "a_test.lua").write_text(
        "function test_work() app.integrations.circleci.work.get_current_user() end"
    )
    assert kosmo("integrations:test", str(tmp_path)).code == 1
    assert kosmo("integrations:test", str(tmp_path), "--account", "work").code == 0


def test_nothing_of_the_machine_is_read(
    kosmo: Kosmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_BASE_URL", "not a URL")
    monkeypatch.setenv("KOSMO_CONFIG", str(tmp_path / "missing.yaml"))
    (tmp_path / "a_test.lua").write_text(
        "function test_me() app.integrations.circleci.get_current_user() end"
    )
    assert kosmo("integrations:test", str(tmp_path)).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing_test.lua",), "missing_test.lua: No such file or directory."),
        ((".",), "There is no test file. Their names end in _test.lua."),
        ((), "Missing argument"),
        ((".", "--json", "--format", "tap"), "--json and --format tap exclude each other."),
    ],
)
def test_a_command_line_that_cannot_be_carried_out_exits_2(
    arguments: tuple[str, ...],
    message: str,
    kosmo: Kosmo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = kosmo("integrations:test", *arguments)
    assert ended.code == 2
    assert message in ended.out + ended.err


def test_a_signal_ends_the_tests_and_what_has_run_is_still_told(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "a_test.lua").write_text(
        "function test_first() end\n"
        "function test_second() while true do end end\n"
        "function test_third() end\n"
    )
    screen = terminal("integrations:test", str(tmp_path), "--cpu-limit", "20")
    screen.expect("test_first")
    screen.process.send_signal(signal.SIGINT)
    assert screen.end() == 130
    assert "1 passed, " in screen.seen
    assert "ok   " + str(tmp_path / "a_test.lua") + " test_third" not in screen.seen


def test_a_test_is_in_the_example_project_wherever_it_runs(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/topic\n")
    body = (
        "expect.equal(app.integrations.circleci.here().project_slug, 'gh/example-org/example-repo')"
    )
    assert result_of(body, tmp_path).run.error is None


def test_a_test_that_exits_with_a_failure_says_so_in_every_form(tmp_path: Path) -> None:
    failed = result_of("exit(3)", tmp_path)
    file = tmp_path / "one_test.lua"
    assert (failed.run.error, failed.run.error_type) == (
        f"{file}: test_it ended with exit(3)",
        "runtime",
    )
    assert "<failure" in to_junit([failed])
    assert result_of("exit(0)", tmp_path).run.success
