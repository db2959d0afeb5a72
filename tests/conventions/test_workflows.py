"""Every ready-made workflow declares what it takes and writes, and runs by the real command."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.check import check
from kosmo_circleci.docs import guides
from kosmo_circleci.workflows.header import Header, parse

KOSMO: Final = Path(sys.executable).with_name("kosmo")
FOLDER: Final = guides.folder() / "workflows"

SHIPPED: Final = frozenset(
    {
        "why_did_it_fail",
        "watch",
        "rerun_failed",
        "approve",
        "cancel_redundant",
        "deploy_and_wait",
        "download_artifacts",
        "download_logs",
        "flaky_report",
        "slow_jobs",
        "cost_report",
        "usage_report",
        "unused_contexts",
        "secret_inventory",
        "rotate_context_secret",
        "webhooks_sync",
        "org_audit",
    }
)
"""The names that users, documents and tests of others count on."""

FURTHER: Final = frozenset({"context_secret", "copy_context_variable_names", "trigger_and_watch"})
"""What was there before, and stays. May only shrink."""

FILES: Final = sorted(FOLDER.glob("*.lua"))
by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def header_of(file: Path) -> Header:
    return parse(file.read_text("utf-8"), file.name)


def test_the_shipped_workflows_are_these() -> None:
    assert {file.stem for file in FILES} == SHIPPED | FURTHER


@by_file
def test_a_workflow_says_what_it_does_and_how_it_is_started(file: Path) -> None:
    first, second, *lines = file.read_text("utf-8").splitlines()

    assert first == "#!/usr/bin/env -S kosmo integrations:lua"
    assert re.fullmatch(r"--- [A-Z].{20,}\.", second)
    assert any(re.match(rf"-- +kosmo run --workflow {file.stem}\b", line) for line in lines)
    assert max(map(len, (first, second, *lines))) <= 130


@by_file
def test_a_workflow_uses_each_argument_it_declares_and_no_other(file: Path) -> None:
    declared = [each.name for each in header_of(file).arguments]

    used = set(re.findall(r"\bargs\.(\w+)", file.read_text("utf-8")))
    assert used == set(declared)
    assert all(each.description for each in header_of(file).arguments)


@by_file
def test_a_workflow_declares_exactly_the_functions_it_writes_with(file: Path) -> None:
    report = check(file.read_text("utf-8"), file.name, load_catalog(), ("default",))

    writes = header_of(file).writes
    assert report.findings == ()
    assert writes is not None
    assert sorted(writes) == sorted(report.to_dict()["calls"]["write"])  # type: ignore[index, call-overload]


@by_file
def test_a_workflow_names_no_example(file: Path) -> None:
    code = "\n".join(
        line for line in file.read_text("utf-8").splitlines() if not line.startswith("--")
    )
    assert not re.search(r"example-(org|repo)|[a-z]-uuid\b", code)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """Start a workflow by the command, outside of any checkout."""

    def started(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KOSMO, "integrations:lua", "--simulate", "--workflow", name, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    return started


def test_why_main_failed_is_one_command_and_a_page(start: Callable[..., Any]) -> None:
    done = start("why_did_it_fail")

    assert (done.returncode, done.stderr) == (0, "")
    page = done.stdout.splitlines()
    assert page[0] == "Pipeline 44 on main of gh/example-org/example-repo"
    assert page[2] == 'integration / test, step 103 "Run tests": failed, exit code 1'
    assert "  failed: test_login: AssertionError: expected 200, got 500" in page
    assert page[-1].startswith("    FAILED tests/test_account.py::test_login")


def test_why_main_failed_is_rows_for_a_program(start: Callable[..., Any]) -> None:
    done = start("why_did_it_fail", "--json")

    envelope = json.loads(done.stdout)
    assert (done.returncode, envelope["output"]) == (0, "")
    assert [(row["job"], row["exit_code"]) for row in envelope["result"]] == [("test", 1)]


def test_a_watched_failure_is_a_page_on_stdout_and_an_exit_code(start: Callable[..., Any]) -> None:
    done = start("watch", "--arg", "lines=1")

    assert (done.returncode, done.stderr) == (
        1,
        "watching pipeline 44 of gh/example-org/example-repo\n",
    )
    assert done.stdout.splitlines()[:3] == [
        "Pipeline 44 on main of gh/example-org/example-repo",
        "  success      build-and-test",
        "  failed       integration",
    ]


def test_a_workflow_that_writes_needs_permission_and_its_plan_does_not(
    start: Callable[..., Any],
) -> None:
    refused = start("approve")
    planned = start("approve", "--plan", "approve.plan")

    assert refused.returncode == 1
    assert "approve_workflow_job" in refused.stderr
    assert (planned.returncode, planned.stderr) == (0, "")
    assert planned.stdout.startswith("approve would make these calls, in this order:\n")
    assert planned.stdout.endswith("Plan: 0 to create, 0 to update, 0 to delete, 1 action.\n")


def test_the_plan_of_a_workflow_with_nothing_to_do_says_why(start: Callable[..., Any]) -> None:
    planned = start("cancel_redundant", "--arg", "branch=quiet", "--plan", "cancel.plan")

    assert planned.stdout == (
        "nothing redundant runs in gh/example-org/example-repo on quiet\n"
        "The script would write nothing.\n"
    )
