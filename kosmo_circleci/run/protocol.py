"""What a script's process and the one that watches it say to each other.

A frame is a kind (one byte), a length and a payload: text or JSON. The watcher must understand a
stream that ends in the middle, because it may have ended the other side itself.
"""

import os
import struct
from collections.abc import Iterator
from typing import Final

# To the script's process.
JOB: Final = b"J"
"""What to run, JSON; see `isolate.Job`."""
ANSWER: Final = b"A"
"""The answer to a QUESTION: `yes`, `no`."""

# From the script's process.
BEGUN: Final = b"B"
"""The script starts now: from here on its CPU time counts."""
LINE: Final = b"L"
"""One printed line, masked."""
WARNING: Final = b"W"
"""A line for stderr."""
QUESTION: Final = b"Q"
"""A permission question; the script waits for the ANSWER."""
STARTED: Final = b"S"
"""A request goes out: its number, a blank, the function as the script named it."""
ENDED: Final = b"E"
"""What came of it: {number, record, host_cpu_s}, JSON."""
NOTICE: Final = b"N"
"""A change that `flow` has seen, for a person."""
WAITING: Final = b"T"
"""What `flow` waits for now, for a person; the next one takes its place, an empty one ends it."""
SECRET: Final = b"X"
"""A value that must not be shown from now on, JSON: what was printed before may hold it."""
PATTERN: Final = b"P"
"""A regular expression starts (`1`) or has ended (`0`)."""
DONE: Final = b"D"
"""The outcome: the fields of `Run` but output and calls, JSON."""
RESULT: Final = b"R"
"""The result's JSON text, before DONE."""

_HEAD: Final = struct.Struct("!cI")
_CHUNK: Final = 1 << 16


def write(descriptor: int, kind: bytes, payload: bytes = b"") -> None:
    """Write one frame whole. Raises `BrokenPipeError` when nobody reads any more."""
    head = _HEAD.pack(kind, len(payload))
    # In one piece, so that the other side wakes once; a large payload is not copied for that.
    for part in (head + payload,) if len(payload) < _CHUNK else (head, payload):
        data = memoryview(part)
        while data:
            data = data[os.write(descriptor, data) :]


def read(descriptor: int) -> tuple[bytes, bytes] | None:
    """Wait for one frame and return (kind, payload), or None at the end of the stream."""
    head = _read_exactly(descriptor, _HEAD.size)
    if head is None:
        return None
    kind, length = _HEAD.unpack(head)
    payload = _read_exactly(descriptor, length)
    return None if payload is None else (kind, payload)


def _read_exactly(descriptor: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


class Stream:
    """The frames of a descriptor that is read as far as it has something to say."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self.ended = False

    def take(self) -> Iterator[tuple[bytes, bytes]]:
        """Read once and yield the frames that are complete; sets `ended` at the end."""
        part = os.read(self._descriptor, _CHUNK)
        if not part:
            self.ended = True
            return
        self._buffer += part
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as view:  # a slice of the buffer would be a second copy
                payload = bytes(view[_HEAD.size : end])
            del self._buffer[:end]
            yield kind, payload
