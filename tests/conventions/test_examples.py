"""What engineers do every day is one command, and under twenty lines of Lua by hand."""

import re
from typing import Final

import pytest

from kosmo_circleci.docs import guides

BY_HAND: Final = {
    "Why did main fail?": "why_did_it_fail",
    "Run what failed again, and wait": "rerun_failed",
    "Cancel all but the newest run of a branch": "cancel_redundant",
    "Approve what waits, if the tests are fine": "approve",
    "Download all artifacts of a workflow": "download_artifacts",
    "Deploy a branch, wait, and fail when it fails": "deploy_and_wait",
}
"""Heading of the example -> the ready-made workflow."""


@pytest.mark.parametrize(("heading", "workflow"), BY_HAND.items())
def test_a_daily_job_is_one_command_and_under_twenty_lines_by_hand(
    heading: str, workflow: str
) -> None:
    section = guides.read("examples").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = re.search(r"```lua\n(.*?)```", section, re.DOTALL)

    assert f"`kosmo run --workflow {workflow}" in section
    assert block is not None
    assert len(block[1].splitlines()) < 20
