"""Run: the outcome of one script, and its JSON form."""

from dataclasses import dataclass

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.jsonvalue import JsonValue


@dataclass(frozen=True, slots=True)
class Run:
    """What a script did. Secrets are already masked in every field.

    `output` is the printed lines joined by newlines, without one at the end. `result` is what the
    chunk returned (None for nothing, a list for several values). `error` is the message with
    `FILE:LINE:` in front where Lua knows it, `error_type` one of the contract's ten. `memory_usage`
    is in bytes of Lua memory. `call_log` keeps the last 1,000 requests, `call_count` counts all.
    """

    success: bool
    output: str = ""
    result: JsonValue = None
    error: str | None = None
    error_type: str | None = None
    execution_time_ms: float = 0.0
    memory_usage: int = 0
    call_count: int = 0
    call_records: tuple[CallRecord, ...] = ()
    permission_bypassed: bool = False
    simulated: bool = False

    @property
    def exit_code(self) -> int:
        """What a shell gets: 0 success, 1 the run failed, 2 usage."""
        if self.success:
            return 0
        return 2 if self.error_type == "usage" else 1

    @property
    def call_log(self) -> list[dict[str, JsonValue]]:
        """The requests as the envelope shows them, oldest first."""
        return [record.to_json() for record in self.call_records]

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the envelope of the contract, section 2."""
        return {
            "success": self.success,
            "output": self.output,
            "result": self.result,
            "error": self.error,
            "error_type": self.error_type,
            "execution_time_ms": round(self.execution_time_ms, 1),
            "memory_usage": self.memory_usage,
            "call_count": self.call_count,
            "call_log": list(self.call_log),
            "meta": {
                "permission_bypassed": self.permission_bypassed,
                "simulated": self.simulated,
            },
        }

    def to_json(self) -> str:
        """Return the envelope as one line of JSON."""
        return jsonvalue.encode(self.to_dict())


def failure(error: str, error_type: str, *, simulated: bool = False) -> Run:
    """Return the outcome of a script that never started."""
    return Run(success=False, error=error, error_type=error_type, simulated=simulated)
