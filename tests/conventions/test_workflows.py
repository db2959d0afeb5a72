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


def why(branch: str) -> Any:
    project = "gh/example-org/another-repo"
    arguments = ("--arg", f"project={project}", "--arg", f"branch={branch}")
    return run(FOLDER / "why_did_it_fail.lua", *arguments)


@pytest.mark.parametrize(
    ("branch", "pipeline", "status"),
    [("timeout/search", 1, "timedout"), ("infra/search", 2, "infrastructure_fail")],
)
def test_why_did_it_fail_knows_jobs_that_were_killed(
    branch: str, pipeline: int, status: str
) -> None:
    envelope = why(branch)

    [row] = envelope["result"]
    assert (row["pipeline_number"], row["job"], row["status"]) == (pipeline, "test", status)
    assert f"Pipeline {pipeline} on {branch} of gh/example-org/another-repo" in envelope["output"]


def test_why_did_it_fail_names_step_exit_code_tests_and_the_end_of_the_log() -> None:
    envelope = run(FOLDER / "why_did_it_fail.lua", "--arg", "branch=fail/payments")

    [row] = envelope["result"]
    assert (row["job"], row["step"], row["exit_code"]) == ("test", "Run tests", 1)
    output = envelope["output"].splitlines()
    assert output[:4] == [
        "Pipeline 41 on fail/payments of gh/example-org/example-repo",
        "",
        'build-and-test / test, step 103 "Run tests": failed, exit code 1',
        f"  {row['url']}",
    ]
    assert output[4] == "  failed: test_login: AssertionError: expected 200, got 500"
    assert output[-1].endswith("FAILED tests/test_account.py::test_login - AssertionError: "
                               "expected 200, got 500")  # fmt: skip


def test_why_did_it_fail_looks_at_main_unless_told_otherwise() -> None:
    envelope = run(FOLDER / "why_did_it_fail.lua")

    assert [(row["branch"], row["workflow"]) for row in envelope["result"]] == [
        ("main", "integration")
    ]


def test_why_did_it_fail_says_what_is_wrong_with_a_configuration() -> None:
    envelope = why("error/search")

    trouble = "Job 'test' requires 'lint', which is the name of 0 other jobs."
    assert [row["message"] for row in envelope["result"]] == [trouble]
    assert envelope["output"] == (
        "Pipeline 3 on error/search of gh/example-org/another-repo\n\n"
        f"the pipeline cannot run\n  {trouble}"
    )


def test_why_did_it_fail_says_so_where_nothing_failed() -> None:
    envelope = run(FOLDER / "why_did_it_fail.lua", "--arg", "branch=no-such-branch")

    assert (envelope["result"], envelope["output"]) == (
        [],
        "nothing failed in the newest pipeline of gh/example-org/example-repo on no-such-branch",
    )


def test_trigger_and_watch_ends_at_once_when_the_configuration_is_refused() -> None:
    envelope = run(FOLDER / "trigger_and_watch.lua", "--arg", "branch=error/x")

    trouble = "Job 'test' requires 'lint', which is the name of 0 other jobs."
    assert (envelope["exit_code"], envelope["error"]) == (1, f"pipeline 46 cannot run: {trouble}")
    assert envelope["call_count"] == 3


@pytest.mark.parametrize(
    ("branch", "workflow", "test"),
    [
        ("main", "success", "success"),
        ("fail/x", "failed", "failed"),
        ("timeout/x", "failed", "timedout"),
        ("infra/x", "failed", "infrastructure_fail"),
        ("hold/x", "on_hold", "success"),
    ],
)
def test_trigger_and_watch_reports_how_the_pipeline_ended(
    branch: str, workflow: str, test: str
) -> None:
    envelope = run(FOLDER / "trigger_and_watch.lua", "--arg", f"branch={branch}")

    assert (envelope["error"], envelope["result"]["workflow"]) == (None, workflow)
    assert envelope["result"]["jobs"]["test"] == test
