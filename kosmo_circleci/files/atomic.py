"""Files that several processes change: replaced as a whole, and by one process at a time.

Reading, changing and replacing happen under `exclusive`; `replace_file` alone keeps a reader from
ever meeting half a file.
"""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.01


@contextlib.contextmanager
def exclusive(path: Path, *, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold the right to change the file at `path`, which need not exist, until the block ends.

    The lock is an advisory one on the file's folder, which is made if it is missing: the file
    itself is replaced while the lock is held, and a lock file beside it would stay behind. Raises
    `TimeoutError` after `patience_s` seconds, `OSError` where there can be no such folder. A file
    system without locks (some network shares) has none: the change is then merely atomic.
    """
    folder = path.resolve().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, time.monotonic() + patience_s)
        yield
    finally:
        os.close(handle)  # the lock ends with the descriptor, however the process ends


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file at `path`, as a whole or not at all.

    The new file is readable by its owner only (0600); a symbolic link stays one. The folder must
    exist. Raises `OSError`, and then the old file is as it was.
    """
    target = path.resolve()
    # In the same folder: a rename is atomic within one file system only. mkstemp makes it 0600.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _lock(handle: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise TimeoutError(0, "another process is changing it; try again") from None
            time.sleep(_POLL_S)
        except OSError:
            return
