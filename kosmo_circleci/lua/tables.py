"""`csv.*` and `text.*` as Lua calls them: rows in as JSON, text out; text in, rows out.

What the host computes here counts as the script's own CPU time, and what it makes against the
script's memory: a short input can become a long text, as where one long cell pads every row of
a table.
"""

import contextlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.jsonvalue import JsonError, JsonLimitError, JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.values import Answer, LuaValues, lua_bytes
from kosmo_circleci.tables.rows import Rows, has_more_pages, items_of, rows_of
from kosmo_circleci.wording import printable, shorten

Layout: TypeAlias = Callable[[Sequence[str], Iterable[Sequence[str]]], Iterator[str]]
"""Columns and lines of cells -> lines of text."""

_CELL_BYTES: Final = 24
"""What a cell takes beside its text: a reference and a share of its row."""

_CHECK_EVERY_BYTES: Final = 1 << 17


class TextTables:
    """The functions for one run. `check` raises where the run has to end."""

    def __init__(self, values: LuaValues, limits: Limits, check: Callable[[], None]) -> None:
        self._values = values
        self._limits = limits
        self._check = check

    def csv_encode(self, rows: bytes, columns: bytes | None) -> Answer:
        from kosmo_circleci.tables.separated import csv_lines

        lines = self._lines(_rows("csv.encode", rows, columns), csv_lines)
        return (lua_bytes("".join(f"{line}\n" for line in lines)),)

    def text_table(self, rows: bytes, columns: bytes | None) -> Answer:
        from kosmo_circleci.tables.aligned import aligned_lines

        lines = self._lines(_rows("text.table", rows, columns), aligned_lines)
        return (lua_bytes("\n".join(lines)),)

    def text_markdown(self, rows: bytes, columns: bytes | None) -> Answer:
        from kosmo_circleci.tables.markdown import markdown_lines

        lines = self._lines(_rows("text.markdown", rows, columns), markdown_lines)
        return (lua_bytes("\n".join(lines)),)

    def _lines(self, table: Rows, layout: Layout) -> Iterable[str]:
        if not table.columns:
            return ()
        budget = self._budget()
        return budget.texts(layout(table.columns, budget.cells(table.lines())))

    def csv_decode(self, text: bytes) -> Answer:
        from kosmo_circleci.tables.separated import CsvError, csv_records

        try:
            decoded, encoding = text.decode(), "utf-8"
        except UnicodeDecodeError:
            # A character for each byte: a field is the bytes it was, whatever they encode.
            decoded, encoding = text.removeprefix(BOM_UTF8).decode("latin-1"), "latin-1"
        try:
            with contextlib.closing(csv_records(decoded)) as records:
                names = [name.encode(encoding) for name in next(records, [])]
                budget = self._budget()
                rows = ([field.encode(encoding) for field in row] for row in budget.cells(records))
                return self._values.records(names, rows)
        except CsvError as error:
            raise ScriptError(f"csv.decode: {error}", function_name="csv.decode") from None

    def _budget(self) -> "MemoryBudget":
        return MemoryBudget(self._limits.memory_bytes, self._check)


class MemoryBudget:
    """What is left of the script's memory for one text; checks the limits as it is used up."""

    def __init__(self, left_bytes: int, check: Callable[[], None]) -> None:
        self._left_bytes = left_bytes
        self._next_check_bytes = left_bytes - _CHECK_EVERY_BYTES
        self._check = check

    def cells(self, lines: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Pass on lines of cells. Raises `MemoryError` where memory does not suffice."""
        for line in lines:
            self._take(sum(map(len, line)) + _CELL_BYTES * len(line))
            yield line

    def texts(self, lines: Iterable[str]) -> Iterator[str]:
        """Pass on lines. Raises `MemoryError` where memory does not suffice."""
        for line in lines:
            self._take(len(line))
            yield line

    def _take(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise MemoryError
        if self._left_bytes < self._next_check_bytes:
            self._next_check_bytes = self._left_bytes - _CHECK_EVERY_BYTES
            self._check()


def _rows(helper: str, rows: bytes, columns: bytes | None) -> Rows:
    value = _decoded(helper, rows)
    if has_more_pages(value):
        raise ScriptError(
            f"{helper}: argument 1 is one page of several; flow.all collects the rows of all pages",
            function_name=helper,
        )
    # An empty table of Lua is not a row, though it is an object.
    items = [] if value == {} else items_of(value)
    if items is None:
        raise ScriptError(f"{helper}: argument 1 must be a list of rows", function_name=helper)
    return rows_of(items, None if columns is None else _names(helper, _decoded(helper, columns)))


def _names(helper: str, columns: JsonValue) -> list[str]:
    listed = columns if isinstance(columns, list) else []
    names = [each for each in listed if isinstance(each, str)]
    if not names or len(names) < len(listed):
        raise ScriptError(
            f'{helper}: argument 2 must be a list of column names, such as {{"id", "name"}}',
            function_name=helper,
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            shown = printable(shorten(name))
            raise ScriptError(
                f"{helper}: argument 2 has a duplicate column '{shown}'", function_name=helper
            )
        seen.add(name)
    return names


def _decoded(helper: str, text: bytes) -> JsonValue:
    try:
        return jsonvalue.decode(text)
    except JsonLimitError as error:
        raise LimitExceeded(f"{helper}: {error}", function_name=helper) from None
    except JsonError as error:  # a number that no double can hold
        raise ScriptError(f"{helper}: {error}", function_name=helper) from None
