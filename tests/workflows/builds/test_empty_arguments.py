"""An argument from a variable that is not set must not mean every branch, or any commit."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kosmo_circleci.run.envelope import Run

BY_BRANCH = (
    "approve",
    "cancel_redundant",
    "deploy_and_wait",
    "download_artifacts",
    "download_logs",
    "rerun_failed",
    "trigger_and_watch",
    "watch",
    "why_did_it_fail",
)


@pytest.mark.parametrize("name", BY_BRANCH)
def test_an_empty_branch_is_refused_before_anything_is_asked(
    name: str, workflow: Callable[..., Run], tmp_path: Path
) -> None:
    run = workflow(name, {"branch": ""}, files=tmp_path)

    assert (run.exit_code, run.call_count) == (1, 0)
    assert run.error == "branch is empty. Name one: --arg branch=main"


@pytest.mark.parametrize("revision", ["", "abc"])
def test_the_beginning_of_a_commit_must_tell_it_from_others(
    revision: str, workflow: Callable[..., Run]
) -> None:
    run = workflow("watch", {"revision": revision})

    assert (run.exit_code, run.call_count) == (1, 0)
    assert "revision has fewer than 4 characters" in str(run.error)


@pytest.mark.parametrize(
    ("name", "target", "way_out"),
    [
        ("download_artifacts", {"number": "42"}, "a pipeline: --arg number=…"),
        ("download_logs", {"number": "42"}, "a pipeline: --arg number=…"),
        ("rerun_failed", {"number": "42"}, "a pipeline: --arg number=…"),
        ("watch", {"revision": f"{42:040x}"}, "a commit: --arg revision=…"),
    ],
)
def test_a_detached_checkout_has_no_branch_and_a_named_pipeline_needs_none(
    name: str,
    target: dict[str, str],
    way_out: str,
    workflow: Callable[..., Run],
    tmp_path: Path,
) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (
        ("init", "--quiet"),
        ("remote", "add", "origin", "git@github.com:example-org/example-repo"),
        (*who, "commit", "--quiet", "--allow-empty", "--message=one"),
        ("checkout", "--quiet", "--detach"),
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, timeout=20)

    assert workflow(name, target, files=tmp_path).error is None
    run = workflow(name, files=tmp_path)
    assert (run.call_count, run.error) == (
        0,
        f"no branch to look at. Name one: --arg branch=main, or {way_out}",
    )
