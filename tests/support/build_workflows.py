"""What the tests of the workflows about builds share."""

from typing import Final

from kosmo_circleci.run.envelope import Run

PROJECT: Final = "gh/example-org/example-repo"

HERE: Final = {"project_slug": PROJECT, "branch": "main"}
"""The checkout that the workflows find themselves in."""


def writes(run: Run) -> list[str]:
    """Return the functions that wrote something, in order."""
    return [
        str(call["tool"]).removeprefix("circleci_")
        for call in run.call_log
        if call["kind"] == "write"
    ]
