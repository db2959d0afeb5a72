"""A folder that nothing leads out of: its files by relative names, whatever links it holds.

How it works, as in Go's `os.Root`. A name is walked part by part, and each folder on the way is
opened with `O_NOFOLLOW`, relative to the descriptor of the one before it. So nothing can be swapped
for a link between a look and its use: what has been looked at is what is held open. A symbolic link
is read, not followed, and the parts of its target are walked by the same rules; `..` in a target
goes back to the descriptor the walk came from, and never above the folder itself.

Not covered: a file with a second name elsewhere (a hard link) and a file system mounted inside the
folder are part of it, and a folder that is moved out while it is written to takes the file along.
"""

import contextlib
import errno
import os
import stat
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from kosmo_circleci.confined.names import MAX_PARTS, Refused, parts_of

MAX_LINKS: Final = 40
"""Links of one name, as in Linux: more of them lead in circles."""

# To walk through a folder takes no right to list it, where the system knows the difference.
_WALK: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a FIFO must not wait for its writer, nor a terminal become the controlling one.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_SWAPPED: Final = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)

_KINDS: Final = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a FIFO"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISLNK, "is a symbolic link that is being changed"),
)


class Place(NamedTuple):
    """Where a file is, or would be: the descriptor of its folder, and its name there.

    The name is not a link: where it was one, this is the place the link leads to.
    """

    folder: int
    name: str


class Folder:
    """A folder held open. Close it. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        """Open the folder at `path`, which may be a link itself. Raises `OSError`."""
        self._own_paths = {os.path.abspath(path), os.path.realpath(path)}
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close it; no-op the second time. A call under way on another thread is unaffected."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def opened(self) -> int:
        """Return a descriptor of the folder, its caller's to close. Raises `Refused` when closed.

        A number that another thread may close could be that of another folder a moment later.
        """
        with self._lock:
            if self._descriptor < 0:
                raise Refused("cannot be used any more: the run has ended")
            return os.dup(self._descriptor)

    @contextlib.contextmanager
    def place(self, name: bytes, *, make_folders: bool = False) -> Iterator[Place]:
        """Yield the place of a file, following links as far as they stay inside.

        With `make_folders` the folders on the way are made. Raises `Refused` and `OSError`.
        """
        walk = _Walk(self.opened(), self._own_paths)
        try:
            yield walk.to(parts_of(name), make_folders=make_folders)
        finally:
            walk.end()

    @contextlib.contextmanager
    def nearest(self, name: bytes) -> Iterator[tuple[int, Place | None]]:
        """Yield the folder of a file, and its place; without one the folder it would be made in.

        That is the last folder on the way that is there. Raises `Refused` and `OSError`.
        """
        walk = _Walk(self.opened(), self._own_paths)
        place: Place | None = None
        try:
            with contextlib.suppress(FileNotFoundError):
                place = walk.to(parts_of(name), make_folders=False)
            yield walk.here, place
        finally:
            walk.end()

    def read(self, name: bytes, most_bytes: int) -> bytes:
        """Return the content of a regular file.

        Raises `TooLarge`, before anything is read where its size is known, `Refused`, `OSError`.
        """
        with self.place(name) as place:
            descriptor = open_regular(place, _READ)
        try:
            size = os.fstat(descriptor).st_size
            if size > most_bytes:
                raise TooLarge(size)
            # In chunks, up to the end: a file may grow, and those of some file systems say 0.
            pieces, left = [], most_bytes + 1
            while left > 0 and (piece := os.read(descriptor, min(left, max(size, 1 << 16)))):
                pieces.append(piece)
                left -= len(piece)
        finally:
            os.close(descriptor)
        if left <= 0:
            raise TooLarge(most_bytes + 1)
        return b"".join(pieces)


class TooLarge(Exception):
    """A file has more bytes than the caller takes; `size_bytes` of them at least."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


def open_regular(place: Place, flags: int) -> int:
    """Open a file that is there and is a regular one; anything else is refused unopened.

    Raises `Refused` and `OSError`.
    """
    # Opening a device can have effects, so its kind is looked at first; then the file that is open
    # is looked at, for it may be another one by now.
    refuse_other_kinds(os.stat(place.name, dir_fd=place.folder, follow_symlinks=False))
    try:
        descriptor = os.open(place.name, flags, dir_fd=place.folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise Refused("is a symbolic link that is being changed") from None
        raise
    try:
        refuse_other_kinds(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def refuse_other_kinds(status: os.stat_result) -> None:
    """Raise `Refused` for what is not a regular file."""
    for is_kind, words in _KINDS:
        if is_kind(status.st_mode):
            raise Refused(words)


class _Walk:
    """The way to one file: descriptors of the folders walked through, the outermost first."""

    def __init__(self, root: int, own_paths: set[str]) -> None:
        self._root = root
        self._own_paths = own_paths
        self._inner: list[int] = []
        self._links = 0

    @property
    def here(self) -> int:
        """The folder the walk has come to."""
        return self._inner[-1] if self._inner else self._root

    def end(self) -> None:
        """Close every folder on the way."""
        self._return_to_root()
        os.close(self._root)

    def _return_to_root(self) -> None:
        while self._inner:
            os.close(self._inner.pop())

    def to(self, parts: tuple[str, ...], *, make_folders: bool) -> Place:
        """Walk to a file and return its place; the parts of a link's target take the link's place.

        Raises `Refused` and `OSError`. The folders walked through stay open until `end`.
        """
        todo = deque(parts)
        while True:
            part = todo.popleft()
            if part == "..":
                self._go_back()
                if not todo:
                    raise Refused("is a folder")
                continue
            target = self._link_at(part)
            if target is not None:
                todo.extendleft(reversed(self._parts_of_target(target)))
                if not todo:
                    raise Refused("is a folder")
            elif not todo:
                return Place(self.here, part)
            elif not self._enter(part, make_folders):
                todo.appendleft(part)  # a link by now: read it

    def _go_back(self) -> None:
        if not self._inner:
            raise Refused("is a symbolic link that leads out of the folder")
        os.close(self._inner.pop())

    def _link_at(self, part: str) -> str | None:
        """Return the target of a link, None for anything else and for nothing."""
        try:
            target = os.readlink(part, dir_fd=self.here)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.EINVAL:  # it exists and is not a link
                return None
            raise
        self._links += 1
        if self._links > MAX_LINKS:
            raise Refused("is a symbolic link that leads in circles")
        return target

    def _parts_of_target(self, target: str) -> list[str]:
        if target.startswith("/"):
            target = self._from_the_root(target)
        return [part for part in target.split("/") if part not in ("", ".")]

    def _from_the_root(self, target: str) -> str:
        """Return what follows the folder's own path in a target that begins with it."""
        for own in self._own_paths:
            prefix = own.rstrip("/") + "/"
            if target.startswith(prefix) or target == own:
                self._return_to_root()
                return target[len(prefix) :]
        raise Refused("is a symbolic link that leads out of the folder")

    def _enter(self, part: str, make: bool) -> bool:
        """Walk into a folder; False if it has become a link just now."""
        if len(self._inner) >= MAX_PARTS:
            raise Refused(f"lies more than {MAX_PARTS} folders deep")
        try:
            self._inner.append(self._opened(part, make))
        except OSError as error:
            if error.errno in _SWAPPED and self._link_at(part) is not None:
                return False
            raise
        return True

    def _opened(self, part: str, make: bool) -> int:
        try:
            return os.open(part, _WALK, dir_fd=self.here)
        except FileNotFoundError:
            if not make:
                raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, dir_fd=self.here)
        return os.open(part, _WALK, dir_fd=self.here)
