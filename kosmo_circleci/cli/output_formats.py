"""The formats of `--format`: a result in, text out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import LimitExceeded
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.tables.aligned import aligned_lines, fits
from kosmo_circleci.tables.markdown import markdown_lines
from kosmo_circleci.tables.rows import (
    FIRST,
    Rows,
    cell,
    items_of,
    list_of,
    rows_of,
    unknown_columns,
)
from kosmo_circleci.tables.separated import csv_lines, tsv_lines

MAX_CHARACTERS: Final = 64 * 1024 * 1024
"""How long a text may become where few values can make a long one: one long cell pads every row of
a table, and every line of a text is indented in YAML."""

_MOST_EMPTY: Final = 1_000_000
"""How many empty cells there may be, and four for each that is not: rows without a column in common
have as many as the square of their number."""


class Layout(NamedTuple):
    """What a format may be told: the columns (None for all), the terminal's width, if any.

    `warn` gets a sentence for each column that no row has.
    """

    columns: Sequence[str] | None = None
    width: int | None = None
    warn: Callable[[str], None] = lambda _message: None


def formatted(value: JsonValue, name: str, layout: Layout) -> str:
    """Return `value` in the format of that name, without a newline at the end.

    A scalar is printed as it is by the formats that have columns. Raises `LimitExceeded` for a text
    out of all proportion to the value.
    """
    if name in WITH_COLUMNS:
        items = items_of(value)
        if items is None:
            return cell(value)
        rows = rows_of(items, layout.columns, FIRST)
        for message in unknown_columns(rows):
            layout.warn(message)
        if layout.columns is None and _is_sparse(rows):
            raise _too_long(name, "the rows have few columns in common")
        return WITH_COLUMNS[name](rows, layout) if rows.columns else ""
    return PLAIN[name](value)


def fitting_table(value: JsonValue, width: int) -> str | None:
    """Return an array of objects, or a page of them, as a table that shows all there is.

    None for anything else, and where something would have to be left out: lines wider than `width`
    columns, line ends inside a value.
    """
    items = list_of(value)
    if not items or not all(isinstance(item, dict) and item for item in items):
        return None
    rows = rows_of(items, None, FIRST)
    if _is_sparse(rows):
        return None
    lines = list(rows.lines())
    if any("\n" in text or "\r" in text for line in lines for text in line):
        return None
    try:
        text = _joined("table", aligned_lines(rows.columns, lines))
    except LimitExceeded:
        return None
    return text if fits(text, width) else None


def _is_sparse(rows: Rows) -> bool:
    filled = sum(map(len, rows.rows))
    return len(rows.rows) * len(rows.columns) - filled > _MOST_EMPTY + 4 * filled


def _joined(name: str, lines: Iterable[str]) -> str:
    kept, left = [], MAX_CHARACTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            raise _too_long(name, "its longest cells pad every row")
        kept.append(line)
    return "\n".join(kept)


def _too_long(name: str, why: str) -> LimitExceeded:
    return LimitExceeded(
        f"--format {name}: the text would be far longer than the result, because {why}. Choose "
        "columns with --columns, or take --format jsonl."
    )


def _json(value: JsonValue) -> str:
    return jsonvalue.encode(value, pretty=True)


def _json_lines(value: JsonValue) -> str:
    items = items_of(value)
    return "\n".join(jsonvalue.encode(item) for item in ([value] if items is None else items))


def _yaml(value: JsonValue) -> str:
    from kosmo_circleci.cli.output_yaml import TooLongError, yaml_text

    try:
        return yaml_text(value, MAX_CHARACTERS)
    except TooLongError:
        raise LimitExceeded(
            f"--format yaml: the text would have more than {MAX_CHARACTERS:,} characters. Take "
            "--format json."
        ) from None


def _table(rows: Rows, layout: Layout) -> str:
    return _joined("table", aligned_lines(rows.columns, rows.lines(), layout.width))


def _csv(rows: Rows, _layout: Layout) -> str:
    return "\n".join(csv_lines(rows.columns, rows.lines()))


def _tsv(rows: Rows, _layout: Layout) -> str:
    return "\n".join(tsv_lines(rows.columns, rows.lines()))


def _markdown(rows: Rows, _layout: Layout) -> str:
    return "\n".join(markdown_lines(rows.columns, rows.lines()))


WITH_COLUMNS: Final[dict[str, Callable[[Rows, Layout], str]]] = {
    "table": _table,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
PLAIN: Final[dict[str, Callable[[JsonValue], str]]] = {
    "json": _json,
    "jsonl": _json_lines,
    "yaml": _yaml,
}
