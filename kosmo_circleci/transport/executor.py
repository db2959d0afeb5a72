"""One call on the wire: send, wait, send again, follow redirects at home.

The origin lock lives here: a token leaves for its account's own origin and for nowhere else.
"""

import os
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse, QueryPairs
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, NetworkError, ValidationError
from kosmo_circleci.jsonvalue import JsonError, encode
from kosmo_circleci.transport.pace import Pace, Paces
from kosmo_circleci.transport.retry import (
    MAX_ATTEMPTS,
    delay_s,
    rate_limit_pause_s,
    retry_after_seconds,
)
from kosmo_circleci.transport.wire import (
    Cancelled,
    Transport,
    TransportError,
    WireRequest,
    WireResponse,
)

MAX_REDIRECTS: Final = 5

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_REDIRECTS: Final = {
    "GET": frozenset({301, 302, 303, 307, 308}),
    "other": frozenset({307, 308}),  # the others would turn a write into a GET
}
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
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
    ) -> None:
        """Send through `transport`. Tests replace `sleep`, `now` (aware UTC), `jitter` (0 to 1)."""
        self._transport = transport
        self._user_agent = user_agent
        self._sleep = sleep
        self._now = now
        self._jitter = jitter
        self._paces = Paces()
        self._process = os.getpid()

    def perform(
        self,
        request: ApiRequest,
        account: Account,
        deadline: Deadline,
        *,
        attempts: int = MAX_ATTEMPTS,
    ) -> ApiResponse:
        """Return the last answer, whatever its status, with the number of requests it took.

        Repeats by the table of `retry.py`, `attempts` at most. A 429 makes every request of the
        account wait, not only this one (`pace.py`). Redirects are followed within the account's
        origin, at most `MAX_REDIRECTS` of them; any other redirect is returned as it is.

        Raises `NetworkError` when no usable answer arrived, the deadline's own reason when the run
        has to end, `ValidationError` for a path or a body that cannot be sent, and
        `ConfigurationError` for a token that is not a header value.
        """
        wire = self._wire_request(request, account)
        pace = self._own_paces().of(account)
        turn = pace.turn()
        sent = redirects = 0
        answered = False
        while True:
            deadline.check()
            outcome = self._send(wire, deadline, pace, turn, sent - redirects + 1)
            sent += 1
            answered = answered or isinstance(outcome, WireResponse)
            redirected = _redirected(wire, outcome) if redirects < MAX_REDIRECTS else None
            if redirected is not None:
                wire = redirected
                redirects += 1
                continue
            pause_s = delay_s(
                request.method, outcome, sent - redirects, self._now(), self._jitter()
            )
            if pause_s is None or sent - redirects >= attempts:
                break
            if not _is_rate_limit(outcome):  # its pause is the account's, and already under way
                self._sleep(deadline, pause_s)
        if isinstance(outcome, WireResponse):
            return self._response(outcome, sent)
        raise _network_error(request, outcome, sent, answered)

    def _own_paces(self) -> Paces:
        if self._process != os.getpid():
            self._paces, self._process = Paces(), os.getpid()
        return self._paces

    def _send(
        self, wire: WireRequest, deadline: Deadline, pace: Pace, turn: int, attempt: int
    ) -> WireResponse | TransportError:
        permit = pace.acquire(turn, deadline, self._sleep)
        pause_s: float | None = None
        try:
            outcome = self._answer(wire, deadline)
            if _is_rate_limit(outcome):
                pause_s = rate_limit_pause_s(outcome, attempt, self._now(), self._jitter())
        finally:
            pace.release(permit, pause_s)
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
            if not _PRINTABLE.fullmatch(account.token):
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


class _Origin(NamedTuple):
    """Scheme, host and port, comparable; None of a URL that is not absolute and plain."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> "_Origin | None":
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            return None
        if not parts.hostname or "@" in parts.netloc:
            return None
        return cls(parts.scheme, parts.hostname, port)


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
    origin = _Origin.of(url)
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


def _redirected(wire: WireRequest, outcome: WireResponse | TransportError) -> WireRequest | None:
    """Return the request a redirect within the same origin asks for, or None."""
    if isinstance(outcome, TransportError):
        return None
    followed = _REDIRECTS.get(wire.method, _REDIRECTS["other"])
    location = outcome.headers.get("location", "")
    if outcome.status not in followed or not _PRINTABLE.fullmatch(location) or "\\" in location:
        return None
    try:
        target = urljoin(wire.url, location).partition("#")[0]
    except ValueError:
        return None
    if _Origin.of(target) != _Origin.of(wire.url):
        return None
    return wire._replace(url=target)


def _is_rate_limit(outcome: WireResponse | TransportError) -> bool:
    return isinstance(outcome, WireResponse) and outcome.status == HTTPStatus.TOO_MANY_REQUESTS


def _network_error(
    request: ApiRequest, failure: TransportError, attempts: int, answered: bool
) -> NetworkError:
    count = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    message = f"{request.method} {request.path}: {failure} ({count})"
    if request.method in ("POST", "PATCH"):
        message = f"{message}; {_effect(failure, attempts, answered)}"
    unsent = failure.surely_unsent and not answered
    return NetworkError(f"{message}.", attempts=attempts, unsent=unsent)


def _effect(failure: TransportError, attempts: int, answered: bool) -> str:
    """Say whether a write may have happened: the caller must know before sending it again."""
    if failure.surely_unsent:
        return "it was not processed" if answered else "nothing was sent"
    if attempts == 1:
        return "it may have been processed; it was sent once and not repeated"
    return "it may have been processed, and was not repeated"
