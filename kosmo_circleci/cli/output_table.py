"""Rows as aligned columns: cut to the terminal's width there, never in a pipe."""

from collections.abc import Iterable, Sequence
from typing import Final

from kosmo_circleci.wording import printable

_GAP: Final = "  "
_NARROWEST: Final = 6
"""No column of a terminal becomes narrower than this."""


def table(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int | None) -> str:
    """Return a head and the rows; with `width` no line is wider, and what is cut ends in `…`."""
    lines = [[_shown(name) for name in columns], *([_shown(text) for text in row] for row in cells)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    if width is not None:
        widths = _fitted(widths, width)
    return "\n".join(_line(line, widths) for line in lines)


def _line(line: Iterable[str], widths: Sequence[int]) -> str:
    return _GAP.join(
        _padded(text, width) for text, width in zip(line, widths, strict=True)
    ).rstrip()


def _fitted(widths: list[int], width: int) -> list[int]:
    """Return widths that fit `width` together: the widest column gives way first."""
    room = width - len(_GAP) * (len(widths) - 1)
    fitted = list(widths)
    while sum(fitted) > room:
        widest = max(fitted)
        if widest <= _NARROWEST:
            break
        second = max((each for each in fitted if each < widest), default=_NARROWEST)
        wide = [index for index, each in enumerate(fitted) if each == widest]
        share = -(-(sum(fitted) - room) // len(wide))  # what each gives, rounded up
        for index in wide:
            fitted[index] = max(second, widest - share, _NARROWEST)
    return fitted


def _padded(text: str, width: int) -> str:
    wide = _width(text)
    if wide <= width:
        return text + " " * (width - wide)
    if text.isascii():
        return text[: width - 1] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)


def _width(text: str) -> int:
    """Return how many columns a text takes: East Asian characters and emoji take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _shown(text: str) -> str:
    """Return a text on one line, without what a terminal would obey."""
    return printable(" ".join(text.split()) if "\n" in text or "\t" in text else text)
