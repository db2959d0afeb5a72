"""Changing the configuration file: sets and removes keys, keeps what people wrote around them.

The editor (`edit.py`) is loaded by `configure` only; everything else reads with the faster PyYAML.
What it wrote is read again: the file is replaced only if it then says exactly the old content plus
the changes.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.error import YAMLError

from kosmo_circleci.config import file
from kosmo_circleci.config.edit import KeyPath, Setting, edited
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.atomic import exclusive, replace_file

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)


class _NotAMapping(Exception):
    """A key of the change would be inside something that has no keys."""


def update(path: Path, changes: Mapping[KeyPath, Setting]) -> None:
    """Set and remove keys of the YAML file at `path`, which need not exist yet.

    The file is replaced as a whole or not at all, and changes that several processes make at once
    all survive; its mode becomes 0600, that of a new folder 0700, and a symbolic link stays one.
    Raises `ConfigurationError` when the file cannot be read, understood or written.
    """
    try:
        with exclusive(path):
            old = file.text_of(path) if path.exists() else ""
            replace_file(path, changed(old, changes, path).encode("utf-8"))
    except OSError as error:
        raise _unwritable(path, error) from None


def changed(text: str, changes: Mapping[KeyPath, Setting], path: Path) -> str:
    """Return `text` with the changes; `path` names the file in the `ConfigurationError`."""
    expected = _unshared(_content(text, path))
    try:
        for keys, setting in changes.items():
            _apply(expected, keys, setting)
    except _NotAMapping:
        raise _unsafe(path, changes) from None
    try:
        new = edited(text, changes)
    except YAMLError as error:
        raise _unreadable(path, error) from None
    is_as_expected = _without_empty(_content(new, path)) == _without_empty(expected)
    # A removed key takes the comment at the end of its line with it.
    removed = sum(1 for setting in changes.values() if setting is None)
    if not is_as_expected or _comments_lost(text, new) > removed:
        raise _unsafe(path, changes)
    return new


def _comments_lost(old: str, new: str) -> int:
    """Return how many comments of `old` are not in `new`: the editor drops those inside `{ … }`."""
    return (Counter(_COMMENT.findall(old)) - Counter(_COMMENT.findall(new))).total()


def _content(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    return ConfigurationError(f"{where}: {getattr(error, 'problem', None) or error}")


def _unshared(value: Any) -> Any:
    """Return a copy in which what an alias repeats is there several times."""
    return {k: _unshared(v) for k, v in value.items()} if isinstance(value, dict) else value


def _apply(value: Any, keys: KeyPath, setting: Setting) -> None:
    for key in keys[:-1]:
        _check_mapping(value)
        if value.get(key) is None:
            value[key] = {}
        value = value[key]
    _check_mapping(value)
    if setting is None:
        value.pop(keys[-1], None)
    else:
        value[keys[-1]] = setting


def _check_mapping(value: Any) -> None:
    if not isinstance(value, dict):
        raise _NotAMapping


def _without_empty(value: Any) -> Any:
    """Return the content with empty mappings and nulls left out: both say nothing here."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(each) for key, each in value.items()}
    return {key: each for key, each in kept.items() if each is not None and each != {}}


def _unsafe(path: Path, changes: Mapping[KeyPath, Setting]) -> ConfigurationError:
    dotted = ", ".join(".".join(keys) for keys in changes)
    return ConfigurationError(
        f"{path}: the file is written in a way that cannot be changed safely, so it was left "
        f"as it is. Change it by hand: {dotted}"
    )


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: cannot be written: {error.strerror or error}. "
        "Name another file with KOSMO_CONFIG=PATH."
    )
