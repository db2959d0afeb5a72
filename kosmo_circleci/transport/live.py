"""The wire to CircleCI: one set of connections per process, with limits on time and size.

How it works: `send` takes a lane to the origin (`lanes.py`), whose connection httpcore drives over
sockets that know the end of the run (`stream.py`); the body is read as it came and unpacked up to
the size limit (`compression.py`); every failure becomes a sentence (`failures.py`).

Importing httpcore costs as much as the rest of a one-line script, so this module is imported on
first use; so is the TLS context, which costs half of that again.
"""

import os
import re
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpcore

from kosmo_circleci.jsonvalue import MAX_TEXT_BYTES
from kosmo_circleci.transport.compression import ACCEPTED, Body
from kosmo_circleci.transport.failures import FAILURES, NEVER_SENT, connect_failure, is_untrusted
from kosmo_circleci.transport.lanes import Lanes, Origin, has_proxy
from kosmo_circleci.transport.stream import OutOfReach
from kosmo_circleci.transport.wire import (
    Cancelled,
    TransportError,
    Unreachable,
    Untrusted,
    WireRequest,
    WireResponse,
)

_PORTS: Final = {"https": 443, "http": 80}
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_ALWAYS_WITH_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})


class LiveTransport:
    """`wire.Transport` over httpcore. Safe to use from several threads, and after a fork.

    Follows no redirects, keeps no cookies, never repeats a request. `HTTPS_PROXY`, `ALL_PROXY`,
    `NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR` count for https. Plain http, which is for
    loopback only, never goes through a proxy: the token would leave the machine unprotected.
    """

    def __init__(
        self,
        *,
        read_timeout_s: float = 30.0,
        connect_timeout_s: float = 10.0,
        max_body_bytes: int = MAX_TEXT_BYTES,
    ) -> None:
        """Read at most `max_body_bytes` of an answer, decompressed."""
        self._read_timeout_s = read_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._max_body_bytes = max_body_bytes
        self._closed = False
        self._process = os.getpid()
        self._lanes = Lanes()

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return the answer, whatever its status. `time_left_s` bounds the whole exchange.

        Raises `TransportError` (surely unsent only where no connection came about), `BodyTooLarge`,
        `Cancelled` when the time ran out, and `ConfigurationError` when the environment names a
        proxy or a certificate file that cannot be used. No message holds a token or a query.
        """
        end = _End(time_left_s)
        target = _target(request.url)
        status = None
        lanes = self._own_lanes()
        lane = lanes.take(target.origin, request.reach)
        if lane is None:
            raise Cancelled("the connections are closed already")
        try:
            response = lane.handle_request(self._prepared(request, target), end.at)
            try:
                status = response.status
                headers = _headers(response.headers)
                body = self._read_body(request, response, headers, end)
                return WireResponse(status, headers, body)
            finally:
                response.close()
        except FAILURES as error:
            # `from None`: an error may carry the request, and with it the token.
            raise self._explained(error, target, end, status) from None
        finally:
            lanes.give_back(lane)

    def close(self) -> None:
        """Give the connections back. Sending afterwards raises `Cancelled`."""
        self._closed = True
        self._own_lanes().close()

    def _own_lanes(self) -> Lanes:
        """Return the lanes of this process: after a fork the connections are the parent's."""
        if self._process != os.getpid():
            inherited, self._lanes, self._process = self._lanes, Lanes(), os.getpid()
            inherited.forget()
            if self._closed:
                self._lanes.close()
        return self._lanes

    def _prepared(self, request: WireRequest, target: "_Target") -> httpcore.Request:
        headers = {"Host": target.authority, "Accept-Encoding": ACCEPTED, **request.headers}
        if request.body is not None or request.method in _ALWAYS_WITH_LENGTH:
            headers["Content-Length"] = str(len(request.body or b""))
        timeouts = {
            "connect": self._connect_timeout_s,
            "read": self._read_timeout_s,
            "write": self._read_timeout_s,
        }
        return httpcore.Request(
            request.method,
            target.url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=request.body,
            extensions={"timeout": timeouts},
        )

    def _read_body(
        self,
        request: WireRequest,
        response: httpcore.Response,
        headers: Mapping[str, str],
        end: "_End",
    ) -> bytes:
        limit, sink = self._max_body_bytes, None
        if request.sink is not None and 200 <= response.status < 300:
            limit, sink = request.max_body_bytes or limit, request.sink()
        elif request.max_body_bytes is not None:
            limit = min(limit, request.max_body_bytes)
        body = Body(headers.get("content-encoding", ""), limit, sink)
        body.refuse_if_declared_too_large(headers.get("content-length", ""))
        for piece in response.iter_stream():  # the bytes as they came, compressed or not
            body.add(piece)
            end.check()
        return body.whole()

    def _explained(
        self, error: Exception, target: "_Target", end: "_End", status: int | None
    ) -> TransportError:
        if self._closed:
            return Cancelled("the connections were closed while the request was in flight")
        if end.is_over():
            return Cancelled("the run's time ran out while the request was in flight")
        where = target.authority
        if isinstance(error, NEVER_SENT):
            what = connect_failure(error, where, self._connect_timeout_s)
            if target.url.scheme == b"https" and has_proxy():
                what += " (HTTPS_PROXY or ALL_PROXY is set)"
            return _kind(error)(what, surely_unsent=True)
        if isinstance(error, httpcore.TimeoutException):
            did_not = "did not answer" if status is None else "sent nothing more of its answer"
            return TransportError(f"{where} {did_not} within {self._read_timeout_s:g} s")
        if status is not None:
            return TransportError(
                f"the connection to {where} broke before the whole answer (status {status}) arrived"
            )
        return TransportError(f"the connection to {where} broke before an answer arrived")


class _End:
    """When an exchange must be over: `at` on `time.monotonic`, or None."""

    def __init__(self, time_left_s: float | None) -> None:
        self.at = None if time_left_s is None else time.monotonic() + time_left_s

    def is_over(self) -> bool:
        # A socket may give up a moment early: its timeouts are counted in milliseconds.
        return self.at is not None and self.at - time.monotonic() < 0.002

    def check(self) -> None:
        if self.is_over():
            raise Cancelled("the run's time ran out while the answer was arriving")


class _Target(NamedTuple):
    """Where a request goes. `authority` is `host[:port]`: never a path, a query or credentials."""

    url: httpcore.URL
    origin: Origin
    authority: str


def _kind(error: Exception) -> type[TransportError]:
    if isinstance(error, OutOfReach):
        return Unreachable
    return Untrusted if is_untrusted(error) else TransportError


def _target(url: str) -> _Target:
    """Return where `url` leads. Raises `TransportError` for what is not an http or https URL."""
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    target = rest[len(authority) :]
    try:
        origin = _origin(scheme, authority)
        path = (target if target.startswith("/") else f"/{target}").encode("ascii")
    except ValueError:
        raise TransportError("the request is not valid HTTP", surely_unsent=True) from None
    parts = httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=path)
    return _Target(parts, origin, authority)


@cache
def _origin(scheme: str, authority: str) -> Origin:
    parts = urlsplit(f"{scheme}://{authority}")
    if scheme not in _PORTS or not parts.hostname or "@" in authority:
        raise ValueError(authority)
    name = parts.hostname.encode("ascii" if parts.hostname.isascii() else "idna")
    return Origin(scheme.encode(), name, parts.port or _PORTS[scheme])


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; several of one name are one list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
