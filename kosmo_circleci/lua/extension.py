"""How a script reaches more than CircleCI: the seam behind which `app.mcp` and `mcp.*` lie."""

from collections.abc import Callable
from typing import Protocol

from kosmo_circleci.call.context import RunContext
from kosmo_circleci.jsonvalue import JsonValue


class Extension(Protocol):
    """Further functions for scripts. `call` may run on any thread, several at once."""

    def call(self, name: str, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        """Return the value of one call, or raise a `KosmoError`."""
        ...

    def close(self) -> None:
        """Give back what the run opened: connections, processes."""
        ...


ExtensionSource = Callable[[], Extension]
"""Makes the extension when a script first needs it, so that nothing of it is loaded before."""
