"""Where workflow files are: the package, the user's configuration folder, the project."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from kosmo_circleci.files.folders import documentation_folder, project_folder, user_folder
from kosmo_circleci.files.trust import TrustFile
from kosmo_circleci.workflows.library import Library, Workflow

PROJECT: Final = Path(".kosmo", "workflows")
"""A project's folder: in the current folder, or the nearest one above it in the git repository."""


def open_library(environ: Mapping[str, str], home: Path, start: Path) -> Library:
    """Return every workflow that a user in the folder `start` has."""
    own = user_folder(environ, home)
    project = project_folder(start, lambda folder: (folder / PROJECT).is_dir())
    return Library(
        [
            ("shipped", _shipped_folder()),
            ("user", own / "workflows"),
            ("project", project / PROJECT),
        ],
        TrustFile(own / "workflow-trust.json", "workflows", "kosmo workflows:trust NAME"),
    )


@cache
def shipped() -> tuple[Workflow, ...]:
    """Return the package's workflows."""
    return shipped_library().workflows()


def shipped_library() -> Library:
    """Return a library of the package's workflows alone."""
    none = TrustFile(Path("/nonexistent"), "workflows", "")
    return Library([("shipped", _shipped_folder())], none)


def _shipped_folder() -> Path:
    return documentation_folder() / "workflows"
