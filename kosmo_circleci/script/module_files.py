"""The files of modules, on disk: read without leaving their folder (`confined`), text only."""

import os
from collections.abc import Iterable
from typing import Final

from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.wording import printable

MAX_BYTES: Final = 4 * 1024 * 1024
"""How large a module may be."""

_BYTECODE: Final = b"\x1bLua"
_MOST_CANDIDATES: Final = 500


def file_of(name: str) -> str:
    """Return the file of a module, relative to a folder: `lib.slack` is `lib/slack.lua`."""
    return name.replace(".", "/") + ".lua"


def module_at(file: str) -> str:
    """Return the name of the module in a file, the inverse of `file_of`."""
    return file.removesuffix(".lua").replace("/", ".")


def shown(folder: str, file: str) -> str:
    """Return the path of a file for messages: relative where it is in the current folder."""
    path = os.path.join(folder, file)
    try:
        relative = os.path.relpath(path)
    except OSError:  # the current folder is gone
        return path
    return path if relative.startswith("..") else relative


def read_text(folder: str, file: str) -> str | None:
    """Return the text of a module's file, None where there is no such file.

    Raises `ScriptError` for what is not a readable file of UTF-8 inside the folder, and
    `LimitExceeded` for one that is larger than `MAX_BYTES`.
    """
    path = printable(shown(folder, file))
    raw = _read(folder, file, path)
    return None if raw is None else _decoded(raw, path)


def listed(folder: str, pattern: str) -> Iterable[str]:
    """Return the files that match, for suggestions: a part of them where there are many.

    `pattern` is that of `confined.listing.names`. Never raises: a folder that cannot be listed has
    no files.
    """
    from kosmo_circleci.confined.folder import Folder
    from kosmo_circleci.confined.listing import names
    from kosmo_circleci.confined.names import Refused

    steps = 0

    def count_step() -> None:
        nonlocal steps
        steps += 1
        if steps > _MOST_CANDIDATES:
            raise Refused("has too many files")

    files: list[str] = []
    try:
        opened = Folder(folder)
        try:
            files.extend(names(opened, pattern.encode("utf-8", "surrogatepass"), count_step))
        finally:
            opened.close()
    except (OSError, Refused):
        pass
    return files


def _read(folder: str, file: str, path: str) -> bytes | None:
    """Return the content of a file, None where there is none; `path` is for messages."""
    from kosmo_circleci.confined.folder import Folder, TooLarge
    from kosmo_circleci.confined.names import Refused

    try:
        opened = Folder(folder)
    except FileNotFoundError:  # a worker on another machine may not have the folder
        return None
    except OSError as error:
        raise _error(f"{printable(folder)}: {error.strerror}") from None
    try:
        return opened.read(file.encode("utf-8", "surrogatepass"), MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except TooLarge:
        raise LimitExceeded(
            f"require: {path} is larger than {MAX_BYTES // 1024 // 1024} MiB",
            function_name="require",
        ) from None
    except Refused as refused:
        reason = str(refused)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    finally:
        opened.close()
    raise _error(f"{path} {reason}")


def _decoded(raw: bytes, path: str) -> str:
    # Crafted bytecode can take over the interpreter, so Lua is never handed any.
    if raw.startswith(_BYTECODE):
        raise _error(f"{path} is bytecode, and only text is loaded")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(f"{path} is not UTF-8: see line {line}") from None


def _error(message: str) -> ScriptError:
    return ScriptError(f"require: {message}", function_name="require")
