"""What a run offers to functions that reach other servers than CircleCI: `app.mcp` and `mcp.*`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from kosmo_circleci.call.model import ExternalCall
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import JournalCall


class RunContext(Protocol):
    """A run as the functions beyond CircleCI see it. Safe to use from several threads."""

    @property
    def deadline(self) -> Deadline:
        """When the run must end."""
        ...

    @property
    def mask(self) -> Mask:
        """The secrets of the run; add to it what must not be shown."""
        ...

    @property
    def traceparent(self) -> str | None:
        """The span of the run, for servers that continue its trace; None where none is made."""
        ...

    def permit(self, name: str, question: str, call: "JournalCall") -> None:
        """Return if the call may be made; raises `PermissionDenied`. Asks once per name and run."""
        ...

    def journaled(self, call: "JournalCall", perform: Callable[[], JsonValue]) -> JsonValue:
        """Return the recorded answer of a call, or that of `perform`, which is recorded."""
        ...

    def record(self, call: ExternalCall) -> None:
        """Log a call that has just ended."""
        ...
