"""The formats of `--format`: a result in, text out."""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.cli.output_rows import Rows, cell, items_of, rows_of, unknown_columns
from kosmo_circleci.cli.output_table import table
from kosmo_circleci.jsonvalue import JsonValue

_CSV_QUOTED: Final = re.compile('[,"\r\n]')


class Layout(NamedTuple):
    """What a format may be told: the columns (None for all), the terminal's width, if any.

    `warn` gets a sentence for each column that no row has.
    """

    columns: Sequence[str] | None = None
    width: int | None = None
    warn: Callable[[str], None] = lambda _message: None


def formatted(value: JsonValue, name: str, layout: Layout) -> str:
    """Return `value` in the format of that name, without a newline at the end.

    A scalar is printed as it is by the formats that have columns.
    """
    if name in WITH_COLUMNS:
        items = items_of(value)
        if items is None:
            return cell(value)
        rows = rows_of(items, layout.columns)
        for message in unknown_columns(rows):
            layout.warn(message)
        return WITH_COLUMNS[name](rows, layout) if rows.columns else ""
    return PLAIN[name](value)


def _json(value: JsonValue) -> str:
    return jsonvalue.encode(value, pretty=True)


def _json_lines(value: JsonValue) -> str:
    items = items_of(value)
    return "\n".join(jsonvalue.encode(item) for item in ([value] if items is None else items))


def _yaml(value: JsonValue) -> str:
    from kosmo_circleci.cli.output_yaml import yaml_text

    return yaml_text(value)


def _table(rows: Rows, layout: Layout) -> str:
    return table(rows.columns, rows.cells(), layout.width)


def _csv(rows: Rows, _layout: Layout) -> str:
    """Return RFC 4180, with `\\n` at the end of a line as every Unix tool writes it."""
    lines = [",".join(map(_csv_cell, line)) for line in (rows.columns, *rows.cells())]
    return "\n".join(line or '""' for line in lines)  # a blank line would be no row


def _csv_cell(text: str) -> str:
    # Not the module `csv`: with this line end it leaves a lone carriage return unquoted.
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if _CSV_QUOTED.search(text) else text


_TAB_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _tsv(rows: Rows, _layout: Layout) -> str:
    """Return IANA's text/tab-separated-values; tabs and newlines are written as jq's @tsv does."""
    lines = [rows.columns, *rows.cells()]
    return "\n".join("\t".join(text.translate(_TAB_ESCAPES) for text in line) for line in lines)


_MARKDOWN_ESCAPES: Final = str.maketrans({"|": "\\|", "\n": "<br>", "\r": None, "\\": "\\\\"})


def _markdown(rows: Rows, _layout: Layout) -> str:
    rule = ["---"] * len(rows.columns)
    lines = [list(rows.columns), rule, *rows.cells()]
    return "\n".join(
        f"| {' | '.join(text.translate(_MARKDOWN_ESCAPES) for text in line)} |" for line in lines
    )


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
