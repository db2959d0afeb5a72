"""JSON as rows and columns: the form tables, CSV and their kin share.

An array of objects is a row for each, an object is one row, an answer in pages (`{items,
next_page_token}`) is the rows of its items. What is not an object has the one column `value`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import nearest

Row: TypeAlias = dict[str, JsonValue]

FIRST: Final = ("id", "name")
"""The columns that a result shows first."""

_PAGE: Final = frozenset({"items", "next_page_token"})
_SCALAR: Final = "value"


class Rows(NamedTuple):
    """Rows and the names of the columns, in order."""

    columns: tuple[str, ...]
    rows: list[Row]

    def lines(self) -> Iterator[list[str]]:
        """Yield the cells of each row: null is empty, nested values are JSON."""
        for row in self.rows:
            yield [cell(value_at(row, name)) for name in self.columns]


def items_of(value: JsonValue) -> list[JsonValue] | None:
    """Return the values that are to be rows; None for a scalar, which is not a table."""
    items = list_of(value)
    return [value] if items is None and isinstance(value, dict) else items


def list_of(value: JsonValue) -> list[JsonValue] | None:
    """Return the items of an array or of an answer in pages; None for anything else."""
    if isinstance(value, dict) and value.keys() == _PAGE and isinstance(value["items"], list):
        return value["items"]
    return value if isinstance(value, list) else None


def has_more_pages(value: JsonValue) -> bool:
    """Say whether a value is an answer in pages whose next page was not asked for."""
    return isinstance(value, dict) and value.keys() == _PAGE and bool(value["next_page_token"])


def rows_of(
    items: Sequence[JsonValue],
    columns: Sequence[str] | None,
    first: Sequence[str] = (),
) -> Rows:
    """Return the items as rows; the columns are `columns`, else those in `first`, the rest sorted.

    A column may be a path into nested objects: `vcs.branch`. One that no row has stays empty.
    """
    rows: list[Row] = [item if isinstance(item, dict) else {_SCALAR: item} for item in items]
    names = {name for row in rows for name in row}
    if columns is None:
        leading = [name for name in first if name in names]
        return Rows((*leading, *sorted(names.difference(leading))), rows)
    return Rows(tuple(columns), rows)


def value_at(row: Row, column: str) -> JsonValue:
    """Return the value of a column: of the key of that name, else at that path; None without."""
    if column in row:
        return row[column]
    value: JsonValue = row
    for part in column.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def unknown_columns(rows: Rows) -> Iterator[str]:
    """Yield a message for each column that no row has: a misspelt one, or a field that is rare."""
    names = {name for row in rows.rows for name in row}
    for column in rows.columns:
        if names.isdisjoint({column, column.partition(".")[0]}) and names:
            near = nearest(column, sorted(names))
            hint = f"Did you mean '{near}'? " if near else ""
            yield f"no row has the column '{column}'. {hint}Columns: {', '.join(sorted(names))}."


def cell(value: JsonValue) -> str:
    """Return a value as the text of a cell: strings as they are, null as nothing, else JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else jsonvalue.encode(value)
