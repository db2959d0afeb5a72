"""A script that declares its arguments, through the real command."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """#!/usr/bin/env -S kosmo integrations:lua
--- Rerun what failed.
-- @arg project  string  = @here.project_slug   The project's slug.
-- @arg lines    integer = 40    Lines of log per step.
-- @arg only     string?         Only jobs whose name matches.
-- @arg target   string  Where to.
-- @writes rerun_workflow
return args
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a workflow file, and enter a folder that is not a git checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "rerun.lua").write_text(SCRIPT)
    return "rerun.lua"


def test_arguments_are_converted_and_defaults_filled_in(kosmo: Any, script: str) -> None:
    ended = kosmo("run", script, "--simulate", "--arg", "target=x", "--arg", "lines=7", "--json")
    assert ended.json["result"] == {
        "project": "gh/example-org/example-repo",
        "lines": 7,
        "target": "x",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--simulate"], "Missing argument 'target' (string): Where to. Give it with --arg target"),
        (
            ["--simulate", "--arg", "target=x", "--arg", "line=2"],
            "Unknown argument 'line'. Did you",
        ),
        (["--simulate", "--arg", "target=x", "--arg", "lines=many"], "Argument 'lines' takes an i"),
        (["--arg", "target=x"], "Missing argument 'project': /"),
    ],
)
def test_what_does_not_fit_is_a_usage_error_before_anything_runs(
    kosmo: Any, script: str, options: list[str], message: str
) -> None:
    ended = kosmo("run", script, *options, "--json")
    assert (ended.code, ended.json["error_type"]) == (2, "usage")
    assert ended.json["error"].startswith(message)


def test_the_script_explains_itself(kosmo: Any, script: str) -> None:
    ended = kosmo("run", script, "--help-script")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "Usage: kosmo run rerun.lua [--arg KEY=VALUE]…\n\n"
        "  Rerun what failed.\n\n"
        "Arguments:\n"
        "  project string  The project's slug. Default @here.project_slug.\n"
        "  lines integer   Lines of log per step. Default 40.\n"
        "  only string     Only jobs whose name matches.\n"
        "  target string   Where to. Required.\n\n"
        "Writes: rerun_workflow\n"
    )
    described = kosmo("run", script, "--help-script", "--json").json
    assert described["args"][1] == {
        "name": "lines",
        "type": "integer",
        "required": False,
        "default": "40",
        "description": "Lines of log per step.",
    }
    assert (described["name"], described["writes"]) == ("rerun.lua", ["rerun_workflow"])


WRITES = """-- @writes {writes}
local c = app.integrations.circleci
local ok, e = pcall(c.cancel_workflow, "running-workflow-uuid")
return {{ok = ok, type = not ok and e.type or nil, message = not ok and e.message or nil}}
"""


@pytest.mark.parametrize(
    ("writes", "allowed"),
    [("none", "none"), ("rerun_workflow, api_post", "rerun_workflow, api_post")],
)
def test_a_write_that_is_not_declared_is_refused_whatever_the_policy(
    kosmo: Any, writes: str, allowed: str
) -> None:
    code = WRITES.format(writes=writes)
    envelope = kosmo("run", "--simulate", "--force", "-e", code, "--json").json
    assert envelope["result"] == {
        "ok": False,
        "type": "permission",
        "message": (
            "app.integrations.circleci.cancel_workflow is a write, and the script's header allows "
            f"{allowed} (@writes). Nothing was sent. "
            "Add cancel_workflow to @writes if the script is to do this."
        ),
    }
    assert envelope["call_count"] == 0


def test_a_declared_write_still_needs_permission(kosmo: Any) -> None:
    code = WRITES.format(writes="cancel_workflow")
    run = ("run", "--simulate", "-e", code, "--json")
    assert kosmo(*run).json["result"]["type"] == "permission"
    assert kosmo(*run, "--force").json["result"] == {"ok": True}


def test_defaults_come_from_the_checkout(kosmo: Any, script: str, tmp_path: Path) -> None:
    for arguments in (
        ("init", "--initial-branch", "topic"),
        ("remote", "add", "origin", "https://T0KEN@scm.example.com/acme/web.git"),
    ):
        subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=20)
    shown = kosmo("run", "-e", "return app.integrations.circleci.here().branch")
    assert shown == (0, "topic\n", "")
    branch = "-- @arg branch string = @here.branch\nreturn args.branch"
    assert kosmo("run", "-e", branch) == (0, "topic\n", "")
    refused = kosmo("run", script, "--arg", "target=x")
    assert (refused.code, refused.err) == (
        2,
        "error: Missing argument 'project': the git checkout has none: its remote, "
        "https://scm.example.com/acme/web.git, does not say it. Give it with --arg project=…\n",
    )
    subprocess.run(["git", "remote", "set-url", "origin", "git@github.com:acme/web"], check=True)
    code = """-- @arg slug string = @here.project_slug
    return app.integrations.circleci.get_project(args.slug)"""
    unknown = kosmo("run", "-e", code, "--simulate")
    assert unknown.code == 1
    assert unknown.err.splitlines()[-1] == (
        "The simulated CircleCI does not have gh/acme/web, the project of this checkout. "
        "It has gh/example-org/example-repo: --arg slug=gh/example-org/example-repo"
    )
    given = kosmo("run", script, "--arg", "target=x", "--json").json
    assert given["result"] == {"project": "gh/acme/web", "lines": 40, "target": "x"}


def test_text_is_read_as_json_and_a_string_out_of_json_is_not(kosmo: Any, tmp_path: Path) -> None:
    code = "-- @arg a json\n-- @arg b json\nreturn {a = args.a, b = args.b}"
    file = tmp_path / "args.json"
    file.write_text('{"a": "5", "b": "5"}')
    given = kosmo("run", "-e", code, "--args-json", str(file), "--arg", "b=5", "--json").json
    assert (given["error"], given["result"]) == (None, {"a": "5", "b": 5})
