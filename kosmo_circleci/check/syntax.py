"""What is said about a text that is not Lua, from the places where the parser had to guess."""

import re
from typing import TYPE_CHECKING, Final

from kosmo_circleci.check.tree import Fault
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from tree_sitter import Node

_ENDS: Final = {
    **dict.fromkeys(("if", "for", "while", "do", "function"), "end"),
    "repeat": "until",
}
_LONGEST_SHOWN: Final = 30
_OPENED: Final = re.compile(rb"""\[=*\[|["']""")

_INSTEAD: Final = {
    b"!=": "Lua writes ~= for !=",
    b"&&": "Lua writes and for &&",
    b"||": "Lua writes or for ||",
    b"+=": "Lua has no +=; write x = x + 1",
    b"-=": "Lua has no -=; write x = x - 1",
    b"++": "Lua has no ++; write x = x + 1",
}
_FOREIGN: Final = re.compile(b"|".join(re.escape(each) for each in _INSTEAD))
"""Operators of other languages."""


def fault(root: "Node", source: bytes) -> Fault:
    """Return the first fault of a tree that has one."""
    node = _first(root)
    assert node is not None
    if node.is_missing:
        return Fault(_behind_text(source, node.start_byte), _missing(node))
    return _unfinished(node, source) or _unexpected(node, source)


def _first(node: "Node") -> "Node | None":
    if node.is_error or node.is_missing:
        return node
    for child in node.children:
        if child.has_error or child.is_missing:
            return _first(child)
    return None


def _missing(node: "Node") -> str:
    return "an expression is missing" if node.is_named else f"'{node.type}' is missing"


def _behind_text(source: bytes, position: int) -> int:
    """Return where the text before `position` ends: a gap is seen at its beginning."""
    return max(len(source[:position].rstrip()) - 1, 0)


def _unfinished(node: "Node", source: bytes) -> Fault | None:
    """Return the fault of a string or a block that the rest of the text does not end."""
    children = node.children
    if children and _OPENED.fullmatch(source[children[-1].start_byte : children[-1].end_byte]):
        return Fault(children[-1].start_byte, "this string has no end")
    if source[node.start_byte :].startswith(b"--["):
        return Fault(node.start_byte, "this comment has no end")
    if source[node.end_byte :].strip():
        return None
    for child in children:
        if child.type in _ENDS:
            message = f"'{_ENDS[child.type]}' is missing for this '{child.type}'"
            return Fault(child.start_byte, message)
    return None


def _unexpected(node: "Node", source: bytes) -> Fault:
    text = source[node.start_byte : node.end_byte].decode("utf-8", "replace").partition("\n")[0]
    near = printable(shorten(text.strip(), _LONGEST_SHOWN))
    around = source[max(node.start_byte - 1, 0) : node.end_byte + 3]
    foreign = _FOREIGN.search(around.lstrip(b"\n").partition(b"\n")[0])
    hint = "" if foreign is None else f": {_INSTEAD[foreign[0]]}"
    return Fault(node.start_byte, f"syntax error near '{near}'{hint}")
