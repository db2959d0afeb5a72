"""What a fleet says of each input, and what it comes to."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.call.model import Writes
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.run.envelope import Run

State: TypeAlias = Literal["done", "failed", "unknown", "skipped"]
"""`unknown`: it failed, and may have written; `skipped`: an earlier run of the fleet did it."""


NO_WRITES: Final = Writes()


@dataclass(frozen=True, slots=True)
class Row:
    """The outcome of one input. `result_json` is JSON text, everything is masked."""

    index: int
    item: JsonValue
    success: bool
    result_json: str = "null"
    output: str = ""
    error: str | None = None
    error_type: str | None = None
    call_count: int = 0
    writes: Writes = NO_WRITES

    @property
    def state(self) -> State:
        """How the input counts in the summary."""
        if self.success:
            return "done"
        return "unknown" if self.writes.unknown else "failed"

    def to_json(self) -> str:
        """Return the row as one line of JSON."""
        before: JsonValue = {"index": self.index, "item": self.item, "success": self.success}
        after: JsonValue = {
            "output": self.output,
            "error": self.error,
            "error_type": self.error_type,
            "call_count": self.call_count,
            "writes": dict(self.writes._asdict()),
        }
        # The result stays the text it is: decoding and encoding a large one costs its copies.
        return f'{encode(before)[:-1]},"result":{self.result_json},{encode(after)[1:]}'


def row_of(item: Item, run: Run) -> Row:
    """Return the row of an input that was run."""
    return Row(
        item.index,
        item.value,
        run.success,
        run.result_json,
        run.output,
        run.error,
        run.error_type,
        run.call_count,
        run.writes,
    )


def lost_row(item: Item, reason: str) -> Row:
    """Return the row of an input whose worker died when it may have written."""
    error = (
        f"The worker died ({reason}) after it may have changed something; the input was not run "
        "again. Look before you run it again."
    )
    return Row(
        item.index, item.value, False, error=error, error_type="runtime", writes=Writes(unknown=1)
    )


def failed_row(item: Item, error: KosmoError) -> Row:
    """Return the row of an input that was not run, and why."""
    return Row(item.index, item.value, False, error=error.message, error_type=error.error_type)


class Summary(NamedTuple):
    """What a fleet has come to so far. `writes` counts those of all inputs."""

    done: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    calls: int = 0
    writes: Writes = Writes()

    @property
    def items(self) -> int:
        """Return how many inputs were seen."""
        return self.done + self.failed + self.unknown + self.skipped

    def plus(self, row: Row) -> "Summary":
        """Return the summary with one more row."""
        writes = Writes(*(a + b for a, b in zip(self.writes, row.writes, strict=True)))
        counted = self._replace(calls=self.calls + row.call_count, writes=writes)
        return counted._count(row.state)

    def _count(self, state: State) -> "Summary":
        return self._replace(**{state: getattr(self, state) + 1})

    def to_json(self, *, success: bool, error: str | None = None) -> dict[str, JsonValue]:
        """Return the envelope that `--json` ends with."""
        return {
            "success": success,
            "items": self.items,
            "done": self.done,
            "failed": self.failed,
            "unknown": self.unknown,
            "skipped": self.skipped,
            "call_count": self.calls,
            "writes": dict(self.writes._asdict()),
            "error": error,
        }

    def to_text(self) -> str:
        """Return the summary in one line: `3000 inputs: 2990 done, 10 failed; 9000 calls`."""
        parts = [f"{self.done} done", f"{self.failed} failed"]
        parts += [f"{self.unknown} unknown"] if self.unknown else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        inputs = "1 input" if self.items == 1 else f"{self.items} inputs"
        writes = f", {self.writes.done} writes" if self.writes.done else ""
        return f"{inputs}: {', '.join(parts)}; {self.calls} calls{writes}"
