"""The inputs of a fleet, one after the other: never held as a whole.

The name says how a file is read: `.jsonl` any JSON value a line, `.json` one array, `.csv` a row is
an object, anything else (and standard input) one string a line.
"""

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, AnyStr, BinaryIO, Final, NamedTuple

from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import MAX_TEXT_BYTES, JsonError, JsonValue, decode, encode

STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Item:
    """One input: its place, counted from 1, and its value."""

    index: int
    value: JsonValue

    def content_key(self) -> str:
        """Return what stands for the value: equal values have the same key, on every machine."""
        import hashlib  # few runs need it, and it costs milliseconds

        text = encode(self.value, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Shard(NamedTuple):
    """A part of the inputs: `number` of `parts`, decided by each input's content alone."""

    number: int
    parts: int

    def has(self, item: Item) -> bool:
        """Say whether an input belongs to this shard, whatever its place."""
        return int(item.content_key(), 16) % self.parts == self.number - 1


def parse_shard(text: str) -> Shard:
    """Return the shard of `I/N`, 1 ≤ I ≤ N. Raises `ValueError`."""
    number, _, parts = text.partition("/")
    if number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts):
        return Shard(int(number), int(parts))
    raise ValueError(f"'{text}' is not a shard; give I/N, the I-th of N parts: 2/5")


class Inputs:
    """The inputs of one source, in order; iterate once."""

    def __init__(self, file: BinaryIO, values: Iterator[JsonValue], size: int | None) -> None:
        self._file = file
        self._values = values
        self._size = size

    def __iter__(self) -> Iterator[Item]:
        return (Item(index, value) for index, value in enumerate(self._values, 1))

    def fraction(self) -> float | None:
        """Return the part of the source that was read, 0 to 1; None where its end is unknown."""
        if not self._size or self._file.closed:
            return None
        return min(1.0, self._file.tell() / self._size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_inputs(name: str, stdin: BinaryIO) -> Inputs:
    """Return the inputs of a file, or of `stdin` for `-`.

    Raises `UsageError` for a file that cannot be read; iterating raises it where it meets a line
    that is not what the file's name promises.
    """
    if name == STDIN:
        return Inputs(stdin, _lines(stdin, name), None)
    try:
        file = open(name, "rb")  # noqa: SIM115 -- closed by `Inputs`
        size = os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        message = f"--each {name}: {reason}. Name a file of inputs, or - for standard input."
        raise UsageError(message) from None
    read = _READERS.get(Path(name).suffix.lower(), _lines)
    return Inputs(file, read(file, name), size)


def _bounded_lines(file: IO[AnyStr], name: str) -> Iterator[AnyStr]:
    """Yield the lines of a file. Raises `UsageError` for one without an end."""
    number = 0
    while line := file.readline(MAX_TEXT_BYTES + 1):
        number += 1
        if len(line) > MAX_TEXT_BYTES:
            raise _fault(name, number, "longer than 64 MiB", "an input a line")
        yield line


def _lines(file: BinaryIO, name: str) -> Iterator[JsonValue]:
    """Yield the lines that are not blank, as strings; bytes that are not UTF-8 survive."""
    for number, line in enumerate(_bounded_lines(file, name)):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        text = text.removeprefix("\ufeff") if number == 0 else text
        if text.strip():
            yield text


def _json_lines(file: BinaryIO, name: str) -> Iterator[JsonValue]:
    for number, line in enumerate(_bounded_lines(file, name), 1):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except JsonError as error:
            raise _fault(name, number, f"not JSON: {error}", "one JSON value a line") from None


def _json_array(file: BinaryIO, name: str) -> Iterator[JsonValue]:
    import ijson

    try:
        first = file.peek(64) if isinstance(file, io.BufferedReader) else b""
        if first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b""):
            raise _fault(name, 1, "not an array", "one JSON array; for lines use .jsonl")
        yield from ijson.items(file, "item", use_float=True)
    except ijson.JSONError as error:
        raise UsageError(f"--each {name}: not JSON: {error}. Expected one JSON array.") from None


def _csv_rows(file: BinaryIO, name: str) -> Iterator[JsonValue]:
    import csv

    text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    rows = csv.reader(_bounded_lines(text, name), strict=True)
    try:
        header = next(rows, [])
        duplicate, often = Counter(header).most_common(1)[0] if header else ("", 0)
        if often > 1:
            raise _fault(name, 1, f"the column '{duplicate}' is duplicate", "a header of names")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                found = f"{len(row)} fields under a header of {len(header)}"
                raise _fault(name, rows.line_num, found, "one field for each name of the header")
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise _fault(name, rows.line_num, f"not CSV: {error}", "RFC 4180") from None
    finally:
        text.detach()  # the file is the caller's to close


def _fault(name: str, line: int, what: str, expected: str) -> UsageError:
    return UsageError(
        f"--each {name}:{line}: {what}. Expected {expected}. What comes before it was run."
    )


_READERS: Final[dict[str, Callable[[BinaryIO, str], Iterator[JsonValue]]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_array,
    ".csv": _csv_rows,
}
