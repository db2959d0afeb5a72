"""Rows as a table of GitHub Flavored Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_ESCAPES: Final = str.maketrans({"|": "\\|", "\\": "\\\\", "<": "\\<"})
_LINE_END: Final = re.compile(r"\r\n?|\n")


def markdown_lines(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the header, the delimiter row and a line for each row.

    What would end a cell or be HTML is escaped, a line end in a cell is a `<br>`. Source: https://github.github.com/gfm/#tables-extension-
    """
    yield _line(columns)
    yield _line(["---"] * len(columns), escaped=False)
    yield from map(_line, lines)


def _line(cells: Sequence[str], *, escaped: bool = True) -> str:
    return f"| {' | '.join(map(_cell, cells) if escaped else cells)} |"


def _cell(text: str) -> str:
    return _LINE_END.sub("<br>", text.translate(_ESCAPES))
