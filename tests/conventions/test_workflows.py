"""Every workflow file runs as it is: by the real command, simulated, without arguments."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

KOSMO: Final = Path(sys.executable).with_name("kosmo")
FOLDER: Final = Path(__file__).parents[2] / "lua_docs" / "workflows"
FILES: Final = sorted(FOLDER.glob("*.lua"))


def run(file: Path, *arguments: str) -> Any:
    """Return the envelope of a simulated run, its exit code as `exit_code` beside it."""
    done = subprocess.run(
        [KOSMO, "integrations:lua", file, "--simulate", "--force", "--json", *arguments],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    return json.loads(done.stdout) | {"exit_code": done.returncode}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_file_runs(file: Path) -> None:
    envelope = run(file)

    assert (envelope["error"], envelope["exit_code"]) == (None, 0)
    assert envelope["call_count"] > 0
    assert envelope["result"] is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_its_head_says_how_to_start_it_and_names_every_argument(file: Path) -> None:
    first, *lines = file.read_text("utf-8").splitlines()
    head = []
    for line in lines:
        if not line.startswith("--"):
            break
        head.append(line)
    text = "\n".join(head)

    assert first == "#!/usr/bin/env -S kosmo integrations:lua"
    assert f"kosmo integrations:lua {file.name}" in text
    used = set(re.findall(r"\bargs\.(\w+)", file.read_text("utf-8")))
    documented = set(re.findall(r"^-- +(\w+(?:, \w+)*)(?:=yes)?  ", text, re.MULTILINE))
    assert used == {name for names in documented for name in names.split(", ")}
    assert "-- Returns {" in text


def test_the_folder_is_not_empty() -> None:
    assert len(FILES) >= 6


def deploy(*arguments: str) -> Any:
    return run(FOLDER / "deploy_and_wait.lua", *arguments)


def test_deploy_and_wait_approves_only_when_told_to() -> None:
    held = deploy("--arg", "branch=hold/release")
    approved = deploy("--arg", "branch=hold/release", "--arg", "approve=yes")

    assert (held["exit_code"], held["error"]) == (
        1,
        "pipeline 46 did not succeed: build-and-test is on_hold",
    )
    assert approved["error"] is None
    assert approved["result"]["approved"] == ["hold-deploy"]
    assert approved["result"]["workflows"] == [{"name": "build-and-test", "status": "success"}]


@pytest.mark.parametrize(
    ("branch", "error"),
    [
        ("fail/x", "pipeline 46 did not succeed: build-and-test is failed"),
        ("error/x", "flow.wait_pipeline: the pipeline cannot run: "),
    ],
)
def test_deploy_and_wait_fails_when_the_pipeline_does(branch: str, error: str) -> None:
    envelope = deploy("--arg", f"branch={branch}")

    assert envelope["exit_code"] == 1
    assert error in envelope["error"]


def test_the_flaky_report_asks_every_project_and_names_no_more_tests_than_wanted() -> None:
    envelope = run(FOLDER / "nightly_flaky_report.lua", "--arg", "top=0")

    asked = [each for each in envelope["call_log"] if each["tool"] == "circleci_list_flaky_tests"]
    assert len(asked) == envelope["result"]["projects"] == 2
    assert (envelope["result"]["flaky"], envelope["result"]["tests"]) == (1, [])


def test_a_context_gets_the_names_it_lacks_with_a_placeholder() -> None:
    envelope = run(FOLDER / "copy_context_variable_names.lua")
    tools = [each["tool"] for each in envelope["call_log"]]

    assert envelope["result"]["created"] == ["AWS_REGION", "DEPLOY_TOKEN"]
    assert tools.count("circleci_create_context") == 1
    assert tools.count("circleci_upsert_context_env_var") == 2


def test_a_dry_copy_writes_nothing() -> None:
    envelope = run(FOLDER / "copy_context_variable_names.lua", "--arg", "dry=yes")

    assert envelope["result"] == {"created": ["AWS_REGION", "DEPLOY_TOKEN"], "kept": []}
    assert {each["tool"] for each in envelope["call_log"]} == {
        "circleci_list_context_env_vars",
        "circleci_list_contexts",
    }
