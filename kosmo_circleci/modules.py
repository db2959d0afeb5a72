"""Modules of scripts: `lib.slack` is the file `lib/slack.lua` beneath one of some folders.

A module is text in UTF-8 of a bounded size; where its folder leads out of itself by a link, nothing
is read (`confined`). `modules_of` collects the modules that travel with a script to where its
folders are not.
"""

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from kosmo_circleci.errors import LimitExceeded, ScriptError, UsageError
from kosmo_circleci.wording import nearest, printable, shorten

MAX_BYTES: Final = 4 * 1024 * 1024

Carried: TypeAlias = Mapping[str, tuple[str, str]]
"""Modules by name: the path they are shown with, and their text."""

# Patterns are compiled by their first use: most runs load no module.
_NAME: Final = r"[\w-]+(?:\.[\w-]+)*"
_REQUIRED: Final = r"""\brequire\s*\(?\s*(["'])([\w.-]+)\1"""
_BYTECODE: Final = b"\x1bLua"
_MOST_CANDIDATES: Final = 500


class Module(NamedTuple):
    """One module; `path` is how messages show its file: relative where it is beneath the current
    folder."""

    name: str
    path: str
    text: str

    @property
    def sha256(self) -> str:
        """The hash of the text."""
        import hashlib  # costs milliseconds, and only plans need it

        return hashlib.sha256(self.text.encode()).hexdigest()


class Modules:
    """Finds modules beneath folders, the first that has one; knows which were found.

    Safe to use from several threads.
    """

    def __init__(self, folders: Sequence[str], carried: Carried | None = None) -> None:
        """Look in `carried` first, then beneath each of `folders` (absolute paths)."""
        self._folders = tuple(dict.fromkeys(folders))
        self._carried = carried or {}
        self._lock = threading.Lock()
        self._found: dict[str, Module] = {}

    @property
    def found(self) -> Mapping[str, Module]:
        """The modules that were found so far, by name."""
        with self._lock:
            return dict(self._found)

    def find(self, name: str) -> Module:
        """Return the module, read once. Raises `ScriptError` and `LimitExceeded`."""
        with self._lock:
            if name not in self._found:
                self._found[name] = self._read(name)
            return self._found[name]

    def sha256(self, name: str) -> str | None:
        """Return the hash of a module's text, None where it cannot be had."""
        try:
            return self.find(name).sha256
        except (ScriptError, LimitExceeded):
            return None

    def _missing_message(self, name: str) -> str:
        """Return what is said about a module that is in no folder: the places, and the nearest."""
        file = _file_of(name)
        near = nearest(name, self._candidates(name))
        hint = f" Did you mean '{near}'?" if near else ""
        places = ", ".join(_shown(folder, file) for folder in self._folders)
        return f"there is no module '{shorten(name)}'. Looked for {printable(places)}.{hint}"

    def _read(self, name: str) -> Module:
        _check_name(name)
        if name in self._carried:
            return Module(name, *self._carried[name])
        file = _file_of(name)
        for folder in self._folders:
            path = _shown(folder, file)
            raw = _read_file(folder, file, path)
            if raw is not None:
                return Module(name, path, _text_of(raw, path))
        raise ScriptError(f"require: {self._missing_message(name)}", function_name="require")

    def _candidates(self, name: str) -> Iterator[str]:
        """Yield the names of modules beside the one that is missing, and near the top."""
        above = name.rpartition(".")[0].replace(".", "/")
        patterns = dict.fromkeys((f"{above}/*.lua" if above else "*.lua", "*.lua", "*/*.lua"))
        for folder in self._folders:
            for pattern in patterns:
                for file in _listed(folder, pattern):
                    yield file.removesuffix(".lua").replace("/", ".")
        yield from self._carried


def modules_of(code: str, folders: Sequence[str]) -> Carried:
    """Return the modules that a script and its modules require by a name written in the text.

    They travel with the script to a worker that has none of its folders. A name that is computed
    is not seen; a module that cannot be read is left for the worker to report.
    """
    modules = Modules(folders)
    todo = _required(code)
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            try:
                todo += _required(modules.find(name).text)
            except (ScriptError, LimitExceeded):
                continue
    return {name: (module.path, module.text) for name, module in modules.found.items()}


def _required(code: str) -> list[str]:
    return [match[2] for match in re.finditer(_REQUIRED, code)]


def _check_name(name: str) -> None:
    if re.fullmatch(_NAME, name):
        return
    shown = printable(shorten(name))
    words = [word for word in re.split(r"[/\\]+", name.removesuffix(".lua")) if word]
    proposed = ".".join(words)
    hint = (
        f" Write require('{proposed}')."
        if re.fullmatch(_NAME, proposed) and ".." not in words
        else " For example, lib.slack is the file lib/slack.lua."
    )
    raise ScriptError(
        f"require: '{shown}' is not the name of a module, which is words joined by dots.{hint}",
        function_name="require",
    )


def _file_of(name: str) -> str:
    return name.replace(".", "/") + ".lua"


def _shown(folder: str, file: str) -> str:
    path = os.path.join(folder, file)
    try:
        relative = os.path.relpath(path)
    except OSError:  # the current folder is gone
        return path
    return path if relative.startswith("..") else relative


def _read_file(folder: str, file: str, path: str) -> bytes | None:
    """Return the content of a module's file, None where there is none."""
    from kosmo_circleci.confined.folder import Folder, TooLarge
    from kosmo_circleci.confined.names import Refused

    try:
        opened = Folder(folder)
    except FileNotFoundError:  # a worker elsewhere need not have it
        return None
    except OSError as error:
        raise ScriptError(
            f"require: {printable(folder)}: {error.strerror}", function_name="require"
        ) from None
    try:
        return opened.read(file.encode("utf-8", "surrogatepass"), MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except TooLarge:
        raise LimitExceeded(
            f"require: {printable(path)} is larger than {MAX_BYTES // 1024 // 1024} MiB",
            function_name="require",
        ) from None
    except Refused as refused:
        reason = str(refused)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    finally:
        opened.close()
    raise ScriptError(f"require: {printable(path)} {reason}", function_name="require")


def _text_of(raw: bytes, path: str) -> str:
    if raw.startswith(_BYTECODE):
        reason = "is bytecode, and only text is loaded"
    else:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            reason = f"is not UTF-8: see line {line}"
    raise ScriptError(f"require: {printable(path)} {reason}", function_name="require")


def _listed(folder: str, pattern: str) -> Iterable[str]:
    from kosmo_circleci.confined.folder import Folder
    from kosmo_circleci.confined.listing import names
    from kosmo_circleci.confined.names import Refused

    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks > _MOST_CANDIDATES:
            raise Refused("has too many files")

    listed: list[str] = []
    try:
        opened = Folder(folder)
        try:
            listed.extend(names(opened, pattern.encode("utf-8", "surrogatepass"), look))
        finally:
            opened.close()
    except (OSError, Refused):
        pass
    return listed


def folder_of_script(file: str) -> str | None:
    """Return the folder of a script's modules: where its file really is, links followed.

    None for what is not a regular file: a pipe (`/dev/stdin`, `<(…)`) lies in no folder.
    """
    path = os.path.realpath(file)
    return os.path.dirname(path) if os.path.isfile(path) else None


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
