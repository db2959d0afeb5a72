r"""The text of a job's log as a person saw it: colours gone, redraws collapsed.

A terminal emulator (pyte) decides what is left of escape sequences and carriage returns. It costs
about 2 µs a character, so it only sees what needs it: a line without control characters stays as it
is, and a line whose sequences stay within the line is drawn alone. Where the cursor moves between
lines (progress bars of several lines), everything is drawn on one screen of `_ROWS` rows, whose
lines are kept as they scroll away.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pyte

_ROWS: Final = 100
_MAX_COLUMNS: Final = 20_000

_LINE_END: Final = re.compile(r"\r*\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BETWEEN_LINES: Final = re.compile(
    r"[\x1b\x9b]\[?[0-9;?]*[ABEFHJLMSTdfrsu]|\x1b[78DEMc]|[\x0b\x0c]"
)
"""What may move the cursor to another line; nothing else is decided by it."""

_SPARE_LINES: Final = 200
"""How many lines more than asked for are drawn first: redraws may collapse some."""


class Log(NamedTuple):
    """A rendered log: its text, how many lines it had before it was cut, and whether it was."""

    text: str
    line_count: int
    is_cut: bool


def render_log(stdout: str, stderr: str, most_lines: int | None) -> Log:
    """Return what a person saw of a step: stdout, then stderr; the last `most_lines` lines of it.

    Where lines are left out, the count of those is that of the raw text.
    """
    lines: list[str] = []
    count = 0
    for text in (stdout, stderr):
        seen, left_out = _tail(_lines(text), most_lines)
        lines += seen
        count += len(seen) + left_out
    if most_lines is not None:
        lines = lines[max(0, len(lines) - most_lines) :]
    return Log("\n".join(lines), count, len(lines) < count)


def rendered(text: str) -> str:
    """Return what a person saw of `text`, its lines joined by newlines, none at the end."""
    return "\n".join(_drawn(_lines(text)))


def _lines(text: str) -> list[str]:
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def _tail(raw: list[str], most_lines: int | None) -> tuple[list[str], int]:
    """Return the last rendered lines, at least `most_lines` if there are, and how many are left."""
    wanted = len(raw) if most_lines is None else most_lines + _SPARE_LINES
    while True:
        seen = _drawn(raw[max(0, len(raw) - wanted) :])
        if wanted >= len(raw) or (most_lines is not None and len(seen) >= most_lines):
            return seen, max(0, len(raw) - wanted)
        wanted *= 4


def _drawn(raw: list[str]) -> list[str]:
    if any(map(_BETWEEN_LINES.search, raw)):
        return _without_last_blanks(_on_screen(raw, _ROWS))
    return list(_each_alone(raw))


def _each_alone(raw: list[str]) -> Iterator[str]:
    for line in raw:
        yield _on_screen([line], 2)[0] if _CONTROL.search(line) else line


def _on_screen(raw: list[str], rows: int) -> list[str]:
    columns = min(2 * max(map(len, raw), default=0) + 2, _MAX_COLUMNS)
    screen = _Recorder(columns, rows)
    stream = pyte.Stream(screen)
    for index, line in enumerate(raw):
        stream.feed(("\r\n" if index else "") + line)
    last = max((row for row in screen.buffer if screen.row(row)), default=0)
    return [*screen.scrolled, *(screen.row(row) for row in range(last + 1))]


def _without_last_blanks(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines


class _Recorder(pyte.Screen):
    """A screen that keeps the lines that scroll away at its top."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self.scrolled: list[str] = []

    def index(self) -> None:
        margins = self.margins
        bottom = margins.bottom if margins else self.lines - 1
        if self.cursor.y == bottom and not (margins and margins.top):
            self.scrolled.append(self.row(0))
        super().index()

    def row(self, number: int) -> str:
        """Return the text of a row, without blanks at its end."""
        cells: Any = self.buffer[number]
        last = max(cells, default=-1)
        return "".join(cells[column].data for column in range(last + 1)).rstrip()
