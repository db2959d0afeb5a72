"""Changing the configuration file: the keys that change, and not one character more.

A file people edit by hand keeps its comments, its order and its style: the new text is cut and
pasted at the places the YAML parser reports, and then read again. If it does not say exactly the
old content plus the change, nothing is written.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from kosmo_circleci.atomic import exclusive, replace_file
from kosmo_circleci.config import file
from kosmo_circleci.errors import ConfigurationError

KeyPath: TypeAlias = tuple[str, ...]
Setting: TypeAlias = str | bool | None
"""What a key becomes; None removes it."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# YAML 1.1 reads these words as booleans or null when they are not in quotes.
_NOT_STRINGS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def update(path: Path, changes: Mapping[KeyPath, Setting]) -> None:
    """Set and remove keys of the YAML file at `path`, which need not exist yet.

    The file is replaced as a whole or not at all, and changes that several processes make at once
    all survive; its mode becomes 0600, that of a new folder 0700,
    and a symbolic link stays one. Raises `ConfigurationError` when the file cannot be read,
    understood or written.
    """
    try:
        with exclusive(path):
            old = file.text_of(path) if path.exists() else ""
            replace_file(path, changed(old, changes, path).encode("utf-8"))
    except OSError as error:
        raise _unwritable(path, error) from None


def changed(text: str, changes: Mapping[KeyPath, Setting], path: Path) -> str:
    """Return `text` with the changes; `path` names the file in the `ConfigurationError`."""
    expected = _unshared(_loaded(text, path))
    for keys, setting in changes.items():
        text = _remove(text, keys) if setting is None else _put(text, keys, _scalar(setting))
        _apply(expected, keys, setting)
    if _without_empty(_loaded(text, path)) != _without_empty(expected):
        dotted = ", ".join(".".join(keys) for keys in changes)
        raise ConfigurationError(
            f"{path}: the file is written in a way that cannot be changed safely, so it was left "
            f"as it is. Change it by hand: {dotted}"
        )
    return text


def _put(text: str, keys: KeyPath, scalar: str) -> str:
    node, after = _root(text), 0
    if node is None:
        return _with_newline(text) + _block(keys, scalar, 0, _newline(text))
    in_block = True
    for depth, key in enumerate(keys):
        if node.id != "mapping":
            return _fill(text, node, after, keys[depth:], scalar, in_block)
        in_block = not node.flow_style
        entry = _entry(node, key)
        if entry is None:
            insert = _insert_block if in_block else _insert_flow
            return insert(text, node, keys[depth:], scalar)
        after, node = _column(entry[0]) + 2, entry[1]
    end = _end(node)
    # A block scalar ends with its newline, which the next key still needs.
    after_it = _newline(text) if end > node.start_mark.index and text[:end].endswith("\n") else ""
    return _splice(text, node.start_mark.index, end, _after_colon(text, node) + scalar + after_it)


def _fill(text: str, node: Any, indent: int, keys: KeyPath, scalar: str, in_block: bool) -> str:
    """Put a mapping where a key has no value yet: `accounts:` or `accounts: ~`."""
    start, end = node.start_mark.index, _end(node)
    if not in_block or start != end:
        return _splice(
            text, start, end, _after_colon(text, node) + _flow(keys, scalar, braces=True)
        )
    line_end = _line_end(text, end)
    newline = _newline(text)
    before = "" if text[:line_end].endswith("\n") else newline
    return _splice(text, line_end, line_end, before + _block(keys, scalar, indent, newline))


def _insert_block(text: str, mapping: Any, keys: KeyPath, scalar: str) -> str:
    first = mapping.value[0][0]
    at = _line_end(text, _end(mapping))
    newline = _newline(text)
    before = "" if text[:at].endswith("\n") else newline
    return _splice(text, at, at, before + _block(keys, scalar, _column(first), newline))


