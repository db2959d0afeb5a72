"""Send, wait, send again; follow redirects inside the origin; never let the token leave it."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import NetworkError, ValidationError
from kosmo_circleci.transport import retry
from kosmo_circleci.transport.wire import (
    Cancelled,
    Transport,
    TransportError,
    WireRequest,
    WireResponse,
)

_MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})


class Executor:
    """Carries requests out over one transport. Safe to use from several threads."""

    def __init__(
        self,
        transport: Transport,
        *,
        user_agent: str,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[Deadline, float], None] = Deadline.sleep,
    ) -> None:
        self._transport = transport
        self._user_agent = user_agent
        self._jitter = jitter
        self._now = now
        self._sleep = sleep

    def perform(self, request: ApiRequest, account: Account, deadline: Deadline) -> ApiResponse:
        """Return the answer, whatever its status, after as many attempts as the rules allow.

        Raises `NetworkError` when no usable answer arrived, and the deadline's own reason
        (`LimitExceeded`, `Interrupted`) when the run has to end.
        """
        wire_request = self._wire_request(request, account)
        attempt = 0
        while True:
            attempt += 1
            deadline.check()
            outcome = self._send(wire_request, account, deadline)
            delay = retry.delay_s(request.method, outcome, attempt, self._now(), self._jitter())
            if delay is not None:
                self._sleep(deadline, delay)
                continue
            if isinstance(outcome, TransportError):
                raise _network_error(request, outcome, attempt)
            return ApiResponse(outcome.status, outcome.headers, outcome.body, attempt)

    def _send(
        self, request: WireRequest, account: Account, deadline: Deadline
    ) -> WireResponse | TransportError:
        try:
            answer = self._transport.send(request, time_left_s=deadline.time_left_s())
            for _ in range(_MAX_REDIRECTS):
                following = _redirected(request, answer, account)
                if following is None:
                    return answer
                request = following
                answer = self._transport.send(request, time_left_s=deadline.time_left_s())
        except Cancelled as error:
            deadline.check()
            return error
        except TransportError as error:
            return error
        return answer

    def _wire_request(self, request: ApiRequest, account: Account) -> WireRequest:
        headers = {
            "Accept": "application/json",
            "User-Agent": self._user_agent,
            "Circle-Token": account.token or "",
        }
        body = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            body = jsonvalue.encode(request.body).encode("utf-8")
        return WireRequest(request.method, _url(request, account), headers, body)


def _url(request: ApiRequest, account: Account) -> str:
    query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in request.query)
    url = account.origin + request.path + ("?" + query if query else "")
    if not request.path.startswith("/api/") or not _within(url, account.origin):
        raise ValidationError(f"The path {request.path!r} leaves the account's own host; refused")
    return url


def _within(url: str, origin: str) -> bool:
    if any(char <= " " or char in "\\\x7f" for char in url):
        return False
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() == origin.lower()


def _redirected(
    request: WireRequest, answer: WireResponse, account: Account
) -> WireRequest | None:
    """Return the request a redirect asks for, or None where it must not be followed."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    if request.method != "GET" and answer.status not in _KEEPS_METHOD:
        return None
    try:
        url = urljoin(request.url, location)
    except ValueError:
        return None
    if not _within(url, account.origin):
        return None
    return WireRequest(request.method, url.partition("#")[0], request.headers, request.body)


def _network_error(request: ApiRequest, error: TransportError, attempts: int) -> NetworkError:
    times = "once" if attempts == 1 else f"{attempts} times"
    if error.surely_unsent:
        fate = f"Tried {times}; nothing was processed."
    elif request.method in ("POST", "PATCH"):
        fate = f"Sent {times} and not repeated: it may have been processed; look before sending again."
    else:
        fate = f"Tried {times}."
    return NetworkError(f"{request.method} {request.path}: {error}. {fate}", attempts=attempts)
