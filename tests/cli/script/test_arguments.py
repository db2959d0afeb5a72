"""What a script gets in its table `args`, from wherever it came."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BYTES_OF = (
    "local codes = json.array() for i = 1, #args.k do codes[i] = args.k:byte(i) end return codes"
)


def run(*arguments: str | bytes, stdin: bytes = b"", env: dict[str, str] | None = None) -> Any:
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "run", *arguments, "--json"],
        input=stdin,
        capture_output=True,
        timeout=20,
        env=os.environ | (env or {}),
    )
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    "value", [b"\xff\xfea", b"plain", "Grüße 日本".encode(), b"", b"\xed\xa0\x80", b"a=b"]
)
def test_an_argument_is_the_bytes_that_were_typed(value: bytes) -> None:
    envelope = run("-e", BYTES_OF, "--arg", b"k=" + value)
    assert (envelope["error"], envelope["result"]) == (None, list(value))


def test_arguments_come_from_files_variables_json_and_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text('{"n": 12, "list": [1, null, {"a": true}], "k": "json"}')
    (tmp_path / "config.yml").write_text("version: 2.1\n")
    envelope = run(
        *("-e", "return args", "--args-json", str(tmp_path / "args.json")),
        *("--arg", "k=line", "--arg-file", f"config={tmp_path / 'config.yml'}"),
        *("--arg-env", "where=PLACE"),
        env={"PLACE": "at home"},
    )
    assert envelope["result"] == {
        "n": 12,
        "list": [1, None, {"a": True}],
        "k": "line",
        "config": "version: 2.1\n",
        "where": "***",  # what comes from a variable is masked on its way out
    }


@pytest.mark.parametrize(
    ("options", "stdin", "result"),
    [
        (("--arg-file", "k=-"), b"secret\n", "secret"),
        (("--arg-file", "k=-"), b"two\nlines\r\n", "two\nlines"),
        (("--args-json", "-"), b'{"k": [1.5]}', [1.5]),
        (("--args-json", "-", "--arg", "k=line"), b'{"k": [1.5]}', "line"),
    ],
)
def test_a_value_may_come_from_standard_input(
    options: tuple[str, ...], stdin: bytes, result: Any
) -> None:
    assert run("-e", "return args.k", *options, stdin=stdin)["result"] == result


def test_a_value_of_a_variable_is_masked_wherever_text_leaves(process: Any, tmp_path: Path) -> None:
    report, trace = tmp_path / "report.html", tmp_path / "trace.json"
    code = """
        print("printed " .. args.token)
        pcall(app.integrations.circleci.get_project, {project_slug = "gh/a/" .. args.token})
        error("raised " .. args.token)
    """
    options = ("run", "--simulate", "-e", code, "--arg-env", "token=MY_TOKEN")
    for more in ((), ("--json",)):
        files = ("--report", str(report), "--trace", str(trace))
        ended = process(*options, *files, *more, env={"MY_TOKEN": "hunter2-secret"})
        seen = ended.out + ended.err + report.read_text() + trace.read_text()
        assert ended.code == 1
        assert "hunter2" not in seen
        assert "printed ***" in ended.out
        assert "raised ***" in ended.out + ended.err


def test_a_large_value_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    assert (
        run("-e", "return #args.k", "--arg-file", f"k={tmp_path / 'large'}")["result"] == 3_000_000
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("-e", "return 1", "--arg-file", "k=/nowhere/file"),
            "--arg-file k=/nowhere/file: No such file or directory. Name a file that can be read.",
        ),
        (
            ("-e", "return 1", "--arg-file", "k=/dev/zero"),
            "--arg-file k=/dev/zero: larger than 64 MiB, the most that an argument may be.",
        ),
        (
            ("/dev/zero",),
            "/dev/zero: Larger than 64 MiB, the most that a script may be. "
            "Name a Lua file, or give --eval CODE.",
        ),
        (
            ("-e", "return 1", "--arg-env", "k=KOSMO_TEST_UNSET"),
            "--arg-env k=KOSMO_TEST_UNSET: the variable KOSMO_TEST_UNSET is not set. "
            "Set it, or name another.",
        ),
        (
            ("-e", "return 1", "--args-json", "/nowhere/file"),
            "--args-json /nowhere/file: No such file or directory. Name a file that can be read.",
        ),
        (
            ("-e", "return 1", "--args-json", "-"),
            "--args-json: Standard input is not JSON: Expecting value at line 1 column 1.",
        ),
        (
            ("-e", "return 1", "--arg-file", "a=-", "--arg-file", "b=-"),
            "Standard input can be read once: --arg-file a=- and --arg-file b=- both read it.",
        ),
        (
            ("-e", "return 1", "--arg-file", "a=-", "--args-json", "-"),
            "Standard input can be read once: --arg-file a=- and --args-json - both read it.",
        ),
        (
            ("--arg-file", "a=-"),
            "--arg-file a=- reads standard input. Give FILE or --eval CODE.",
        ),
        (
            ("-", "--args-json", "-"),
            "--args-json - reads standard input. Give FILE or --eval CODE.",
        ),
        (
            ("-e", "return 1", "--arg", "k=1", "--arg-env", "k=HOME"),
            "--arg and --arg-env both give 'k'. Give it once.",
        ),
        (
            ("-e", "return 1", "--arg-env", "k"),
            "Invalid value for '--arg-env': 'k' is not KEY=VARIABLE; "
            "write for example --arg-env token=MY_TOKEN",
        ),
    ],
)
def test_arguments_that_cannot_be_had_are_usage_errors(
    arguments: tuple[str, ...], message: str
) -> None:
    envelope = run(*arguments)
    assert (envelope["error_type"], envelope["error"]) == ("usage", message)


def test_a_prompt_reads_standard_input_itself(process: Any) -> None:
    ended = process("run", "--repl", "--args-json", "-", stdin="{}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: --repl and --args-json - exclude each other: a prompt reads its own lines.\n"
    )


def test_json_arguments_must_be_an_object() -> None:
    envelope = run("-e", "return 1", "--args-json", "-", stdin=b"[1]")
    assert envelope["error"] == (
        '--args-json: Standard input must hold a JSON object: {"branch": "main"}'
    )
