"""What the file system refuses, as errors of the script: with the name as it gave it, no path."""

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from kosmo_circleci.confined.names import Refused
from kosmo_circleci.errors import ScriptError
from kosmo_circleci.lua.values import python_text
from kosmo_circleci.wording import printable, shorten

_REASONS: Final = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist: a part of its path is a file",
    errno.EISDIR: "is a folder",
    errno.ENAMETOOLONG: "has a part that is too long for a file name",
    errno.EACCES: "may not be used: permission denied",
    errno.EPERM: "may not be used: permission denied",
    errno.EROFS: "cannot be written: the file system is read-only",
    errno.ENOSPC: "cannot be written: the disk is full",
    errno.EDQUOT: "cannot be written: the quota of the disk is used up",
}


@contextlib.contextmanager
def explained(helper: str, name: bytes) -> Iterator[None]:
    """Make what the file system refuses an error of the script, with the name as it gave it."""
    try:
        yield
        return
    except Refused as refused:
        reason = str(refused)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"cannot be used: {error.strerror}"
    raise ScriptError(f"{helper}: '{shown(name)}' {reason}", function_name=helper)


def shown(name: bytes) -> str:
    """Return a name for messages."""
    return printable(shorten(python_text(name)))
