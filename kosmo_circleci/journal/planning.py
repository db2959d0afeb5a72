"""Running a script for its plan: reads are real, writes answer what their pages document.

A read about something planned is answered by shape too. And applying a plan: the writes in it are
made, each as often as planned, and no other.
"""

import threading

from kosmo_circleci.call.journal import CallJournal, JournalCall, JournalEntry
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function, Shape
from kosmo_circleci.errors import KosmoError, PermissionDenied
from kosmo_circleci.journal.pattern import matches
from kosmo_circleci.journal.placeholders import (
    Placeholders,
    mentions_placeholder,
    planned_answer,
)
from kosmo_circleci.journal.plan import Plan
from kosmo_circleci.jsonvalue import JsonValue, encode

_NOT_SENT = -1


class Passing:
    """A `CallJournal` that wraps another one, if there is one."""

    def __init__(self, inner: CallJournal | None) -> None:
        self._inner = inner

    def begin(self, call: JournalCall) -> JournalEntry:
        if self._inner is None:
            return JournalEntry(0, b"", call)
        return self._inner.begin(call)

    def answered(self, entry: JournalEntry, answer: tuple[ApiResponse, ...]) -> None:
        if self._inner is not None:
            self._inner.answered(entry, answer)

    def failed(self, entry: JournalEntry, error: KosmoError, *, sent: bool) -> None:
        if self._inner is not None:
            self._inner.failed(entry, error, sent=sent)

    def refused(self, entry: JournalEntry, error: KosmoError) -> None:
        if self._inner is not None and entry.number != _NOT_SENT:
            self._inner.refused(entry, error)


class Planning(Passing):
    """Collects the writes of a script. `shaped` counts the calls that were answered by shape.

    `issued` says for each write how many placeholders there were before it.
    """

    def __init__(self, catalog: Catalog, inner: CallJournal | None = None) -> None:
        super().__init__(inner)
        self._catalog = catalog
        self._lock = threading.Lock()
        self._placeholders = Placeholders()
        self.writes: list[JournalCall] = []
        self.issued: list[int] = []
        self.shaped = 0

    def begin(self, call: JournalCall) -> JournalEntry:
        if call.kind == "read" and not self.is_planned(call.content.to_json()):
            return super().begin(call)
        with self._lock:
            if call.kind == "write":
                self.writes.append(call)
                self.issued.append(self._placeholders.count)
            self.shaped += 1
            return JournalEntry(_NOT_SENT, b"", call, (self._answer(call),))

    def is_planned(self, value: JsonValue) -> bool:
        """Say whether a value mentions what a planned write would make."""
        return mentions_placeholder(value, self._placeholders.count)

    def _answer(self, call: JournalCall) -> ApiResponse:
        function = self._catalog.get(call.content.function)
        path, body = call.content.path, call.content.body
        if function is None:  # a tool of another server: nothing says what it answers
            return _json({})
        shape = Shape("any") if function.is_raw else self._catalog.result_shape(function)
        return _response(function, planned_answer(function, shape, path, body, self._placeholders))


class Applying(Passing):
    """Lets through the writes of a plan. Reads are free."""

    def __init__(self, plan: Plan, inner: CallJournal | None = None) -> None:
        super().__init__(inner)
        self._plan = plan
        self._lock = threading.Lock()
        # What has no placeholder first: it can only be itself.
        self._left = sorted(
            ((write.content, write.placeholders) for write in plan.writes),
            key=lambda each: mentions_placeholder(*each),
        )

    def begin(self, call: JournalCall) -> JournalEntry:
        if call.kind == "write":
            self._take(call)
        return super().begin(call)

    def _take(self, call: JournalCall) -> None:
        actual = call.content.to_json()
        with self._lock:
            for index, (planned, issued) in enumerate(self._left):
                if matches(planned, actual, self._plan.salt, issued):
                    del self._left[index]
                    return
        raise PermissionDenied(
            f"{call.call_path} ({call.request}) with {call.arguments} is not in the plan, or not "
            "as often. It was not sent. Make a new plan with --plan.",
            function_name=call.content.function,
        )


def _response(function: Function, value: JsonValue) -> ApiResponse:
    if value is None:
        return ApiResponse(204, {}, b"")
    if function.answer == "text":
        return ApiResponse(200, {"content-type": "text/plain"}, str(value).encode())
    if function.answer == "jsonl":
        rows = value if isinstance(value, list) else [value]
        return ApiResponse(200, {}, "\n".join(map(encode, rows)).encode())
    return _json(value)


def _json(value: JsonValue) -> ApiResponse:
    return ApiResponse(200, {"content-type": "application/json"}, encode(value).encode())
