"""Files that are written whole or not at all, and lines that are added in one piece.

A new file has no name until it is complete, where the system knows such files (`O_TMPFILE`): a
process that is killed leaves nothing. Elsewhere it has a temporary name beside its own.
"""

import contextlib
import errno
import os
import secrets
import stat
import threading
from typing import Final

from kosmo_circleci.confined.folder import Folder, Place, open_regular, refuse_other_kinds
from kosmo_circleci.confined.names import Refused

TEMPORARY_PREFIX: Final = ".kosmo-"
TEMPORARY_SUFFIX: Final = ".part"

_DESCRIPTORS: Final = "/proc/self/fd"
_MODE: Final = 0o666  # less what the umask takes away, as for files of any program
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_NAMELESS: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


def is_temporary(name: str) -> bool:
    """Say whether a file name is that of a file which is being written."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def append(folder: Folder, name: bytes, content: bytes) -> None:
    """Add `content` to the end of a file in one write; a file that is not there is made.

    Raises `Refused` and `OSError`, the latter with ENOSPC where not all of it was written.
    """
    with folder.place(name, make_folders=True) as place:
        descriptor = _opened_to_append(place)
    try:
        if content and os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, "only a part could be written")
    finally:
        os.close(descriptor)


def _opened_to_append(place: Place) -> int:
    with contextlib.suppress(FileNotFoundError):
        return open_regular(place, _APPEND)
    try:
        return os.open(place.name, _APPEND | os.O_CREAT | os.O_EXCL, _MODE, dir_fd=place.folder)
    except FileExistsError:  # another program has made it since
        return open_regular(place, _APPEND)


class NewFile:
    """A file on its way to its place. `commit` puts it there, `discard` forgets it.

    Safe to use from several threads: one of them may discard what another one writes.
    """

    def __init__(self, folder: Folder, name: bytes) -> None:
        """Begin a file that is to be `name` in the folder. Raises `Refused` and `OSError`."""
        self._lock = threading.Lock()
        self._root, self._name = folder, name
        self._is_open = False
        self._temporary: str | None = None
        # Folders on the way are made by `commit`. What is made in a folder is on its file system,
        # so the file may begin in the last one that is there.
        with folder.nearest(name) as (nearest, place):
            mode = None if place is None else _mode_of_what_is_there(place)
            self._folder = os.dup(nearest)
        try:
            self._descriptor = self._nameless()
            self._is_open = True
            if mode is not None:
                os.fchmod(self._descriptor, mode)
        except BaseException:
            self.discard()
            raise

    def write(self, piece: bytes) -> None:
        """Write the next bytes. Raises `OSError`, and `Refused` after `discard`."""
        with self._lock:
            self._check()
            left = memoryview(piece)
            while left:
                left = left[os.write(self._descriptor, left) :]

    def restart(self) -> None:
        """Forget what was written so far."""
        with self._lock:
            self._check()
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)

    def commit(self) -> None:
        """Put the file in its place, making the folders on the way; only a folder stays there.

        Raises `Refused` and `OSError`.
        """
        with self._lock:
            self._check()
            # On disk before it has its name, or a crash could leave an empty file in its place.
            os.fsync(self._descriptor)
            with self._root.place(self._name, make_folders=True) as place:
                if self._temporary is not None or not self._named(place):
                    self._replace(place)
            self._close()

    def discard(self) -> None:
        """Forget the file; no-op after `commit`."""
        with self._lock:
            if self._temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._temporary, dir_fd=self._folder)
                self._temporary = None
            self._close()

    def _nameless(self) -> int:
        if hasattr(os, "O_TMPFILE") and os.path.isdir(_DESCRIPTORS):
            flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
            try:
                return os.open(".", flags, _MODE, dir_fd=self._folder)
            except OSError as error:
                if error.errno not in _NO_NAMELESS:
                    raise
        name = _temporary_name()
        descriptor = os.open(name, _NEW, _MODE, dir_fd=self._folder)
        self._temporary = name
        return descriptor

    def _replace(self, place: Place) -> None:
        if self._temporary is None:
            name = _temporary_name()
            if not self._named(Place(self._folder, name)):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._temporary = name
        os.rename(self._temporary, place.name, src_dir_fd=self._folder, dst_dir_fd=place.folder)
        self._temporary = None

    def _named(self, place: Place) -> bool:
        """Give the nameless file a name; False where something has it already."""
        source = f"{_DESCRIPTORS}/{self._descriptor}"
        try:
            os.link(source, place.name, dst_dir_fd=place.folder, follow_symlinks=True)
        except FileExistsError:
            return False
        return True

    def _check(self) -> None:
        if not self._is_open:
            raise Refused("is not written: the run has ended")

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def _temporary_name() -> str:
    return f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"


def _mode_of_what_is_there(place: Place) -> int | None:
    """Return the permissions of the file that is to be replaced, None where there is none.

    Raises `Refused` for what is not a file, and `PermissionError` for one that may not be written:
    a rename would replace it all the same.
    """
    try:
        status = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    refuse_other_kinds(status)
    if not os.access(place.name, os.W_OK, dir_fd=place.folder, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(status.st_mode) & 0o777
