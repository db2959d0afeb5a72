"""One call on the wire: send, wait, send again, follow redirects at home.

The origin lock lives here: a token leaves for its account's own origin and for nowhere else.
"""

import os
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse, QueryPairs
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import (
    ConfigurationError,
    LimitExceeded,
    NetworkError,
    ValidationError,
)
from kosmo_circleci.jsonvalue import JsonError, encode
from kosmo_circleci.transport.download import (
    MAX_REDIRECTS,
    Download,
    Refused,
    first_request,
    next_request,
)
from kosmo_circleci.transport.origin import Origin, is_sendable, redirect_target
from kosmo_circleci.transport.pace import Pace, Paces
from kosmo_circleci.transport.retry import (
    MAX_ATTEMPTS,
    delay_s,
    rate_limit_pause_s,
    retry_after_seconds,
)
from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    Transport,
    TransportError,
    WireRequest,
    WireResponse,
)

if TYPE_CHECKING:
    from kosmo_circleci.transport.budget import Budget

Follow: TypeAlias = Callable[[WireRequest, WireResponse], WireRequest | None]
"""Returns the request a redirect asks for; None for an answer that is final. Raises `Refused`."""

_UNSAFE_IN_PATH: Final = re.compile(r"[^\x21-\x7e]|[\\?#]|^//")


class Executor:
    """Performs requests through a transport. Safe to use from several threads.

    All it keeps is the pace of each account, so one executor serves a whole process. After a fork
    the new process has paces of its own: a thread it does not have may have held their locks.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        user_agent: str,
        sleep: Callable[[Deadline, float], None] = Deadline.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        budget: "Budget | None" = None,
    ) -> None:
        """Send through `transport`, within the `budget` that several processes share.

        Tests replace `sleep`, `now` (aware UTC), `jitter` (0 to 1).
        """
        self._transport = transport
        self._user_agent = user_agent
        self._sleep = sleep
        self._now = now
        self._jitter = jitter
        self._budget = budget
        self._paces = Paces()
        self._process = os.getpid()

    def perform(
        self,
        request: ApiRequest,
        account: Account,
        deadline: Deadline,
        *,
        attempts: int = MAX_ATTEMPTS,
        on_send: Callable[[], None] = lambda: None,
    ) -> ApiResponse:
        """Return the last answer, whatever its status, with the number of requests it took.

        `on_send` is called before each request leaves: the count that remains when this raises.

        Repeats by the table of `retry.py`, `attempts` at most. A 429 makes every request of the
        account wait, not only this one (`pace.py`). Redirects are followed within the account's
        origin, at most `MAX_REDIRECTS` of them; any other redirect is returned as it is.

        Raises `NetworkError` when no usable answer arrived, the deadline's own reason when the run
        has to end, `ValidationError` for a path or a body that cannot be sent, and
        `ConfigurationError` for a token that is not a header value.
        """
        wire = self._wire_request(request, account)
        pace = self._own_paces().of(account)
        terms = _Terms(account, pace, pace.turn(), deadline, on_send)
        exchange = self._exchange(wire, terms, attempts, _redirected)
        if isinstance(exchange.outcome, WireResponse):
            return self._response(exchange.outcome, exchange.sent)
        raise _network_error(f"{request.method} {request.path}", request.method, exchange)

    def fetch(
        self,
        download: Download,
        account: Account,
        deadline: Deadline,
        *,
        on_send: Callable[[], None] = lambda: None,
    ) -> ApiResponse:
        """Return the last answer to a download, whatever its status; see `download.py`.

        Repeats as for a GET of the API, and follows `MAX_REDIRECTS` redirects, over https and to
        public addresses only. Raises `ValidationError` for a URL that may not be fetched,
        `LimitExceeded` for more content than a sink takes, otherwise as `perform`.
        """
        wire = first_request(download, account, self._user_agent)
        origin = Origin.of(wire.url)
        # A limit that a storage service sets has nothing to do with the account's at CircleCI.
        elsewhere = account if origin == Origin.of(account.origin) else Account("", str(origin))
        pace = self._own_paces().of(elsewhere)
        follow = partial(next_request, download=download, account=account)
        exchange = self._exchange(
            wire, _Terms(elsewhere, pace, pace.turn(), deadline, on_send), MAX_ATTEMPTS, follow
        )
        if isinstance(exchange.outcome, WireResponse):
            return self._response(_into_sink(wire, exchange.outcome), exchange.sent)
        host = origin.host if origin is not None else "the download"
        if isinstance(exchange.outcome, BodyTooLarge) and download.sink is not None:
            raise LimitExceeded(f"{host}: {exchange.outcome}")
        raise _network_error(f"GET {host}", "GET", exchange)

    def _exchange(
        self, wire: WireRequest, terms: "_Terms", attempts: int, follow: Follow
    ) -> "_Exchange":
        sent = redirects = 0
        answered = False
        while True:
            terms.deadline.check()
            outcome = self._send(wire, terms, sent - redirects + 1)
            sent += 1
            answered = answered or isinstance(outcome, WireResponse)
            if isinstance(outcome, WireResponse) and redirects < MAX_REDIRECTS:
                try:
                    redirected = follow(wire, outcome)
                except Refused as refused:
                    return _Exchange(refused, sent, answered)
                if redirected is not None:
                    wire = redirected
                    redirects += 1
                    continue
            pause_s = delay_s(wire.method, outcome, sent - redirects, self._now(), self._jitter())
            if pause_s is None or sent - redirects >= attempts:
                return _Exchange(outcome, sent, answered)
            if not _is_rate_limit(outcome):  # its pause is the account's, and already under way
                self._sleep(terms.deadline, pause_s)

    def _own_paces(self) -> Paces:
        if self._process != os.getpid():
            self._paces, self._process = Paces(), os.getpid()
        return self._paces

    def _send(
        self, wire: WireRequest, terms: "_Terms", attempt: int
    ) -> WireResponse | TransportError:
        permit = terms.pace.acquire(terms.turn, terms.deadline, self._sleep)
        pause_s: float | None = None
        try:
            if self._budget is not None:
                self._budget.acquire(terms.account, terms.deadline, self._sleep)
            terms.on_send()
            outcome = self._answer(wire, terms.deadline)
            if _is_rate_limit(outcome):
                pause_s = rate_limit_pause_s(outcome, attempt, self._now(), self._jitter())
                if self._budget is not None and pause_s is not None:
                    self._budget.pause(terms.account, pause_s)
        finally:
            terms.pace.release(permit, pause_s)
        return outcome

    def _answer(self, wire: WireRequest, deadline: Deadline) -> WireResponse | TransportError:
        try:
            return self._transport.send(wire, time_left_s=deadline.time_left_s())
        except Cancelled as cancelled:
            # The transport counts on its own clock, which may be a moment ahead of the deadline's.
            deadline.sleep(0.05)
            return cancelled
        except TransportError as error:
            return error

    def _response(self, answer: WireResponse, attempts: int) -> ApiResponse:
        retry_after_s = retry_after_seconds(answer.headers.get("retry-after"), self._now())
        return ApiResponse(answer.status, answer.headers, answer.body, attempts, retry_after_s)

    def _wire_request(self, request: ApiRequest, account: Account) -> WireRequest:
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        headers |= dict(request.headers)
        if account.token is not None:
            if not is_sendable(account.token):
                raise ConfigurationError(
                    f"The token of account '{account.name}' contains characters that an HTTP "
                    "header cannot hold. Copy the token again from CircleCI's user settings."
                )
            headers["Circle-Token"] = account.token
        body = None
        if request.body is not None:
            body = _encoded_body(request)
            headers["Content-Type"] = "application/json"
        return WireRequest(request.method, _url(request, account), headers, body)


class _Terms(NamedTuple):
    """How one call is sent: for whom, at which pace, until when, and who counts what leaves."""

    account: Account
    pace: Pace
    turn: int
    deadline: Deadline
    on_send: Callable[[], None] = lambda: None


class _Exchange(NamedTuple):
    """How the attempts ended: the last outcome, how many there were, whether any was answered."""

    outcome: WireResponse | TransportError
    sent: int
    answered: bool


def _url(request: ApiRequest, account: Account) -> str:
    """Return the absolute URL, on the account's origin for sure."""
    path = request.path
    if not path.startswith("/") or _UNSAFE_IN_PATH.search(path) or _has_dot_segment(path):
        raise ValidationError(
            f"The path {path!r} cannot be sent. Expected an absolute path of the API, "
            "percent-encoded, without '..' segments: /api/v2/me"
        )
    if not _is_plain_origin(account.origin):
        raise ConfigurationError(
            f"The base URL of account '{account.name}' is not an origin such as https://circleci.com."
        )
    # A plain origin with a path behind it that begins with one slash: nothing can move the host.
    return account.origin + path + _encoded_query(request.query)


