"""All that decides what a workflow file does, as one SHA-256.

The file's text does, and the modules it may load. Which ones those are only running it would tell,
so a file that says `require` is taken with every Lua file below its folder.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kosmo_circleci.errors import UsageError
from kosmo_circleci.files.bounded import read_bounded
from kosmo_circleci.jsonvalue import JsonValue, encode

MAX_MODULES: Final = 500
"""How many Lua files the folder of a workflow that loads modules may hold."""

_REQUIRE: Final = re.compile(r"\brequire\b")


def loads_modules(code: str) -> bool:
    """Say whether a script may load modules. One that does not say `require` gets none."""
    return _REQUIRE.search(code) is not None


def fingerprint(path: Path, code: str) -> str:
    """Return the fingerprint of the workflow at `path` with the text `code`.

    Raises `UsageError` for modules that cannot be read.
    """
    modules: list[JsonValue] = []
    if loads_modules(code):
        modules += [[name, mark] for name, mark in _modules(path.parent)]
    parts: list[JsonValue] = [path.name, code, modules]
    return hashlib.sha256(encode(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the Lua files below a folder, with the digest of each, and where links lead."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in folders:
            if os.path.islink(os.path.join(place, name)):
                path = os.path.join(place, name)
                yield os.path.relpath(path, folder), os.readlink(path)
        for name in sorted(names):
            if not name.endswith(".lua"):
                continue
            count += 1
            if count > MAX_MODULES:
                raise UsageError(f"{folder}: more than {MAX_MODULES} Lua files to look through.")
            path = os.path.join(place, name)
            yield os.path.relpath(path, folder), _digest(path)


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(read_bounded(Path(path))).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
