"""Reading a file of untrusted origin: a regular file only, and no more than a bound."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1024 * 1024
"""How large a configuration file or an envFile may be."""


def read_bounded(path: Path) -> bytes:
    """Return the content of the regular file at `path`, or where its links lead.

    Raises `OSError`, whose `strerror` says why, for anything else: a missing file, a folder, a
    device such as /dev/zero, a pipe, a file larger than `MAX_BYTES`.
    """
    # Opening a pipe for reading waits for a writer, unless it is told not to.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, "Larger than 1 MiB", str(path))
    return content
