"""A script's text: positions for people, and the lines that ask to be left alone."""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

_IGNORE: Final = re.compile(rb"--[^\n]*?\bkosmo:[ \t]*ignore\b(?:[ \t]*\(([^)\n]*)\))?")


class Source:
    """The text as the parser reads it: without a byte order mark, a `#` line emptied."""

    def __init__(self, code: str) -> None:
        code = code.removeprefix("\ufeff")
        if code.startswith("#"):
            _, newline, rest = code.partition("\n")
            code = newline + rest
        self.text: Final = code.encode("utf-8", "surrogateescape")
        self._starts = [0, *(match.end() for match in re.finditer(b"\n", self.text))]

    def line_start(self, line: int) -> int:
        """Return the byte at which a line begins; the first line is 1."""
        return self._starts[line - 1]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of a byte, both from 1, the column in characters."""
        line = bisect_right(self._starts, offset)
        before = self.text[self._starts[line - 1] : offset]
        return line, len(before.decode("utf-8", "replace")) + 1

    def ignored(self, is_comment: Callable[[int], bool]) -> dict[int, frozenset[str]]:
        """Return {line: rules} of the comments `-- kosmo: ignore(rule, …)`; no rules mean all.

        `is_comment` says whether a byte belongs to a comment: the words may be in a string, too.
        """
        ignored: dict[int, frozenset[str]] = {}
        for match in _IGNORE.finditer(self.text):
            if is_comment(match.start()):
                line = bisect_right(self._starts, match.start())
                rules = (match[1] or b"").decode("utf-8", "replace")
                ignored[line] = frozenset(re.findall(r"[\w-]+", rules))
        return ignored
