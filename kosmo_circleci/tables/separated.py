"""CSV and TSV: a record on a line, written lazily; and CSV read back without loss."""

import contextlib
import csv
import re
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from kosmo_circleci.wording import printable, shorten

_CSV_QUOTED: Final = re.compile('[,"\r\n]')
_LINE: Final = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
_TAB_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_BYTE_ORDER_MARK: Final = "\ufeff"
_FAULTS: Final = {
    "unexpected end of data": "a quoted field begins here and does not end",
    "',' expected after '\"'": "text after the closing quote of a field; inside a quoted field "
    'a quote is written twice: ""',
}
"""Messages of the module `csv` in strict mode -> ours."""

# The module refuses longer fields, and the setting is the whole process's: it changes while a long
# text is read, for one reader at a time, and is set back.
_field_limit = threading.Lock()


class CsvError(ValueError):
    """The text is not CSV that can be kept without loss; the message says what and on what line."""


def csv_lines(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    r"""Yield lines of RFC 4180 without their ends; `\n` ends a line as every Unix tool writes it.

    Not the module `csv`: with that line end it leaves a lone carriage return unquoted.
    """
    for line in chain([columns], lines):
        yield ",".join(map(_csv_cell, line)) or '""'  # a blank line would be no record


def _csv_cell(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if _CSV_QUOTED.search(text) else text


def tsv_lines(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield IANA's text/tab-separated-values; tabs and newlines are written as jq's @tsv does."""
    for line in chain([columns], lines):
        yield "\t".join(text.translate(_TAB_ESCAPES) for text in line)


def csv_records(text: str) -> Generator[list[str], None, None]:
    r"""Yield the names of the columns, then the fields of each record, as RFC 4180 has them.

    Lines end in `\n`, `\r\n` or `\r`; a byte order mark and blank lines are skipped. Nothing is
    yielded for a text without a record. The caller closes what it does not read to the end.

    Raises `CsvError`, which names the record's first line: for a duplicate column, a record with
    another number of fields than there are columns, a quoted field without an end, and text after
    one.
    """
    columns: list[str] | None = None
    line = 1
    with _fields_of_length(len(text)):
        # Not io.StringIO, which holds a copy of four bytes for each character.
        lines = _LINE.finditer(text, text.startswith(_BYTE_ORDER_MARK))
        reader = csv.reader((each[0] for each in lines), strict=True)
        try:
            for fields in reader:
                if fields:  # else the line is blank
                    columns = _checked(fields, columns, line)
                    yield fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise CsvError(f"line {line}: {_FAULTS.get(str(error), error)}") from None


@contextlib.contextmanager
def _fields_of_length(length: int) -> Iterator[None]:
    if length <= csv.field_size_limit():
        yield
        return
    with _field_limit:
        before = csv.field_size_limit(length)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _checked(fields: list[str], columns: list[str] | None, line: int) -> list[str]:
    """Return the columns: the fields of the first record, which the others must fit."""
    if columns is None:
        twice = next((name for name, count in Counter(fields).items() if count > 1), None)
        if twice is not None:
            raise CsvError(f"line {line}: duplicate column '{printable(shorten(twice))}'")
        return fields
    if len(fields) != len(columns):
        raise CsvError(f"line {line}: {_count(fields, 'field')}, but the header has {len(columns)}")
    return columns


def _count(items: Sequence[str], noun: str) -> str:
    return f"{len(items)} {noun}" + ("" if len(items) == 1 else "s")
