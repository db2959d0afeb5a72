"""Modules of scripts: `lib.slack` is the file `lib/slack.lua` in one of some folders.

`Modules` finds them by name; `modules_of` collects those that travel with a script to a worker that
does not have its folders.
"""

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.script.module_files import file_of, listed, module_at, read_text, shown
from kosmo_circleci.wording import nearest, printable, shorten

Carried: TypeAlias = Mapping[str, tuple[str, str]]
"""Modules by name: the path they are shown with, and their text."""

# Patterns are compiled by their first use: most runs load no module.
_NAME: Final = r"[\w-]+(?:\.[\w-]+)*"
_REQUIRED: Final = r"""\brequire\s*\(?\s*(["'])([\w.-]+)\1"""


class Module(NamedTuple):
    """One module; `path` is its file in messages: relative where it is in the current folder."""

    name: str
    path: str
    text: str

    @property
    def sha256(self) -> str:
        """The hash of the text."""
        import hashlib  # costs milliseconds, and only plans need it

        return hashlib.sha256(self.text.encode()).hexdigest()


class Modules:
    """Finds modules in folders and keeps what it has read. Safe to use from several threads."""

    def __init__(self, folders: Sequence[str], carried: Carried | None = None) -> None:
        """Look in `carried` first, then in each of `folders` (absolute paths), in order."""
        self._folders = tuple(dict.fromkeys(folders))
        self._carried = carried or {}
        self._lock = threading.Lock()
        self._loaded: dict[str, Module] = {}

    @property
    def loaded(self) -> Mapping[str, Module]:
        """The modules that were read so far, by name."""
        with self._lock:
            return dict(self._loaded)

    def find(self, name: str) -> Module:
        """Return the module, read once. Raises `ScriptError` and `LimitExceeded`."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._read(name)
            return self._loaded[name]

    def sha256(self, name: str) -> str | None:
        """Return the hash of a module's text, None where it cannot be read."""
        try:
            return self.find(name).sha256
        except (ScriptError, LimitExceeded):
            return None

    def _read(self, name: str) -> Module:
        _check_name(name)
        if name in self._carried:
            return Module(name, *self._carried[name])
        file = file_of(name)
        for folder in self._folders:
            text = read_text(folder, file)
            if text is not None:
                return Module(name, shown(folder, file), text)
        raise ScriptError(f"require: {self._missing_message(name)}", function_name="require")

    def _missing_message(self, name: str) -> str:
        """Return the message for a module that is in no folder: where it looked, a near name."""
        near = nearest(name, self._candidates(name))
        hint = f" Did you mean '{near}'?" if near else ""
        places = ", ".join(shown(folder, file_of(name)) for folder in self._folders)
        return f"there is no module '{shorten(name)}'. Looked for {printable(places)}.{hint}"

    def _candidates(self, name: str) -> Iterator[str]:
        """Yield the names of modules beside the one that is missing, and near the top."""
        above = name.rpartition(".")[0].replace(".", "/")
        patterns = dict.fromkeys((f"{above}/*.lua" if above else "*.lua", "*.lua", "*/*.lua"))
        for folder in self._folders:
            for pattern in patterns:
                yield from map(module_at, listed(folder, pattern))
        yield from self._carried


def modules_of(code: str, folders: Sequence[str]) -> Carried:
    """Return the modules that a script and its modules require by a name written in the text.

    A name that is computed is not seen; a module that cannot be read is left for the worker to
    report.
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
    return {name: (module.path, module.text) for name, module in modules.loaded.items()}


def folder_of_script(file: str) -> str | None:
    """Return the folder of a script's modules: where its file really is, links followed.

    None for what is not a regular file: a pipe (`/dev/stdin`, `<(…)`) lies in no folder.
    """
    path = os.path.realpath(file)
    return os.path.dirname(path) if os.path.isfile(path) else None


def _required(code: str) -> list[str]:
    return [match[2] for match in re.finditer(_REQUIRED, code)]


def _check_name(name: str) -> None:
    """Raise `ScriptError` for what is not a module's name; for a path it proposes the name."""
    if re.fullmatch(_NAME, name):
        return
    words = [word for word in re.split(r"[/\\]+", name.removesuffix(".lua")) if word]
    proposed = ".".join(words)
    hint = (
        f" Write require('{proposed}')."
        if re.fullmatch(_NAME, proposed) and ".." not in words
        else " For example, lib.slack is the file lib/slack.lua."
    )
    raise ScriptError(
        f"require: '{printable(shorten(name))}' is not the name of a module, which is words joined "
        f"by dots.{hint}",
        function_name="require",
    )
