"""How a script reaches more than CircleCI: the seam behind which `app.mcp` and `mcp.*` lie."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from kosmo_circleci.call.context import RunContext
from kosmo_circleci.call.model import ExternalCall
from kosmo_circleci.call.permission import PermissionRequest
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import JournalError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import JournalCall


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


class ExtensionContext:
    """A run as its extension sees it, or a part of one that may be cancelled alone."""

    def __init__(self, caller: Caller, scope: Deadline | None = None) -> None:
        self._caller = caller
        self._scope = scope
        self.lock = threading.RLock()

    def within(self, scope: Deadline) -> "ExtensionContext":
        """Return the same run, ending with `scope`."""
        context = ExtensionContext(self._caller, scope)
        context.lock = self.lock
        return context

    @property
    def deadline(self) -> Deadline:
        return self._scope or self._caller.deadline

    @property
    def mask(self) -> Mask:
        return self._caller.mask

    @property
    def traceparent(self) -> str | None:
        return self._caller.traceparent

    def permit(self, name: str, question: str, call: "JournalCall") -> None:
        with self.lock:
            self._caller.permit(
                PermissionRequest(
                    call.kind, name, "", call.call_path, lambda: question, lambda: call
                )
            )

    def journaled(self, call: "JournalCall", perform: Callable[[], JsonValue]) -> JsonValue:
        from kosmo_circleci.call.external import external_answer

        journal = self._caller.journal
        if journal is None or journal.calls is None:
            return perform()
        try:
            return external_answer(journal.calls, call, perform)
        except JournalError as error:
            raise self._caller.end_with(error) from None

    def record(self, call: ExternalCall) -> None:
        with self.lock:
            self._caller.log.record_external_call(call)
