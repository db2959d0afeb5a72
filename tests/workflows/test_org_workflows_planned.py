"""The workflows about organizations as a shell starts them, and those that write with --plan."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.shipped import ORG, Simulation, run_workflow

KOSMO: Final = Path(sys.executable).with_name("kosmo")

SECRET: Final = "a-secret-that-nobody-sees-z7q9"

WRITING: Final[dict[str, dict[str, Any]]] = {
    "rotate_context_secret": {"name": "DEPLOY_TOKEN", "value": SECRET},
    "webhooks_sync": {"url": "https://ci.acme.com/hook", "secret": SECRET},
    "usage_report": {},
}


def kosmo(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KOSMO, "integrations:lua", "--simulate", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", WRITING)
def test_a_plan_lists_the_writes_and_makes_none(
    circleci: Simulation, tmp_path: Path, name: str
) -> None:
    plan = tmp_path / "writes.plan"

    run = run_workflow(circleci, name, org=ORG, plan=plan, **WRITING[name])

    assert (run.error, circleci.transport.methods) == (None, {"GET"})
    writes = json.loads(plan.read_text())["writes"]
    assert len(writes) == {"webhooks_sync": 2}.get(name, 1)


@pytest.mark.parametrize("name", WRITING)
def test_no_secret_is_in_a_plan_or_in_what_is_said_of_it(
    circleci: Simulation, tmp_path: Path, name: str
) -> None:
    plan = tmp_path / "writes.plan"

    run = run_workflow(circleci, name, org=ORG, plan=plan, **WRITING[name])

    shown = plan.read_text() + json.dumps(run.to_json()) + str(run.result_text) + str(run.log)
    assert "z7q9" not in shown


def test_a_report_is_a_page_for_people_and_a_table_for_programs(tmp_path: Path) -> None:
    page = kosmo(tmp_path, "--workflow", "flaky_report")
    table = kosmo(tmp_path, "--workflow", "flaky_report", "--format=csv", "--columns=project,test")

    assert (page.returncode, page.stderr) == (0, "")
    assert page.stdout.splitlines()[0] == "1 flaky test in 2 projects"
    assert table.stdout == "project,test\ngh/example-org/example-repo,test_login\n"


def test_a_secret_is_planned_and_rotated_by_two_commands(tmp_path: Path) -> None:
    arguments = ("--workflow", "rotate_context_secret", "--arg=name=DEPLOY_TOKEN")
    arguments += ("--arg-env=value=NEW_SECRET",)

    planned = kosmo(tmp_path, *arguments, "--plan=rotate.plan", NEW_SECRET=SECRET)
    applied = kosmo(tmp_path, *arguments, "--apply=rotate.plan", NEW_SECRET=SECRET)

    assert (planned.returncode, planned.stderr) == (0, "")
    assert "      value        = ***\n" in planned.stdout
    assert planned.stdout.endswith("Plan: 0 to create, 1 to update, 0 to delete, 0 actions.\n")
    assert (applied.returncode, applied.stderr) == (0, "")
    assert applied.stdout.startswith(
        "DEPLOY_TOKEN of gh/example-org has its new value in 1 of 1 context\n\n"
    )
    assert SECRET not in planned.stdout + applied.stdout + (tmp_path / "rotate.plan").read_text()
