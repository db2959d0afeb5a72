"""Contract, section 2: `kosmo integrations:lua` as a process, its sources and its envelope."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ended import Ended

PATIENCE_S = 20.0

NO_WRITES = {"done": 0, "refused": 0, "unknown": 0}


def lua(*arguments: str, stdin: str | None = None, cwd: Path | None = None) -> Ended:
    """Run the command; without `stdin`, standard input is empty."""
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "integrations:lua", *arguments],
        input="" if stdin is None else stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "deploy.lua"
    file.write_text("#!/usr/bin/env kosmo\nreturn 6 * 7, args.branch\n")
    return file


# --- the source of the code


def test_the_code_comes_from_a_file_an_option_or_standard_input(script: Path) -> None:
    assert lua(str(script), "--arg", "branch=main") == (0, '[\n  42,\n  "main"\n]\n', "")
    assert lua("-e", "return 1") == (0, "1\n", "")
    assert lua("--eval", "return 1") == (0, "1\n", "")
    assert lua(stdin="return 1") == (0, "1\n", "")
    assert lua("-", stdin="return 1") == (0, "1\n", "")
    assert lua(stdin="#!/usr/bin/env kosmo\nreturn 1") == (0, "1\n", "")


def test_an_option_wins_over_a_standard_input_that_is_not_a_terminal() -> None:
    assert lua("-e", "return 1", stdin="return 2") == (0, "1\n", "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["x.lua", "-e", "return 1"], None, "Give FILE or --eval, not both."),
        ([], None, "Standard input is empty. Give FILE, --eval CODE, or pipe Lua to it."),
        (["-"], "  \n", "Standard input is empty. Give FILE, --eval CODE, or pipe Lua to it."),
        (
            ["missing.lua"],
            None,
            "missing.lua: No such file or directory. Name a Lua file, or give --eval CODE.",
        ),
        (["."], None, ".: Is a directory. Name a Lua file, or give --eval CODE."),
        (["a.lua", "b.lua"], None, "Got unexpected extra argument (b.lua)"),
        (["--evall", "1"], None, "No such option '--evall'."),
        (["-e", "1", "--arg", "x"], None, "Invalid value for '--arg': 'x' is not KEY=VALUE"),
        (["-e", "1", "--memory-limit", "lots"], None, "Invalid value for '--memory-limit':"),
        (["-e", "1", "--cpu-limit", "-1"], None, "Invalid value for '--cpu-limit':"),
        (["-e", "1", "--timeout", "0"], None, "Invalid value for '--timeout':"),
    ],
)
def test_a_usage_error_has_exit_code_2_and_an_envelope(
    tmp_path: Path, arguments: list[str], stdin: str | None, message: str
) -> None:
    text = lua(*arguments, stdin=stdin, cwd=tmp_path)
    assert (text.code, text.out) == (2, "")
    assert text.err.startswith(f"error: {message}")
    found = lua(*arguments, "--json", stdin=stdin, cwd=tmp_path)
    assert (found.code, found.err) == (2, "")
    envelope = found.json
    assert envelope.pop("error").startswith(message)
    assert envelope == {
        "success": False,
        "output": "",
        "result": None,
        "error_type": "usage",
        "execution_time_ms": 0.0,
        "memory_usage": 0,
        "call_count": 0,
        "call_log": [],
        "meta": {"permission_bypassed": False, "simulated": False, "writes": NO_WRITES},
    }


def test_nothing_named_on_a_terminal_is_a_usage_error() -> None:
    import pty

    master, slave = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "integrations:lua"],
        stdin=slave,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    os.close(master)
    os.close(slave)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        "error: Nothing to run. Give FILE, --eval CODE, or pipe Lua to standard input.\n",
    )


def test_a_file_that_cannot_be_read_is_a_usage_error(script: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    script.chmod(0)
    assert lua(str(script)).code == 2


def test_an_unknown_account_is_a_configuration_error() -> None:
    ended = lua("-e", "return 1", "--account", "nope", "--json")
    assert (ended.code, ended.json["error_type"]) == (1, "configuration")
    assert ended.json["error"].startswith("Unknown account 'nope'. Configured accounts: default.")


# --- the envelope


def test_the_envelope_has_exactly_these_keys_in_this_order() -> None:
    code = "print('a') print('b', 1) return app.integrations.circleci.get_current_user().login"
    ended = lua("-e", code, "--simulate", "--json")
    found = ended.json
    assert list(found) == [
        *("success", "output", "result", "error", "error_type", "execution_time_ms"),
        *("memory_usage", "call_count", "call_log", "meta"),
    ]
    assert 0 < found.pop("execution_time_ms") < 20_000
    memory = found.pop("memory_usage")
    assert isinstance(memory, int)
    assert 50_000 < memory < 5_000_000
    assert list(found["call_log"][0]) == [
        *("function", "tool", "account", "kind", "effect", "status"),
        *("http_status", "duration_ms", "attempts"),
    ]
    assert found["call_log"][0].pop("duration_ms") >= 0
    assert (ended.code, ended.err, found) == (
        0,
        "",
        {
            "success": True,
            "output": "a\nb\t1",
            "result": "example-user",
            "error": None,
            "error_type": None,
            "call_count": 1,
            "call_log": [
                {
                    "function": "app.integrations.circleci.get_current_user",
                    "tool": "circleci_get_current_user",
                    "account": "default",
                    "kind": "read",
                    "effect": "none",
                    "status": "ok",
                    "http_status": 200,
                    "attempts": 1,
                }
            ],
            "meta": {"permission_bypassed": False, "simulated": True, "writes": NO_WRITES},
        },
    )


RESULTS = """
local loop = {name = "loop"} loop.again = loop
local all = {}
local function case(...) all[#all + 1] = table.pack(...) end
return {
  nan = 0/0, inf = 1/0, minus = -1/0, fn = print, loop = loop,
  whole = 10 // 3, float = 3.0, big = 2^53, text = "ü\\n\\0", null = json.null,
  empty = {}, array = json.array(), object = json.object(), list = {1, nil, 3}, mixed = {1, a = 2},
}
"""


@pytest.mark.parametrize(
    ("code", "output", "result"),
    [
        ("", "", None),
        ("return", "", None),
        ("return nil", "", None),
        ("return nil, nil", "", [None, None]),
        ("return 1, 'a', {}", "", [1, "a", {}]),
        ("return 'text'", "", "text"),
        ("print()", "", None),
        ("print() print()", "\n", None),
        ("print('a\\n')", "a\n", None),
        ("print(nil, true, 1.5, 'a')", "nil\ttrue\t1.5\ta", None),
        (
            RESULTS,
            "",
            {
                "nan": "nan",
                "inf": "inf",
                "minus": "-inf",
                "fn": "<function>",
                "loop": {"name": "loop", "again": "<circular>"},
                "whole": 3,
                "float": 3.0,
                "big": 2.0**53,
                "text": "ü\n\0",
                "null": None,
                "empty": {},
                "array": [],
                "object": {},
                "list": [1, None, 3],
                "mixed": {"1": 1, "a": 2},
            },
        ),
    ],
)
def test_output_joins_lines_and_the_result_is_what_was_returned(
    code: str, output: str, result: Any
) -> None:
    ended = lua("-e", code, "--json")
    assert (ended.code, ended.json["output"], ended.json["result"]) == (0, output, result)


@pytest.mark.parametrize(
    ("code", "error", "error_type"),
    [
        ("x x", "syntax error near 'x'", "syntax"),
        ("return", None, None),
        ("error('boom')", "boom", "runtime"),
        ("local x = nil + 1", "attempt to perform arithmetic on a nil value", "runtime"),
        ("app.integrations.circleci.get_project()",
         "get_project: Missing required parameter(s): project_slug", "validation"),
        ("app.integrations.circleci.delete_context('context-uuid')",
         "app.integrations.circleci.delete_context is a write:", "permission"),
        ("app.integrations.circleci.get_project('gh/acme/nowhere')",
         "CircleCI API error (404): Project not found", "api"),
        ("while true do end", "The script used more than 0.3 s of CPU time.", "limit"),
    ],
)  # fmt: skip
def test_an_error_begins_with_where_it_happened(
    script: Path, code: str, error: str | None, error_type: str | None
) -> None:
    limit = ("--simulate", "--json", "--cpu-limit", "0.3")
    script.write_text(f"#!kosmo\n\n{code}")
    for name, line, ended in (
        ("eval", 1, lua("-e", code, *limit)),
        ("stdin", 1, lua(*limit, stdin=code)),
        (str(script), 3, lua(str(script), *limit)),
    ):
        assert ended.code == (0 if error is None else 1)
        assert ended.err == ""
        found = ended.json
        assert found["error_type"] == error_type
        if error is not None:
            assert found["error"].startswith(f"{name}:{line}: {error}")


def test_a_caught_error_of_the_bridge_has_no_place_in_front() -> None:
    code = "local _, e = pcall(app.integrations.circleci.get_project) return tostring(e), e.message"
    message = "get_project: Missing required parameter(s): project_slug"
    assert lua("-e", code, "--json").json["result"] == [message, message]


def test_force_lifts_the_policy_and_says_so() -> None:
    code = "app.integrations.circleci.delete_context('context-uuid')"
    found = lua("-e", code, "--simulate", "--force", "--json").json
    writes = NO_WRITES | {"done": 1}
    assert found["meta"] == {"permission_bypassed": True, "simulated": True, "writes": writes}
    unneeded = lua("-e", "return 1", "--simulate", "--force", "--json").json
    assert unneeded["meta"] == {
        "permission_bypassed": False,
        "simulated": True,
        "writes": NO_WRITES,
    }


def test_args_are_strings_and_the_last_of_a_name_wins() -> None:
    ended = lua("-e", "return args", *("--arg", "a=1", "--arg", "b=x=y", "--arg", "a=2", "--json"))
    assert ended.json["result"] == {"a": "2", "b": "x=y"}
    assert lua("-e", "return args", "--arg", "empty=", "--json").json["result"] == {"empty": ""}


def test_the_call_log_keeps_the_last_thousand_and_counts_all() -> None:
    code = "for i = 1, 1010 do app.integrations.circleci.get_current_user() end"
    found = lua("-e", code, "--simulate", "--json").json
    assert (found["call_count"], len(found["call_log"])) == (1010, 1000)