@cache
def _is_plain_origin(url: str) -> bool:
    origin = Origin.of(url)
    return origin is not None and url == f"{origin.scheme}://{urlsplit(url).netloc}"


def _has_dot_segment(path: str) -> bool:
    # HTTP libraries resolve these, encoded or not, and the request would go elsewhere than it says.
    segments = path.lower().replace("%2e", ".").split("/")
    return "." in segments or ".." in segments


def _encoded_query(query: QueryPairs) -> str:
    """Return "" or "?name=value&…", one pair per value, space as %20 (RFC 3986)."""
    if not query:
        return ""
    pairs = (f"{_encoded(name)}={_encoded(value)}" for name, value in query)
    return "?" + "&".join(pairs)


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _encoded_body(request: ApiRequest) -> bytes:
    try:
        return encode(request.body).encode("utf-8")
    except JsonError as error:
        raise ValidationError(f"The body cannot be written as JSON: {error}") from None


def _redirected(wire: WireRequest, response: WireResponse) -> WireRequest | None:
    """Return the request a redirect within the same origin asks for, or None."""
    target = redirect_target(wire, response)
    if target is None or Origin.of(target) != Origin.of(wire.url):
        return None
    return wire._replace(url=target)


def _into_sink(wire: WireRequest, response: WireResponse) -> WireResponse:
    """Hand a body to the sink where the transport has not: the simulator has no pieces."""
    if wire.sink is None or not response.body or not 200 <= response.status < 300:
        return response
    wire.sink()(response.body)
    return response._replace(body=b"")


def _is_rate_limit(outcome: WireResponse | TransportError) -> bool:
    return isinstance(outcome, WireResponse) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS


def _network_error(what: str, method: str, exchange: _Exchange) -> NetworkError:
    failure, attempts = exchange.outcome, exchange.sent
    assert isinstance(failure, TransportError)
    count = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    message = f"{what}: {failure} ({count})"
    if method in ("POST", "PATCH"):
        message = f"{message}; {_effect(failure, attempts, exchange.answered)}"
    unsent = failure.surely_unsent and not exchange.answered
    return NetworkError(f"{message}.", attempts=attempts, unsent=unsent)


def _effect(failure: TransportError, attempts: int, answered: bool) -> str:
    """Say whether a write may have happened: the caller must know before sending it again."""
    if failure.surely_unsent:
        return "it was not processed" if answered else "nothing was sent"
    if attempts == 1:
        return "it may have been processed; it was sent once and not repeated"
    return "it may have been processed, and was not repeated"
