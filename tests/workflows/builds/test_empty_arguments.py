"""An argument from a variable that is not set must not mean every branch, or any commit."""

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
