"""integrations:lua --check and --check=strict: nothing runs that has findings."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ended import Ended

Kosmo = Callable[..., Ended]

GOOD = "print('running') return app.integrations.circleci.get_current_user().login"
BAD = "print('running')\nreturn app.integrations.circleci.get_pipelin('x')"
FINDING = (
    "eval:2:34: Unknown function: app.integrations.circleci.get_pipelin. "
    "Did you mean: get_pipeline? [unknown-function]"
)


def test_check_alone_runs_nothing(process: Kosmo) -> None:
    command = ("integrations:lua", "--simulate", "--check")
    assert process(*command, "-e", GOOD) == Ended(0, "reads: get_current_user\n", "")
    assert process(*command, "-e", BAD) == Ended(1, f"{FINDING}\n", "")
    assert process(*command, stdin="return 1") == Ended(0, "", "")


def test_check_alone_answers_as_integrations_check_does(process: Kosmo, tmp_path: Path) -> None:
    script = tmp_path / "s.lua"
    script.write_text(BAD)
    by_run = process("integrations:lua", "--check", str(script), "--json")
    by_check = process("integrations:check", str(script), "--json")
    assert by_run == by_check
    assert json.loads(by_run.out)["findings"][0]["rule"] == "unknown-function"
    for form in ("sarif", "github"):
        by_run = process("integrations:lua", "--check", str(script), "--format", form)
        by_check = process("integrations:check", str(script), "--format", form)
        assert by_run == by_check
        assert "unknown-function" in by_run.out


def test_strict_runs_what_has_no_findings(process: Kosmo) -> None:
    ended = process("integrations:lua", "--simulate", "--check=strict", "-e", GOOD)
    assert ended == Ended(0, "running\nexample-user\n", "")


def test_strict_refuses_what_has_findings_before_it_runs(process: Kosmo) -> None:
    command = ("integrations:lua", "--simulate", "--check=strict", "-e", BAD)
    message = f"Nothing was run: 1 fault was found.\n{FINDING}"
    assert process(*command) == Ended(1, "", f"error: {message}\n")
    envelope = json.loads(process(*command, "--json").out)
    assert (envelope["success"], envelope["error"]) == (False, message)
    assert (envelope["error_type"], envelope["call_count"]) == ("validation", 0)
    assert (envelope["output"], envelope["meta"]["simulated"]) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--check=lax", "-e", "x"), "'lax' is not one of"),
        (("--check", "--repl"), "--repl and --check exclude each other"),
        (("--check", "-e", "x", "--format", "csv"), "--format sarif or github, or --json."),
        (("--check", "-e", "x", "--jq", "."), "--check and --jq exclude each other"),
        (("--check", "-e", "x", "--plan", "p"), "--check and --plan exclude each other"),
        (("-e", "x", "--format", "sarif"), "--format sarif writes findings"),
        (("--check", "missing.lua"), "missing.lua: No such file or directory"),
    ],
)
def test_a_wrong_use_of_check_exits_2(
    arguments: tuple[str, ...], message: str, process: Kosmo
) -> None:
    ended = process("integrations:lua", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
