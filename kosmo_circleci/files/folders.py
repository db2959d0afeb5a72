"""Where a user's files are, a project's, and the package's documentation."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from kosmo_circleci.errors import UsageError
from kosmo_circleci.wording import printable

NO_HOME: Final = Path("/nonexistent")
"""The home of a user who has none, as in `/etc/passwd` of many systems: nothing is ever there."""


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the home folder of the user `environ` belongs to: an absolute path, always.

    A process in a container may run without HOME under a user id that has no entry in the password
    database. It has no home folder (`NO_HOME`), and variables still configure it.
    """
    named = Path(environ.get("HOME", ""))
    if named.is_absolute():
        return named
    try:
        home = Path.home()
    except RuntimeError:
        return NO_HOME
    return home if home.is_absolute() else NO_HOME  # HOME="" would mean the current folder


def current_folder() -> Path:
    """Return the current folder; a path where nothing is if it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return NO_HOME


def project_folder(start: Path, has: Callable[[Path], bool]) -> Path:
    """Return the folder whose files count for `start`: the nearest one for which `has` is true.

    It is `start` or one above it inside the same git repository, else `start` itself.
    """
    above = [start, *start.parents]
    roots = [folder for folder in above if (folder / ".git").exists()]
    if not roots:
        return start
    inside = above[: above.index(roots[0]) + 1]
    return next((folder for folder in inside if has(folder)), start)


@cache
def documentation_folder() -> Path:
    """Return the folder lua_docs/: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    packaged = package / "lua_docs"
    return packaged if packaged.is_dir() else package.parent / "lua_docs"


def configuration_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder of the user's configuration files: `$XDG_CONFIG_HOME`, or `~/.config`.

    A relative `$XDG_CONFIG_HOME` does not count (XDG Base Directory Specification).
    """
    folder = Path(environ.get("XDG_CONFIG_HOME", ""))
    return folder if folder.is_absolute() else home / ".config"


def user_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder of our own configuration files."""
    return configuration_folder(environ, home) / "kosmo"


def existing_folder(path: str | os.PathLike[str], what: str) -> str:
    """Return the absolute path of a folder that is there.

    Raises `UsageError`, whose message begins with `what`.
    """
    if not os.fspath(path):  # an unset variable of a shell must not mean the current folder
        raise UsageError(f"{what}: the name of the folder is empty.")
    absolute = os.path.abspath(path)
    if os.path.isdir(absolute):
        return absolute
    reason = "Not a directory" if os.path.exists(absolute) else "No such file or directory"
    raise UsageError(f"{what} {printable(os.fspath(path))}: {reason}.")
