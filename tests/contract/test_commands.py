"""Contract, section 11: the other commands, their JSON, their faults and their exit codes."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import click
import pytest
from ended import Ended

from kosmo_circleci.cli.commands import COMMANDS, load
from kosmo_circleci.cli.names import SHORT_NAMES
from kosmo_circleci.version import __version__

PATIENCE_S = 20.0


def kosmo(*arguments: str, stdin: str = "") -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        env=os.environ | {"COLUMNS": "80"},
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_every_command_of_the_contract_is_there_and_takes_json() -> None:
    wanted = {
        *("integrations:lua", "integrations:docs", "integrations:search", "integrations:list"),
        *("integrations:schema", "integrations:call", "integrations:circleci"),
        *("integrations:status", "integrations:doctor", "integrations:fields"),
        *("integrations:configure", "circleci:simulate"),
        *("mcp:list", "mcp:trust", "mcp:tools", "mcp:lua", "mcp:serve"),
    }
    assert wanted - set(COMMANDS) == set()
    silent = [
        name for name in COMMANDS if not any("--json" in each.opts for each in load(name).params)
    ]
    assert silent == []


def test_help_groups_the_commands() -> None:
    ended = kosmo("--help")
    assert (ended.code, ended.err) == (0, "")
    assert kosmo().out == ended.out
    assert kosmo("-h").out == ended.out
    headings = [line for line in ended.out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings[:3] == ["Options:", "Run:", "Look up:"]


@pytest.mark.parametrize(
    ("short", "full"),
    [
        (["run", "-e", "return 1"], "integrations:lua"),
        (["call", "get_current_user", "--simulate"], "integrations:call"),
        (["docs", "flow"], "integrations:docs"),
        (["search", "cancel", "a", "job"], "integrations:search"),
        (["list"], "integrations:list"),
        (["status"], "integrations:status"),
        (["configure", "circleci", "--write", "deny"], "integrations:configure"),
        (["call"], "integrations:call"),
        (["run", "--nonsense"], "integrations:lua"),
        (["run", "--timeout", "x"], "integrations:lua"),
        (["docs", "nope"], "integrations:docs"),
    ],
)
def test_a_short_name_is_the_same_command(short: list[str], full: str) -> None:
    for more in ([], ["--json"]):
        brief, whole = kosmo(*short, *more), kosmo(full, *short[1:], *more)
        assert brief.code == whole.code
        assert brief.err == whole.err.replace(f"See 'kosmo {full} ", f"See 'kosmo {short[0]} ")
        if more:
            assert _without_times(brief.json) == _without_times(whole.json)
        else:
            assert brief.out == whole.out


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        measured = ("execution_time_ms", "duration_ms", "memory_usage")
        return {key: _without_times(each) for key, each in value.items() if key not in measured}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def test_the_doctor_has_a_short_name() -> None:
    ended = kosmo("doctor", "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: kosmo doctor ")


def test_help_shows_each_command_once_with_its_short_name() -> None:
    out = kosmo("--help").out
    _, _, listed = out.partition("\nRun:\n")
    for name in set(COMMANDS) - {"completion"}:  # which its own line names again
        assert len(re.findall(rf"(?<![\w:]){re.escape(name)}(?![\w:])", listed)) == 1, name
    for short, full in SHORT_NAMES.items():
        assert re.search(rf"^  {short} +{full} ", listed, re.MULTILINE), short


def test_the_version_is_one_line() -> None:
    assert kosmo("--version") == (0, f"kosmo, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("integrations:lau", " Did you mean 'integrations:lua'?"),
        ("integration:docs", " Did you mean 'integrations:docs'?"),
        ("lua", " Did you mean 'integrations:lua'?"),
        ("schema", " Did you mean 'integrations:schema'?"),
        ("get_pipeline", ""),
    ],
)
def test_a_misspelt_command_gets_a_suggestion(name: str, hint: str) -> None:
    message = f"There is no command '{name}'.{hint}"
    assert kosmo(name) == (2, "", f"error: {message}\nSee 'kosmo --help'.\n")
    ended = kosmo(name, "--json")
    assert (ended.code, ended.json) == (
        2,
        {"success": False, "error": message, "error_type": "usage"},
    )


@pytest.mark.parametrize(
    ("arguments", "code", "error_type", "error"),
    [
        (["integrations:docs", "nope"], 1, "validation", "Unknown documentation page: nope."),
        (
            ["integrations:docs", "circleci.get_pipelin"],
            1,
            "validation",
            "Unknown documentation page: circleci.get_pipelin. Did you mean: circleci.get_pipeline",
        ),
        (["integrations:docs", "a", "b"], 2, "usage", "Got unexpected extra argument (b)"),
        (["integrations:search"], 2, "usage", "Missing argument 'QUERY...'."),
        (["integrations:list", "x"], 2, "usage", "Got unexpected extra argument (x)"),
        (["integrations:schema"], 2, "usage", "Missing argument 'FUNCTION'."),
        (["integrations:schema", "get_pipelin"], 1, "validation", "Unknown function: get_pipelin."),
        (["integrations:call", "get_pipelin"], 1, "validation", "Unknown function: get_pipelin."),
        (["integrations:call", "get_pipeline", "{"], 2, "usage", "The JSON argument is not JSON:"),
        (
            ["integrations:circleci", "get_pipeline", "--pipeline-id"],
            2,
            "usage",
            "--pipeline-id needs a value: write --pipeline-id=…",
        ),
        (
            ["integrations:circleci", "get_job_details", "--project-slug=a/b/c", "--job-number=x"],
            1,
            "validation",
            "get_job_details: ",
        ),
        (["integrations:status", "--jsn"], 2, "usage", "No such option '--jsn'."),
        (["integrations:doctor", "--account"], 2, "usage", "Option '--account' requires an arg"),
        (["integrations:fields", "github"], 2, "usage", "There is no integration 'github'."),
        (["integrations:configure"], 2, "usage", "Missing argument 'INTEGRATION'."),
        (
            ["integrations:configure", "circleci", "--write", "maybe"],
            2,
            "usage",
            "'write' must be one of allow, ask, deny, not 'maybe'.",
        ),
        (["completion", "tcsh"], 2, "usage", "Invalid value for 'SHELL': 'tcsh' is not"),
    ],
)
def test_a_wrong_input_says_what_was_wrong(
    arguments: list[str], code: int, error_type: str, error: str
) -> None:
    text = kosmo(*arguments)
    assert (text.code, text.out) == (code, "")
    assert text.err.startswith(f"error: {error}")
    if arguments[-1] == "--account":
        return  # the option would take --json as its value
    ended = kosmo(arguments[0], "--json", *arguments[1:])
    found = ended.json
    assert (ended.code, ended.err) == (code, "")
    assert (found["success"], found["error_type"]) == (False, error_type)
    assert found["error"].startswith(error)
    assert "See '" not in found["error"]


def test_documentation_is_the_same_text_at_every_door() -> None:
    page = kosmo("integrations:docs", "circleci.get_pipeline")
    found = kosmo("integrations:docs", "circleci.get_pipeline", "--json").json
    assert page.out == found["text"].rstrip("\n") + "\n"
    assert found | {"text": ""} == {"success": True, "page": "circleci.get_pipeline", "text": ""}
    script = "return docs.read('circleci.get_pipeline')"
    assert kosmo("integrations:lua", "-e", script, "--json").json["result"] == found["text"]


def test_a_search_finds_by_meaning() -> None:
    ended = kosmo("integrations:search", "cancel", "a", "running", "job")
    found = kosmo("integrations:search", "cancel a running job", "--json").json
    assert found["success"] is True
    assert found["query"] == "cancel a running job"
    assert found["functions"][0].startswith("cancel_job_by_")
    assert len(found["functions"]) <= 10
    assert ended.out.splitlines()[0].startswith(f"circleci.{found['functions'][0]} (write): ")


def test_the_list_has_every_function() -> None:
    found = kosmo("integrations:list", "--json").json
    lines = kosmo("integrations:list").out.splitlines()
    assert len(found["functions"]) == len(lines) > 100
    first = found["functions"][0]
    assert list(first) == ["name", "tool", "kind", "method", "path", "description"]
    assert lines[0] == f"circleci.{first['name']} ({first['kind']}): {first['description']}"


def test_a_schema_is_json_with_and_without_the_option() -> None:
    for more in ([], ["--json"]):
        found = json.loads(kosmo("integrations:schema", "get_pipeline", *more).out)
        assert found["type"] == "object"
        assert found["required"] == ["pipeline_id"]
        assert found["additionalProperties"] is False


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command_works_through_the_real_command(name: str) -> None:
    ended = kosmo(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: kosmo {name} ")
    command: click.Command = load(name)
    assert all(
        max(each.opts, key=len) in ended.out for each in command.params if each.opts[0][0] == "-"
    )
