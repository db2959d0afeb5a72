"""Run: the outcome of one script, and its JSON form."""

import json
import signal
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord, Writes
from kosmo_circleci.jsonvalue import JsonValue

_PIECE_LENGTH: Final = 1 << 16


class _Fields(NamedTuple):
    success: bool
    output: str = ""
    result_json: str = "null"
    error: str | None = None
    error_type: str | None = None
    execution_time_ms: float = 0.0
    memory_usage: int = 0
    call_count: int = 0
    call_records: tuple[CallRecord, ...] = ()
    writes: Writes = Writes()
    permission_bypassed: bool = False
    mcp_trust_bypassed: bool = False
    workflows_trust_bypassed: bool = False
    simulated: bool = False
    traceback: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    script_exit_code: int | None = None
    signal_number: int | None = None
    masked_source: str | None = None
    result_text: str | None = None
    journal: Mapping[str, JsonValue] = MappingProxyType({})


class Run(_Fields):
    """What a script did. Secrets are already masked in every field.

    `output` is the printed lines joined by newlines, without one at the end. `result_json` is the
    JSON text of what the chunk returned ("null" for nothing, a list for several values). `error` is
    the message with `FILE:LINE:` in front where Lua knows it, `error_type` one of the contract's.
    `memory_usage` is in bytes of Lua memory. `call_records` keeps the last 1,000 requests,
    `call_count` and `writes` count all. `traceback` has the script's frames at the error, innermost
    first; `log` what the script wrote with `log`. `script_exit_code` is set by `exit(code)`,
    `signal_number` by the signal that ended the run. `masked_source` is the script's text without
    secrets, where `RunSettings.mask_source` asked for it. `result_text` is what a person is shown
    in place of the result: the text of `view(rows, text)`, None without. `journal` is what `meta`
    says of the run's `journal`, `replay`, `plan` and `apply`, where it has one.
    """

    @cached_property
    def result(self) -> Any:
        """What the chunk returned, decoded: None for nothing, a list for several values."""
        return json.loads(self.result_json)

    @property
    def meta(self) -> dict[str, JsonValue]:
        """What else the envelope says: what was bypassed, whether it was real, what was written."""
        meta: dict[str, JsonValue] = {
            "permission_bypassed": self.permission_bypassed,
            "simulated": self.simulated,
            "writes": dict(self.writes._asdict()),
        }
        if self.mcp_trust_bypassed:
            meta["mcp_trust_bypassed"] = True
        if self.workflows_trust_bypassed:
            meta["workflows_trust_bypassed"] = True
        if self.script_exit_code is not None:
            meta["exit_code"] = self.script_exit_code
        return meta | dict(self.journal)

    @property
    def exit_code(self) -> int:
        """What a shell gets: 0 success, 1 the run failed, 2 usage, 128 + the signal, `exit`'s."""
        if self.script_exit_code is not None:
            return self.script_exit_code
        if self.success:
            return 0
        if self.error_type == "interrupted":
            return 128 + (self.signal_number or signal.SIGINT)
        return 2 if self.error_type == "usage" else 1

    @property
    def call_log(self) -> list[dict[str, JsonValue]]:
        """The requests as the envelope shows them, oldest first."""
        return [record.to_json() for record in self.call_records]

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the envelope of the contract, section 2."""
        return self._envelope(self.result)

    def to_json(self) -> str:
        """Return the envelope as one line of JSON."""
        return "".join(self.json_parts())

    def json_parts(self) -> Iterator[str]:
        """Yield what `to_json` returns, piece by piece.

        As a whole, sixteen megabytes of output may take half a gigabyte: six characters for one,
        and four bytes for each of them. The result stays the text it is for the same reason.
        """
        before = "{"
        for name, value in self._envelope(None).items():
            yield f"{before}{jsonvalue.encode(name)}:"
            before = ","
            if name == "result":
                yield self.result_json
            elif isinstance(value, str):
                yield from _string_parts(value)
            else:
                yield jsonvalue.encode(value)
        yield "}"

    def _envelope(self, result: JsonValue) -> dict[str, JsonValue]:
        envelope: dict[str, JsonValue] = {
            "success": self.success,
            "output": self.output,
            "result": result,
            "error": self.error,
            "error_type": self.error_type,
            "execution_time_ms": round(self.execution_time_ms, 1),
            "memory_usage": self.memory_usage,
            "call_count": self.call_count,
            "call_log": list(self.call_log),
            "meta": self.meta,
        }
        if self.traceback:
            envelope["traceback"] = list(self.traceback)
        if self.log:
            envelope["log"] = list(self.log)
        return envelope


def _string_parts(text: str) -> Iterator[str]:
    yield '"'
    for start in range(0, len(text), _PIECE_LENGTH):
        yield jsonvalue.encode(text[start : start + _PIECE_LENGTH])[1:-1]
    yield '"'


def failure(error: str, error_type: str, *, simulated: bool = False) -> Run:
    """Return the outcome of a script that never started."""
    return Run(success=False, error=error, error_type=error_type, simulated=simulated)


def with_unknown_writes(error: str, records: Iterable[CallRecord], writes: Writes) -> str:
    """Return the error of a failed run, with the writes whose outcome is unknown."""
    if not writes.unknown:
        return error
    names = dict.fromkeys(each.function for each in records if each.effect == "unknown")
    count = "1 write was" if writes.unknown == 1 else f"{writes.unknown} writes were"
    return (
        f"{error}\n{count} sent without an answer that settles it, and may have happened: "
        f"{', '.join(names)}. Look before you run this again."
    )
