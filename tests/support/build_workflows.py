"""What the tests of the workflows about builds share."""

from pathlib import Path
from typing import Final

from kosmo_circleci.run.envelope import Run

PROJECT: Final = "gh/example-org/example-repo"


def writes(run: Run) -> list[str]:
    """Return the functions that wrote something, in order."""
    return [
        str(call["tool"]).removeprefix("circleci_")
        for call in run.call_log
        if call["kind"] == "write"
    ]


def names_under(folder: Path) -> list[str]:
    """Return the sorted names of the files in a folder, relative to it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)
