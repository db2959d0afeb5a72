"""The interactive prompt keeps what a line declares `local`: such a name becomes a global.

Each line is a chunk of its own, and a local ends with its chunk; but who pastes three lines of a
script expects the second to see the first. Only declarations of the chunk itself are rewritten:
those inside functions, loops and other blocks stay as they are, and so does `<close>`, whose point
is to end. The text keeps its lines, so that errors name the right one.
"""

import re
from collections.abc import Iterator
from typing import Final

from kosmo_circleci.cli.script.lua_words import blanked

_TOKEN: Final = re.compile(r"[A-Za-z_]\w*|[(){}\[\]]")
_OPENING: Final = frozenset({"function", "if", "do", "repeat", "(", "{", "["})
_CLOSING: Final = frozenset({"end", "until", ")", "}", "]"})
_FUNCTION: Final = re.compile(r"local(\s+)(?=function\b)")
_NAMES: Final = re.compile(
    r"local\s+(?P<names>[A-Za-z_]\w*+(?:\s*<\s*const\s*>)?"
    r"(?:\s*,\s*[A-Za-z_]\w*+(?:\s*<\s*const\s*>)?)*)(?P<value>\s*=)?(?!\s*[<,])"
)
_CONST: Final = re.compile(r"<\s*const\s*>")


def with_session_locals(text: str) -> str:
    """Return a chunk whose own `local` declarations are assignments to globals.

    A chunk that ends inside a string or a comment is returned as it is.
    """
    code = blanked(text + "\n")  # a comment at the end is closed by it
    if code is None:
        return text
    parts, end = [], 0
    for start in _own_locals(code):
        function, names = _FUNCTION.match(code, start), _NAMES.match(code, start)
        if function is not None:
            parts += [text[end:start], function[1]]
            end = function.end()
        elif names is not None:
            declared = _CONST.sub("", text[names.start("names") : names.end("names")])
            gap = text[start + len("local") : names.start("names")]
            parts += [text[end:start], gap, declared, names["value"] or " = nil;"]
            end = names.end()
    return "".join([*parts, text[end:]])


def _own_locals(code: str) -> Iterator[int]:
    """Yield where each `local` of the chunk itself begins; `code` has no strings and comments."""
    depth = 0
    for token in _TOKEN.finditer(code):
        if token[0] == "local" and depth == 0:
            yield token.start()
        depth += (token[0] in _OPENING) - (token[0] in _CLOSING)
