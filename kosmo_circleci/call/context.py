"""What a run offers to functions that reach other servers than CircleCI: `app.mcp` and `mcp.*`."""

from typing import Protocol

from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.masking import Mask


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

    def permit(self, kind: Kind, name: str, call_path: str, question: str) -> None:
        """Return if the call may be made; raises `PermissionDenied`. Asks once per name and run."""
        ...

    def record(
        self,
        call_path: str,
        tool: str,
        server: str,
        kind: Kind,
        *,
        ok: bool,
        duration_ms: float,
        settled: bool = True,
    ) -> None:
        """Log a call that has just ended; `settled` False when no answer arrived."""
        ...
