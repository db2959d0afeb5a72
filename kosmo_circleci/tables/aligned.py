"""Rows as aligned columns: cut to a terminal's width, or as wide as they are.

Not rich's Table: it took forty times as long (2,000 rows of four columns: 390 ms, here 9), and
where the columns do not fit it takes narrow ones away; here the widest gives way. The widths of
characters are rich's.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kosmo_circleci.wording import printable

_GAP: Final = "  "
_NARROWEST: Final = 6
"""No column of a terminal becomes narrower than this."""


def aligned_lines(
    columns: Sequence[str], lines: Iterable[Sequence[str]], width: int | None = None
) -> Iterator[str]:
    """Yield a header and the rows; with `width` no line is wider, and what is cut ends in `…`."""
    shown = [[_shown(text) for text in line] for line in (columns, *lines)]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    if width is not None:
        widths = _fitted(widths, width)
    for line in shown:
        yield _line(line, widths)


def aligned(
    columns: Sequence[str], lines: Iterable[Sequence[str]], width: int | None = None
) -> str:
    """Return the lines of `aligned_lines` as one text, without a newline at the end."""
    return "\n".join(aligned_lines(columns, lines, width))


def fits(text: str, width: int) -> bool:
    """Say whether no line of an aligned text is wider than `width`."""
    return all(_width(line) <= width for line in text.split("\n"))


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    filled = len(line)
    while filled and not line[filled - 1]:
        filled -= 1
    before = max(filled - 1, 0)
    cells = [_padded(*each) for each in zip(line[:before], widths, strict=False)]
    # The last one is cut, and not padded: a pad may be a megabyte.
    last = [_padded(text, min(_width(text), widths[before])) for text in line[before:filled]]
    return _GAP.join([*cells, *last]).rstrip()


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
