"""What precedes the cursor on a line of Lua: a path, a parameter, or neither."""

import re
from typing import Final, NamedTuple

_PATH: Final = re.compile(r"(?:[A-Za-z_]\w*\s*\.\s*)*(?:[A-Za-z_]\w*)?$")
_CALLED: Final = re.compile(r"((?:[A-Za-z_]\w*\s*\.\s*)*[A-Za-z_]\w*)\s*\(?\s*$")
_KEY: Final = re.compile(r"([A-Za-z_]\w*)\s*=(?!=)")
_SKIPPED: Final = re.compile(
    r"""--\[(=*)\[.*?(?:\]\1\]|\Z)|--[^\n]*|"(?:\\.|[^"\\\n])*(?:"|\Z)|'(?:\\.|[^'\\\n])*(?:'|\Z)"""
    r"""|\[(=*)\[.*?(?:\]\2\]|\Z)""",
    re.DOTALL,
)


class Word(NamedTuple):
    """The word under the cursor.

    `start` is where it begins in the text. `table` is the path before its last dot, "" for a
    bare name. `function` is the path of the function in whose `{…}` it is a key, and `keys`
    the keys before it.
    """

    start: int
    text: str
    table: str = ""
    function: str | None = None
    keys: frozenset[str] = frozenset()


def word_before(text: str) -> Word | None:
    """Return the word that ends where `text` ends; None inside a string or a comment."""
    code = blanked(text)
    if code is None:
        return None
    path = _PATH.search(code)
    assert path is not None  # The pattern matches nothing, too.
    dotted = re.sub(r"\s", "", path[0])
    table, dot, name = dotted.rpartition(".")
    start = len(text) - len(name)
    if dot:
        return Word(start, name, table)
    before = code[: path.start()].rstrip()
    opened = _open_brace(before)
    if opened is not None and before[-1:] in ("{", ",", ";"):
        called = _CALLED.search(before[:opened])
        if called is not None:
            keys = frozenset(_KEY.findall(_own_level(before[opened + 1 :])))
            return Word(start, name, "", re.sub(r"\s", "", called[1]), keys)
    return Word(start, name)


def blanked(text: str) -> str | None:
    """Return `text` with strings and comments as blanks; None when one is open at the end."""
    tokens = list(_SKIPPED.finditer(text))
    if tokens and tokens[-1].end() == len(text) and not _is_closed(tokens[-1][0]):
        return None
    return _SKIPPED.sub(_blank, text)


def _blank(token: re.Match[str]) -> str:
    # A string stays a value: nothing can be completed right behind it.
    end = " " if token[0].startswith("--") else '"'
    return " " * (len(token[0]) - 1) + end


def _is_closed(token: str) -> bool:
    if token.startswith("--[") and re.match(r"--\[=*\[", token):
        return token.endswith("]")
    if token.startswith("--"):
        return False
    if token.startswith("["):
        return token.endswith("]") and len(token) > 4
    return len(token) > 1 and token[-1] == token[0] and not token.endswith("\\" + token[0])


def _open_brace(text: str) -> int | None:
    """Return where the innermost `{` that is still open is, if nothing else opened later."""
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        if text[index] in ")}]":
            depth += 1
        elif text[index] in "({[":
            if depth == 0:
                return index if text[index] == "{" else None
            depth -= 1
    return None


def _own_level(text: str) -> str:
    """Return the text of a table itself, without what is nested inside."""
    kept, depth = [], 0
    for char in text:
        depth -= char in ")}]"
        if depth == 0:
            kept.append(char)
        depth += char in "({["
    return "".join(kept)