def _insert_flow(text: str, mapping: Any, keys: KeyPath, scalar: str) -> str:
    inside = _flow(keys, scalar, braces=False)
    if not mapping.value:
        at = mapping.start_mark.index + 1
        return _splice(text, at, at, inside)
    key, value = mapping.value[-1]
    at = max(key.end_mark.index, _end(value))
    return _splice(text, at, at, f", {inside}")


def _remove(text: str, keys: KeyPath) -> str:
    node = _root(text)
    for key in keys[:-1]:
        entry = _entry(node, key) if node is not None and node.id == "mapping" else None
        if entry is None:
            return text
        node = entry[1]
    entry = _entry(node, keys[-1]) if node is not None and node.id == "mapping" else None
    if entry is None:
        return text
    start, end = entry[0].start_mark.index, max(entry[0].end_mark.index, _end(entry[1]))
    if not node.flow_style:
        line_start = text.rfind("\n", 0, start) + 1
        return _splice(text, line_start, _line_end(text, end), "")
    following = re.compile(r"\s*,\s*").match(text, end)
    if following:
        return _splice(text, start, following.end(), "")
    preceding = re.search(r",\s*$", text[:start])
    return _splice(text, preceding.start() if preceding else start, end, "")


def _block(keys: KeyPath, scalar: str, indent: int, newline: str) -> str:
    *outer, last = keys
    lines = [f"{' ' * (indent + 2 * depth)}{_scalar(key)}:" for depth, key in enumerate(outer)]
    lines.append(f"{' ' * (indent + 2 * len(outer))}{_scalar(last)}: {scalar}")
    return "".join(line + newline for line in lines)


def _flow(keys: KeyPath, scalar: str, *, braces: bool) -> str:
    text = scalar
    for depth, key in enumerate(reversed(keys)):
        text = f"{_scalar(key)}: {{{text}}}" if depth else f"{_scalar(key)}: {text}"
    return f"{{{text}}}" if braces else text


def _scalar(setting: str | bool) -> str:
    if isinstance(setting, bool):
        return "true" if setting else "false"
    if _PLAIN.fullmatch(setting) and setting.lower() not in _NOT_STRINGS:
        return setting
    return json.dumps(setting)


def _root(text: str) -> Any:
    import yaml

    return yaml.compose(text, Loader=yaml.SafeLoader)


def _entry(mapping: Any, key: str) -> tuple[Any, Any] | None:
    return next(((k, v) for k, v in mapping.value if k.value == key), None)


def _column(key: Any) -> int:
    return int(key.start_mark.column)


def _end(node: Any) -> int:
    """Return where a node ends; the parser lets a block end at the next token, past comments."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    if node.id == "sequence":
        return _end(last)
    # The value of an alias stands elsewhere, before its key.
    return max(int(last[0].end_mark.index), _end(last[1]))


def _after_colon(text: str, node: Any) -> str:
    start = node.start_mark.index
    return " " if text[start - 1 : start] == ":" else ""


def _line_end(text: str, at: int) -> int:
    if text[:at].endswith("\n"):
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_newline(text: str) -> str:
    return text if not text or text.endswith("\n") else text + _newline(text)


def _splice(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _loaded(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: {getattr(error, 'problem', None) or error}") from None


def _unshared(value: Any) -> Any:
    """Return a copy in which what an alias repeats is there several times."""
    return {k: _unshared(v) for k, v in value.items()} if isinstance(value, dict) else value


def _apply(value: Any, keys: KeyPath, setting: Setting) -> None:
    for key in keys[:-1]:
        if value.get(key) is None:
            value[key] = {}
        value = value[key]
    if setting is None:
        value.pop(keys[-1], None)
    else:
        value[keys[-1]] = setting


def _without_empty(value: Any) -> Any:
    """Return the content with empty mappings and nulls left out: both say nothing here."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(each) for key, each in value.items()}
    return {key: each for key, each in kept.items() if each is not None and each != {}}


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: cannot be written: {error.strerror or error}. "
        "Name another file with KOSMO_CONFIG=PATH."
    )
