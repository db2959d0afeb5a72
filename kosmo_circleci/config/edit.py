"""The YAML editor: keys set and removed in a text whose comments, quotes, order and anchors stay.

ruamel.yaml does the work. It keeps the comments below a line with that line's key; so a new key
would be written behind them, and a removed key would take them along: they are moved here.
"""

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.tokens import CommentToken

KeyPath: TypeAlias = tuple[str, ...]
Setting: TypeAlias = str | bool | None
"""What a key becomes; None removes it."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# YAML 1.1 reads these words as booleans or null when they are not in quotes.
_NOT_STRINGS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_MAX_WIDTH: Final = 2**20  # no line is ever wrapped


def edited(text: str, changes: Mapping[KeyPath, Setting]) -> str:
    """Return the YAML `text` with the changes made; the caller checks what it says then.

    Every key but the last of a path must name a mapping, or nothing yet. Raises ruamel's
    `YAMLError` for what is not one YAML document.
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = _MAX_WIDTH
    editor.explicit_start = bool(re.search(r"^---\s", text, re.MULTILINE))
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    root, before = editor.load(text), ""
    if root is None:  # nothing, or comments alone, which the editor has nothing to keep at
        root, before = CommentedMap(), f"{text}\n" if text and text[-1] != "\n" else text
    style = _indentation(root)
    editor.indent(mapping=style.mapping, sequence=style.sequence, offset=style.dash)
    for keys, setting in changes.items():
        if setting is None:
            _remove(root, keys)
        else:
            _put(root, keys, setting)
    written = StringIO()
    editor.dump(root, written)
    return (before + written.getvalue()).replace("\n", newline)


class _Indentation(NamedTuple):
    """Columns from a key to what is below it: the keys, the dashes, the items behind the dashes."""

    mapping: int = 2
    dash: int = 0
    sequence: int = 2


def _indentation(root: Any) -> _Indentation:
    """Return how the file is indented: by its first nested mapping and its first list."""
    style: dict[str, int] = {}
    mappings = [root] if isinstance(root, CommentedMap) else []
    while mappings:
        mapping = mappings.pop(0)
        for key, (line, column, *_) in (mapping.lc.data or {}).items():
            value = mapping.get(key)
            if isinstance(value, CommentedMap) and value.lc.data:
                below, first, *_ = next(iter(value.lc.data.values()))
                if below > line and first > column:
                    style.setdefault("mapping", first - column)
                    mappings.append(value)
            elif isinstance(value, CommentedSeq) and value and value.lc.line > line:
                style.setdefault("dash", value.lc.col - column)
                style.setdefault("sequence", value.lc.item(0)[1] - column)
    return _Indentation(**style)


def _put(root: CommentedMap, keys: KeyPath, setting: str | bool) -> None:
    mapping = root
    for key in keys[:-1]:
        if mapping.get(key) is None:
            _set(mapping, key, CommentedMap())
        mapping = mapping[key]
    _set(mapping, keys[-1], _scalar(setting))


def _set(mapping: CommentedMap, key: str, value: Any) -> None:
    """Set a key. A new one goes behind the last, and before the comments that follow that one."""
    if key in mapping:
        mapping[key] = value
        return
    below = _take_comments(*_leaf(mapping, list(mapping)[-1])) if mapping else ""
    mapping[_scalar(key)] = value
    _put_comments(mapping, key, below)


def _remove(root: CommentedMap, keys: KeyPath) -> None:
    owner, mapping = root, root
    for key in keys[:-1]:
        owner, mapping = mapping, mapping.get(key)
        if not isinstance(mapping, CommentedMap):
            return
    names, name = list(mapping), keys[-1]
    if name not in names:
        return
    below = _take_comments(*_leaf(mapping, name))
    mapping.ca.items.pop(name, None)
    mapping.pop(name)
    position = names.index(name)
    if position > 0:
        _put_comments(*_leaf(mapping, names[position - 1]), below)
    elif len(keys) > 1:
        if not mapping and below:
            owner[keys[-2]] = None  # `work:`; a `{}` there cannot have a comment below it
        _put_comments(owner, keys[-2], below)


def _leaf(mapping: CommentedMap, key: str) -> tuple[CommentedMap, str]:
    """Return the mapping and the key of the last line of a key's value: comments belong to it."""
    value = mapping[key]
    if isinstance(value, CommentedMap) and value and not value.fa.flow_style():
        return _leaf(value, list(value)[-1])
    return mapping, key


def _take_comments(mapping: CommentedMap, key: str) -> str:
    """Take away and return the comment lines below a line; the one at its end stays."""
    token = (mapping.ca.items.get(key) or [None] * 3)[2]
    if token is None:
        return ""
    at_end, newline, below = token.value.partition("\n")
    token.value = at_end + newline
    return str(below)


def _put_comments(mapping: CommentedMap, key: str, below: str) -> None:
    if not below:
        return
    comments = mapping.ca.items.setdefault(key, [None] * 4)
    if comments[2] is None:
        comments[2] = CommentToken("\n", CommentMark(0), None)
    comments[2].value += below


def _scalar(setting: str | bool) -> str | bool:
    """Return a value as it is to be written: a string in quotes unless it is a plain word."""
    if isinstance(setting, bool):
        return setting
    if _PLAIN.fullmatch(setting) and setting.lower() not in _NOT_STRINGS:
        return setting
    quoted: str = DoubleQuotedScalarString(setting)
    return quoted
