"""How a script reaches more than CircleCI: the seam behind which `app.mcp` and `mcp.*` lie."""

from collections.abc import Callable
from typing import Protocol

from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask


class ExtensionDoor(Protocol):
    """What a run offers to an extension. Safe to use from several threads."""

    @property
    def deadline(self) -> Deadline:
        """When the run must end."""
        ...

    @property
    def mask(self) -> Mask:
        """The secrets of the run; add to it what must not be shown."""
        ...

    def permit(self, kind: Kind, name: str, spoken_name: str, question: str) -> None:
        """Return if the call may be made; raises `PermissionDenied`. Asks once per name and run."""
        ...

    def record(
        self, spoken_name: str, tool: str, server: str, *, ok: bool, duration_ms: float
    ) -> None:
        """Put a call into the log that has just ended."""
        ...


class Extension(Protocol):
    """Further functions for scripts. `call` may run on any thread, several at once."""

    def call(self, name: str, arguments: list[JsonValue], door: ExtensionDoor) -> JsonValue:
        """Return the value of one call, or raise a `KosmoError`."""
        ...

    def close(self) -> None:
        """Give back what the run opened: connections, processes."""
        ...


ExtensionSource = Callable[[], Extension]
"""Makes the extension when a script first needs it, so that nothing of it is loaded before."""
