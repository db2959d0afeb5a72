"""The messages between a script's process and its supervisor: their kinds, encoding and decoding.

A message is a kind (one byte), a length and a payload, which is text or JSON. The supervisor must
understand a stream that ends in the middle, because it may have killed the other side itself.
"""

import json
import os
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings

# To the script's process.
RUN: Final = b"J"
"""What to run: `RunMessage`."""
ANSWER: Final = b"A"
"""The answer to a QUESTION: `once`, `run`, `no`, or nothing when no one can answer."""
RESPONSE: Final = b"V"
"""The simulator's answer to a REQUEST, see `Remote`."""
HEADERS: Final = b"H"
"""The answer to a TRACE: headers by name, JSON."""

# From the script's process.
BEGAN: Final = b"B"
"""The script starts now: from here on its CPU time counts."""
LINE: Final = b"L"
"""One printed line, masked."""
WARNING: Final = b"W"
"""A warning for a person."""
LOG: Final = b"G"
"""A line the script has logged, masked."""
QUESTION: Final = b"Q"
"""A permission question; the script waits for the ANSWER."""
STARTED: Final = b"S"
"""A request is about to be sent: `StartedCall`."""
TRACE: Final = b"C"
"""Request number so and so, JSON, asks how it continues the trace; it waits for the HEADERS."""
ENDED: Final = b"E"
"""A request has ended: `EndedMessage`."""
NOTICE: Final = b"N"
"""A change that `flow` has seen, for a person."""
WAITING: Final = b"T"
"""What `flow` waits for now; the next one takes its place, an empty one ends it."""
SECRET: Final = b"X"
"""A value that must not be shown from now on, JSON: what was printed earlier may hold it."""
PATTERN: Final = b"P"
"""A regular expression starts (`1`) or has ended (`0`)."""
REQUEST: Final = b"U"
"""A request to the simulator, which the supervisor keeps; the script waits for the RESPONSE."""
RESULT: Final = b"R"
"""The result's JSON text, before DONE."""
TEXT: Final = b"I"
"""What a person is shown in place of the result, masked, before DONE."""
SOURCE: Final = b"M"
"""The script's text, masked, before DONE."""
DONE: Final = b"D"
"""The outcome: the fields of `Run` that have no message of their own."""

_HEAD: Final = struct.Struct("!cI")
_CHUNK: Final = 1 << 16
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_APART: Final = (
    *("output", "result_json", "result_text", "call_records", "call_count", "writes"),
    "masked_source",
)
"""The fields of `Run` that DONE does not carry."""


class RunMessage(NamedTuple):
    """A script to run, how to run it, and how its process builds its runtime.

    `time_left_s` is what is left of the time limit when the message is sent.
    """

    code: str
    settings: RunSettings
    runtime: RuntimeSettings
    time_left_s: float | None = None

    def encode(self) -> bytes:
        """Return the payload of RUN."""
        return _encode(
            {
                "code": self.code,
                "settings": self.settings.to_json(),
                "runtime": self.runtime.to_json(),
                "time_left_s": self.time_left_s,
            }
        )

    @classmethod
    def decode(cls, payload: bytes) -> "RunMessage":
        """Return the message that `encode` wrote."""
        value = json.loads(payload)
        settings = RunSettings.from_json(value["settings"])
        runtime = RuntimeSettings(**value["runtime"])
        return cls(value["code"], settings, runtime, value["time_left_s"])


class EndedMessage(NamedTuple):
    """A request that has ended; `host_cpu_s` is what the host has computed for the script."""

    number: int
    record: CallRecord
    host_cpu_s: float

    def encode(self) -> bytes:
        """Return the payload of ENDED."""
        return _encode([self.number, list(self.record), self.host_cpu_s])

    @classmethod
    def decode(cls, payload: bytes) -> "EndedMessage":
        """Return the message that `encode` wrote."""
        number, record, host_cpu_s = json.loads(payload)
        return cls(number, CallRecord(*record), host_cpu_s)


def encode_started(call: StartedCall) -> bytes:
    """Return the payload of STARTED."""
    return _encode(list(call))


def decode_started(payload: bytes) -> StartedCall:
    """Return the call that `encode_started` wrote."""
    return StartedCall(*json.loads(payload))


def encode_done(run: Run) -> bytes:
    """Return the payload of DONE: output, result and calls have messages of their own."""
    fields = run._asdict() | {"journal": dict(run.journal)}
    return _encode({name: value for name, value in fields.items() if name not in _APART})


def decode_done(payload: bytes) -> dict[str, Any]:
    """Return the fields of `Run` that `encode_done` wrote, by name."""
    fields: dict[str, Any] = json.loads(payload)
    fields["traceback"] = tuple(fields["traceback"])
    fields["log"] = tuple(fields["log"])
    return fields


def encode_value(value: JsonValue) -> bytes:
    """Return the payload of a message that is one JSON value."""
    return _encode(value)


def decode_value(payload: bytes) -> JsonValue:
    """Return the value that `encode_value` wrote."""
    value: JsonValue = json.loads(payload)
    return value


def encode_text(text: str) -> bytes:
    """Return the payload of a message that is text; lone surrogates survive."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(payload: bytes) -> str:
    """Return the text that `encode_text` wrote."""
    return payload.decode("utf-8", "surrogatepass")


def write(descriptor: int, kind: bytes, payload: bytes = b"") -> None:
    """Write one message whole. Raises `BrokenPipeError` when the reader has gone."""
    head = _HEAD.pack(kind, len(payload))
    # In one piece, so that the other side wakes once; a large payload is not copied for that.
    for part in (head + payload,) if len(payload) < _CHUNK else (head, payload):
        data = memoryview(part)
        while data:
            data = data[os.write(descriptor, data) :]


def read(descriptor: int) -> tuple[bytes, bytes] | None:
    """Wait for one message and return (kind, payload), or None at the end of the stream."""
    head = _read_exactly(descriptor, _HEAD.size)
    if head is None:
        return None
    kind, length = _HEAD.unpack(head)
    payload = _read_exactly(descriptor, length)
    return None if payload is None else (kind, payload)


class Stream:
    """The messages of a descriptor, read as far as they have arrived."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self.ended = False

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """Read once and yield the messages that are complete; sets `ended` at the end."""
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


def _encode(value: Any) -> bytes:
    # Python's own coder, without the limits that `jsonvalue` sets for what scripts decode. ASCII:
    # a lone surrogate in a text travels as an escape.
    return _ENCODER.encode(value).encode()


def _read_exactly(descriptor: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
