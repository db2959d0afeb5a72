"""What a step printed: bytes that are made when they are read, however many there are.

An output is its text, after any number of numbered lines of one length. The line that holds a byte
is found by a division, so a piece out of the middle of a gigabyte costs as much as that piece.
"""

import io
from typing import Final, NamedTuple

LINE_BYTES: Final = 80
"""The length of a numbered line, its end (CR LF, as a terminal has it) included."""

_PADDING: Final = b"." * LINE_BYTES


class Output(NamedTuple):
    """Everything a step prints to one stream: `numbered_lines` lines, then `text`."""

    text: bytes = b""
    numbered_lines: int = 0

    @property
    def size_bytes(self) -> int:
        """How long the whole output is."""
        return self.numbered_lines * LINE_BYTES + len(self.text)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`; fewer where the output ends before."""
        boundary = self.numbered_lines * LINE_BYTES
        lines = _numbered(start, min(end, boundary))
        return lines + self.text[max(0, start - boundary) : max(0, end - boundary)]

    def size_at(self, part: float) -> int:
        """Return how many bytes there are when `part` (0.0 to 1.0) of the step's time has passed.

        They end with a line, as a terminal program prints whole lines.
        """
        if part >= 1:
            return self.size_bytes
        limit, boundary = int(self.size_bytes * part), self.numbered_lines * LINE_BYTES
        if limit <= boundary:
            return limit - limit % LINE_BYTES
        return boundary + self.text.rfind(b"\n", 0, limit - boundary) + 1


def output(text: str, *, log_bytes: int = 0) -> Output:
    """Return an output of at least `log_bytes` bytes in numbered lines, and then `text`.

    The line ends of `text` become CR LF: CircleCI runs steps on a terminal.
    """
    return Output(text.replace("\n", "\r\n").encode(), -(-log_bytes // LINE_BYTES))


def _numbered(start: int, end: int) -> bytes:
    if start >= end:
        return b""
    first, last = start // LINE_BYTES, (end - 1) // LINE_BYTES
    offset, length = start - first * LINE_BYTES, end - start
    buffer = io.BytesIO()  # a join would hold every line as an object of its own first
    buffer.write(_line(first)[offset:])
    for number in range(first + 1, last + 1):
        buffer.write(_line(number))
    buffer.truncate(length)
    return buffer.getvalue()


def _line(number: int) -> bytes:
    head = b"%010d compiled module_%d.o " % (number + 1, number + 1)
    return (head + _PADDING)[: LINE_BYTES - 2] + b"\r\n"
