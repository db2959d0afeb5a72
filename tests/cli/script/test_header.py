"""A script that declares its arguments, through the real command."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.cli.script.checkout import here, project_slug

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
        (["--arg", "target=x"], "Missing argument 'project': this folder is not a git checkout"),
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


@pytest.mark.parametrize(
    ("remote", "slug"),
    [
        ("git@github.com:acme/web.git", "gh/acme/web"),
        ("https://github.com/acme/web", "gh/acme/web"),
        ("https://token@github.com/acme/web.git", "gh/acme/web"),
        ("ssh://git@bitbucket.org:22/acme/web.git", "bb/acme/web"),
        ("git@gitlab.com:acme/web.git", ""),
        ("https://github.example.com/acme/web", ""),
        ("/srv/git/web.git", ""),
        ("", ""),
    ],
)
def test_a_slug_comes_from_a_remote_of_github_or_bitbucket(remote: str, slug: str) -> None:
    assert project_slug(remote) == slug


def test_a_checkout_gives_project_branch_and_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert here(simulate=False) == {}

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, timeout=20)

    git("init", "--initial-branch", "topic")
    git("remote", "add", "origin", "git@github.com:acme/web.git")
    git("commit", "--allow-empty", "--message", "first")
    fields = here(simulate=False)
    assert fields.pop("revision").isalnum()
    assert fields == {"project_slug": "gh/acme/web", "branch": "topic"}
    git("checkout", "--detach")
    assert "branch" not in here(simulate=False)


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
