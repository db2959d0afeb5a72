"""What was sent for a call and what it brought: the steps between a request and its record."""

from typing import TYPE_CHECKING, NamedTuple

from kosmo_circleci.call.model import ApiResponse, StartedCall
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.errors import KosmoError, NetworkError

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import JournalEntry


class CallSubject(NamedTuple):
    """What a request is for, as listeners and the call log show it; see `StartedCall`."""

    call_path: str
    tool: str
    account: str
    kind: Kind
    arguments: str
    method: str
    route: str
    origin: str


class Exchange(NamedTuple):
    """One request and its outcome: `response`, or `error` when no answer arrived.

    `start` is None where nothing was sent because a journal had the answer.
    """

    start: StartedCall | None
    duration_ms: float
    response: ApiResponse | None = None
    error: KosmoError | None = None
    attempts: int = 1

    @property
    def may_have_arrived(self) -> bool:
        """False where the server surely has not seen the request."""
        unsent = isinstance(self.error, NetworkError) and self.error.unsent
        return self.attempts > 0 and not unsent


class Request:
    """A request in flight, and how often it has been sent so far."""

    def __init__(self, start: StartedCall) -> None:
        self.start = start
        self.attempts = 0

    def count_attempt(self) -> None:
        """Count one more sending; from the thread that sends."""
        self.attempts += 1


class Performed(NamedTuple):
    """What `perform` did: one exchange, or two where the manifest's fallback answered.

    `entry` is the call in the run's journal, where it has one.
    """

    exchanges: tuple[Exchange, ...]
    entry: "JournalEntry | None" = None

    @property
    def by_fallback(self) -> bool:
        return len(self.exchanges) > 1
