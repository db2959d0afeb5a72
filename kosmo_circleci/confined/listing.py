"""The files of a folder whose names match a glob.

How it works. A pattern is a row of parts, and `**` matches any number of folders. While the
folders are walked, each carries the set of places in the row that its own path may have come to (a
nondeterministic automaton): so a folder that cannot lead to a match is not opened, and a pattern of
many `**` costs no more than their number for each name.
"""

import contextlib
import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from kosmo_circleci.confined.folder import Folder
from kosmo_circleci.confined.names import MAX_PARTS, Refused, parts_of
from kosmo_circleci.confined.writing import is_temporary

EVERYTHING: Final = b"**"

_ANY_FOLDERS: Final = "**"
_LIST: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_Places: TypeAlias = frozenset[int]


def names(folder: Folder, pattern: bytes, check: Callable[[], None]) -> Iterator[str]:
    """Yield the names of the files that match, in no order; `check` is called at each name.

    Links to folders are not walked through; one to a file counts if it stays inside. Files whose
    names no function takes (`parts_of`) are left out, as are those that are being written, and
    folders that may not be read. Raises `Refused` for an invalid pattern, and what `check` does.
    """
    parts = parts_of(pattern)
    if parts[-1] == _ANY_FOLDERS:
        parts = (*parts, "*")
    glob = _Glob(parts)
    root = folder.opened()
    try:
        # Opened once more: the place where a listing is belongs to all duplicates of a descriptor.
        descriptor = os.open(".", _LIST, dir_fd=root)
    finally:
        os.close(root)
    yield from _names(folder, glob, descriptor, (), glob.start, check)


def _names(
    folder: Folder,
    glob: "_Glob",
    descriptor: int,
    above: tuple[str, ...],
    places: _Places,
    check: Callable[[], None],
) -> Iterator[str]:
    """Yield the names beneath one folder, whose descriptor is closed in the end."""
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                check()
                path = (*above, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    inner = glob.next(places, entry.name)
                    if inner and len(path) < MAX_PARTS:
                        with contextlib.suppress(OSError):  # gone, swapped, or not ours to read
                            opened = os.open(entry.name, _LIST, dir_fd=descriptor)
                            yield from _names(folder, glob, opened, path, inner, check)
                elif glob.ends(places, entry.name) and _is_file(folder, entry, "/".join(path)):
                    yield "/".join(path)
    finally:
        os.close(descriptor)


def _is_file(folder: Folder, entry: os.DirEntry[str], name: str) -> bool:
    """Say whether an entry is a file that the other functions take by this name."""
    try:
        raw = os.fsencode(name)
        parts_of(raw)
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False) and not is_temporary(entry.name)
        with folder.place(raw) as place:
            status = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except (Refused, OSError):
        return False
    return stat.S_ISREG(status.st_mode)


class _Glob:
    """A pattern; places are indexes of its parts that come next."""

    def __init__(self, parts: tuple[str, ...]) -> None:
        self._parts = [
            None if part == _ANY_FOLDERS else re.compile(fnmatch.translate(part)) for part in parts
        ]
        self.start = self._skipping({0})

    def next(self, places: _Places, name: str) -> _Places:
        """Return the places after a folder of that name; empty where nothing inside can match."""
        passed = set()
        for place in places:
            part = self._parts[place]
            if part is None:
                passed.add(place)
            elif part.match(name) and place + 1 < len(self._parts):
                passed.add(place + 1)
        return self._skipping(passed)

    def ends(self, places: _Places, name: str) -> bool:
        """Say whether a file of that name completes the pattern, whose last part is no `**`."""
        last = len(self._parts) - 1
        part = self._parts[last]
        return last in places and part is not None and part.match(name) is not None

    def _skipping(self, places: set[int]) -> _Places:
        """Return the places with those behind each `**`, which may match no folder at all."""
        todo = list(places)
        while todo:
            place = todo.pop()
            if self._parts[place] is None and place + 1 not in places:
                places.add(place + 1)
                todo.append(place + 1)
        return frozenset(places)
