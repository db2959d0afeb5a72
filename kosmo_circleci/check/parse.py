"""Lua text -> tree: the home of tree-sitter.

Its grammar stumbles over a few texts that are Lua (`_readable`), and accepts some that are not:
`reader` refuses keywords as names, malformed numbers and strings, `scope` what depends on scopes.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from kosmo_circleci.check import syntax, tree
from kosmo_circleci.check.reader import Reader
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.errors import ConfigurationError

if TYPE_CHECKING:
    from tree_sitter import Parser

_TOKEN: Final = re.compile(
    rb"""--\[(=*)\[.*?\]\1\]|--[^\n]*|\[(=*)\[.*?\]\2\]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
"""Comments and strings."""

_LONG: Final = re.compile(rb"(?:--)?\[=*\[")


def parse(source: bytes) -> list[tree.Statement]:
    """Return the statements of a script.

    Raises `Fault` for a text that is not Lua, and `ConfigurationError` without the extra `check`.
    """
    root = _parser().parse(_readable(source)).root_node
    if root.has_error:
        raise syntax.fault(root, source)
    # The grammar takes a `#` line anywhere; Lua only in front, where the caller has emptied it.
    for node in root.named_children:
        if node.type == "hash_bang_line":
            raise Fault(node.start_byte, "syntax error near '#'")
    return Reader(source).block(root)


def is_comment(source: bytes, position: int) -> bool:
    """Say whether a byte of the source belongs to a comment."""
    root = _parser().parse(_readable(source)).root_node
    node = root.descendant_for_byte_range(position, position)
    while node is not None and node.type != "comment":
        node = node.parent
    return node is not None


def _readable(source: bytes) -> bytes:
    """Return the source for the grammar: as long as it is, and without what it stumbles over.

    It takes `"--[[` and `-- --[[` for the beginning of a long comment, and a NUL for the end.
    """
    if b"--[" not in source and b"\0" not in source:
        return source
    return _TOKEN.sub(_without_stumbling_blocks, source)


def _without_stumbling_blocks(match: re.Match[bytes]) -> bytes:
    token = match[0].replace(b"\0", b" ")
    if _LONG.match(token):
        return token
    opening = 1 if token[:1] in (b'"', b"'") else 2
    return token[:opening] + token[opening:].replace(b"--[", b"..[")


@cache
def _parser() -> "Parser":
    try:
        import tree_sitter
        import tree_sitter_lua
    except ImportError:
        raise ConfigurationError(
            "Checking scripts needs the extra 'check': pip install 'kosmo-circleci[check]'."
        ) from None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_lua.language()))
