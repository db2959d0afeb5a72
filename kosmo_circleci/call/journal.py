"""What a journal needs to know of a call, and what the side that makes calls needs of a journal.

The journal lies between `prepare` and `perform`: it is asked before anything is sent, and told what
came back. A call is known by its content alone, so that the order of parallel branches and of
`pairs` does not matter: the n-th call of one content gets the n-th recorded answer.
"""

from typing import NamedTuple, Protocol

from kosmo_circleci.call import permission
from kosmo_circleci.call.model import ApiResponse, PreparedCall, QueryPairs
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonValue, encode

REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
"""Sending one of these twice leaves the server as sending it once does (RFC 9110, 9.2.2)."""


class CallContent(NamedTuple):
    """All that tells a call from others, secrets included: it is compared, never kept as it is."""

    function: str
    account: str
    method: str
    path: str
    query: QueryPairs = ()
    body: JsonValue = None

    def to_json(self) -> list[JsonValue]:
        """Return the content as plain JSON."""
        return [*self[:4], [list(pair) for pair in self.query], self.body]


class JournalCall(NamedTuple):
    """One call as a journal takes it.

    `request` (`POST /api/v2/context`) and `arguments` (JSON) are for people, secrets masked. A
    call that `is_repeatable` may be sent again without asking where its answer was lost.
    """

    content: CallContent
    call_path: str
    kind: Kind
    request: str
    arguments: str
    is_repeatable: bool


class JournalEntry(NamedTuple):
    """One call in the journal: `answer` is what was recorded of it, None where it must be sent.

    An answer has the response, or two where the manifest's fallback gave the second. `number` and
    `address` are the journal's own; `sent_at` is in seconds since 1970.
    """

    number: int
    address: bytes
    call: JournalCall
    answer: tuple[ApiResponse, ...] | None = None
    sent_at: float = 0.0


class CallJournal(Protocol):
    """Where calls are recorded and answered from. Safe to use from several threads.

    Each method raises `JournalError` where the record cannot be written: then nothing must be sent.
    """

    def begin(self, call: JournalCall) -> JournalEntry:
        """Return the recorded answer, or take note that the call is sent now.

        A write is on disk when this returns. Raises what a recorded failure was, where a journal
        repeats failures.
        """
        ...

    def answered(self, entry: JournalEntry, answer: tuple[ApiResponse, ...]) -> None:
        """Record the answer, before the script sees it."""
        ...

    def failed(self, entry: JournalEntry, error: KosmoError, *, sent: bool) -> None:
        """Record that no answer came; `sent` says whether the request may have arrived."""
        ...

    def refused(self, entry: JournalEntry, error: KosmoError) -> None:
        """Take note of the error that an answer means: if it ends the run, it is asked again."""
        ...


class RunClock(Protocol):
    """The time and the chance of a run, which give a resumed run the same values again.

    `branch` names the part of the script that asks: "" is its main part, "2.5" the fifth item of
    its second `flow.map`.
    """

    def time_s(self, branch: str, clock: str, now_s: float) -> float:
        """Return what this reading of `clock` showed the last time, or else `now_s`, recorded."""
        ...

    def elapsed_s(self) -> float:
        """Return how long the run has run, all its processes together."""
        ...

    def seed(self, branch: str) -> bytes:
        """Return 32 bytes for the random numbers of a branch."""
        ...

    def flush(self) -> None:
        """Put on disk what is recorded: before a long wait."""
        ...


class RunJournal(Protocol):
    """The journal's side of one run of a script.

    `decides` names the kinds of calls the read/write policy is not asked about: they are not sent,
    or a plan says which are. `is_offline` says that nothing is sent at all: no account needs a
    token. `shaped` counts the calls that were answered by their documented shape.
    """

    calls: CallJournal | None
    clock: RunClock | None
    decides: frozenset[Kind]
    is_offline: bool

    @property
    def shaped(self) -> int: ...

    def reserve(self, call: JournalCall) -> bool:
        """Say whether the record answers this call: it is not sent, and needs no permission.

        Each recorded answer is promised once, so that no further call of this content is sent
        without permission.
        """
        ...

    def is_planned(self, value: JsonValue) -> bool:
        """Say whether a value is about something that a planned write would make."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting for it, where `is_offline`."""
        ...

    def meta(self) -> dict[str, JsonValue]:
        """Return what the envelope's `meta` says about it."""
        ...

    def finish(self, error: str | None, error_type: str | None) -> None:
        """Record how the run ended, without secrets. Raises `JournalError`."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...


def journal_call(call: PreparedCall) -> JournalCall:
    """Return a call of CircleCI's API as a journal takes it."""
    from kosmo_circleci.call import request

    function, arguments, wire, account, call_path = call
    method, path = request.shown(function, arguments)
    shown = permission.without_secrets(function, arguments)
    further = {"query": dict(shown.query), "payload": dict(shown.payload)}
    values: dict[str, JsonValue] = dict(shown.values)
    return JournalCall(
        content=CallContent(
            function.name, account.name, wire.method, wire.path, wire.query, wire.body
        ),
        call_path=call_path,
        kind=function.kind,
        request=f"{method} {path}",
        arguments=encode(values | {name: value for name, value in further.items() if value}),
        is_repeatable=wire.method in REPEATABLE_METHODS,
    )
