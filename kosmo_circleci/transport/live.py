"""The wire to CircleCI: one httpx pool per run, with limits on time and size.

Importing httpx costs about as much as the rest of a one-line script, and its TLS context a third of
that again; so this module is imported on first use, and each scheme's client is built on first use.
"""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from urllib.request import getproxies

import httpx

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import MAX_TEXT_BYTES
from kosmo_circleci.transport.compression import ACCEPTED, Body
from kosmo_circleci.transport.wire import (
    Cancelled,
    TransportError,
    Untrusted,
    WireRequest,
    WireResponse,
)

KEEPALIVE_S: Final = 30.0
"""How long an idle connection is kept: longer than the pauses of `flow.wait` between two polls."""

_PROXY_POOL_SIZE: Final = 200  # as many connections as a run has threads, at most

_ONE_CONNECTION: Final = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S
)


class LiveTransport:
    """`wire.Transport` over httpx. Safe to use from several threads.

    Follows no redirects, keeps no cookies, reads no netrc, never repeats a request. `HTTPS_PROXY`,
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
        self._clients: dict[str, _Lanes | httpx.Client] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return the answer, whatever its status. `time_left_s` bounds the whole exchange.

        Raises `TransportError` (surely unsent only where no connection came about), `BodyTooLarge`,
        `Cancelled` when the time ran out, and `ConfigurationError` when the environment names a
        proxy or a certificate file that cannot be used. No message holds a token or a query.
        """
        timeouts = _Timeouts(self._connect_timeout_s, self._read_timeout_s, time_left_s)
        status = None
        try:
            response = self._begin(request, timeouts)
            try:
                status = response.status_code
                headers = _headers(response.headers.raw)
                body = self._read_body(response, headers, timeouts)
                return WireResponse(status, headers, body)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # `from None`: httpx's errors carry the request, and with it the token.
            raise self._explained(error, request.url, timeouts, status) from None
        except RuntimeError:
            if not self._closed:
                raise
            raise Cancelled("the connections are closed already") from None

    def close(self) -> None:
        """Give the connections back. Sending afterwards raises `Cancelled`."""
        with self._lock:
            self._closed = True
            clients = list(self._clients.values())
        for client in clients:
            client.close()

    def _begin(self, request: WireRequest, timeouts: "_Timeouts") -> httpx.Response:
        """Return an answer whose body is still to be read."""
        client = self._client(request.url)
        prepared = httpx.Request(
            request.method,
            request.url,
            headers={"Accept-Encoding": ACCEPTED, **request.headers},
            content=request.body,
            extensions={"timeout": timeouts},
        )
        if isinstance(client, _Lanes):
            return client.handle_request(prepared)
        return client.send(prepared, stream=True)

    def _client(self, url: str) -> "_Lanes | httpx.Client":
        scheme = "http" if url.startswith("http:") else "https"
        with self._lock:
            if self._closed:
                raise Cancelled("the connections are closed already")
            if scheme not in self._clients:
                self._clients[scheme] = _build_client(scheme)
            return self._clients[scheme]

    def _read_body(
        self, response: httpx.Response, headers: Mapping[str, str], timeouts: "_Timeouts"
    ) -> bytes:
        body = Body(headers.get("content-encoding", ""), self._max_body_bytes)
        body.refuse_if_declared_too_large(headers.get("content-length", ""))
        assert isinstance(response.stream, httpx.SyncByteStream)
        abort: threading.Timer | None = None
        try:
            for piece in response.stream:  # the bytes as they came, compressed or not
                body.add(piece)
                timeouts.check()
                # httpcore asks for the timeout once per body: right for the first piece, too long
                # for the rest. Against a server that trickles, the timer ends the wait.
                abort = abort or _abort_when_over(response, timeouts)
        finally:
            if abort is not None:
                abort.cancel()
        timeouts.check()  # the aborted end of a body without a length looks like a whole body
        return body.whole()

    def _explained(
        self, error: Exception, url: str, timeouts: "_Timeouts", status: int | None
    ) -> TransportError:
        if self._closed:
            return Cancelled("the connections were closed while the request was in flight")
        if timeouts.is_over():
            return Cancelled("the run's time ran out while the request was in flight")
        where = _host(url)
        if isinstance(error, _NEVER_SENT):
            what = _connect_failure(error, where, self._connect_timeout_s)
            failure = Untrusted if _is_untrusted(error) else TransportError
            return failure(what + _through_proxy(url), surely_unsent=True)
        if isinstance(error, httpx.TimeoutException):
            did_not = "did not answer" if status is None else "sent nothing more of its answer"
            return TransportError(f"{where} {did_not} within {self._read_timeout_s:g} s")
        if status is not None:
            return TransportError(
                f"the connection to {where} broke before the whole answer (status {status}) arrived"
            )
        return TransportError(f"the connection to {where} broke before an answer arrived")


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; several of one name are one list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


class _Timeouts(dict[str, float | None]):
    """httpx's timeouts of one request, none of them beyond the end of the run.

    httpcore asks for a timeout at the start of each phase (connect, write, read the head, read the
    body), so every phase gets what is left then, not what was left at the start.
    """

    def __init__(self, connect_s: float, read_s: float, time_left_s: float | None) -> None:
        super().__init__(connect=connect_s, read=read_s, write=read_s, pool=None)
        self._end = None if time_left_s is None else time.monotonic() + time_left_s

    def left_s(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def get(self, phase: str, default: Any = None) -> float | None:
        timeout_s, left_s = super().get(phase), self.left_s()
        if timeout_s is None or left_s is None:
            return left_s if timeout_s is None else timeout_s
        return min(timeout_s, max(left_s, 0.001))  # 0 would mean: do not block at all

    def is_over(self) -> bool:
        # A socket may give up a moment early: its timeouts are counted in milliseconds.
        left_s = self.left_s()
        return left_s is not None and left_s < 0.002

    def check(self) -> None:
        if self.is_over():
            raise Cancelled("the run's time ran out while the answer was arriving")


class _Lanes(httpx.BaseTransport):
    """A pool of connections that grows with the requests under way, one lane for each.

    httpcore's own pool looks at every connection, with a system call each, whenever a request
    begins or ends: with a hundred of them that takes twice as long as the requests. Here the lane
    that was used last is used first, and none is looked at that is not needed.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._free: dict[bytes, deque[tuple[float, httpx.HTTPTransport]]] = {}
        self._all: set[httpx.HTTPTransport] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = request.url.raw_scheme + request.url.netloc
        lane = self._take(origin)
        try:
            response = lane.handle_request(request)
        except BaseException:
            self._give_back(origin, lane)
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _LaneStream(response.stream, lambda: self._give_back(origin, lane))
        return response

    def close(self) -> None:
        with self._lock:
            lanes, self._all = self._all, set()
            self._free.clear()
        for lane in lanes:
            lane.close()

    def _take(self, origin: bytes) -> httpx.HTTPTransport:
        with self._lock:
            free = self._free.get(origin)
            if free:
                return free.pop()[1]
            lane = httpx.HTTPTransport(verify=self._tls, trust_env=False, limits=_ONE_CONNECTION)
            self._all.add(lane)
            return lane

    def _give_back(self, origin: bytes, lane: httpx.HTTPTransport) -> None:
        now = time.monotonic()
        unused: list[httpx.HTTPTransport] = []
        with self._lock:
            if lane not in self._all:  # closed meanwhile
                return
            free = self._free.setdefault(origin, deque())
            free.append((now, lane))
            while free[0][0] < now - KEEPALIVE_S:
                unused.append(free.popleft()[1])
            self._all.difference_update(unused)
        for each in unused:
            each.close()


class _LaneStream(httpx.SyncByteStream):
    """The body of an answer; its lane is free again once it is closed."""

    def __init__(self, stream: httpx.SyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        give_back, self._give_back = self._give_back, None
        try:
            self._stream.close()
        finally:
            if give_back is not None:
                give_back()


def _build_client(scheme: str) -> "_Lanes | httpx.Client":
    # Without a client around them, lanes know no cookies, redirects or authentication, none of
    # which is wanted here, and spare each call a quarter of its work.
    if scheme == "http":
        # A context without roots trusts nobody and costs nothing; https never gets here.
        return _Lanes(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    tls = _tls_context()
    if not _has_proxy():
        return _Lanes(tls)
    # No domain may set a cookie: two accounts on one host would share it.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    # Which hosts a proxy is for is httpx's to know (NO_PROXY), and so is the pool then.
    limits = httpx.Limits(
        max_connections=_PROXY_POOL_SIZE,
        max_keepalive_connections=_PROXY_POOL_SIZE,
        keepalive_expiry=KEEPALIVE_S,
    )
    try:
        return httpx.Client(verify=tls, trust_env=True, limits=limits, cookies=no_cookies)
    except (ValueError, ImportError, httpx.InvalidURL):
        raise ConfigurationError(
            "The proxy named in HTTPS_PROXY or ALL_PROXY cannot be used. "
            "Write it as http://host:port (SOCKS needs `pip install 'httpx[socks]'`)."
        ) from None


def _tls_context() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context(trust_env=True)
    except OSError as error:
        name = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        raise ConfigurationError(
            f"{name} names {os.environ.get(name, '')!r}, which cannot be read as PEM certificates: "
            f"{error.strerror or error}."
        ) from None


def _abort_when_over(response: httpx.Response, timeouts: _Timeouts) -> threading.Timer | None:
    """Start a timer that shuts the connection down when time is over; None if it never is."""
    left_s = timeouts.left_s()
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if left_s is None or connection is None:
        return None

    def shut_down() -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(left_s, shut_down)
    timer.daemon = True
    timer.start()
    return timer


def _connect_failure(error: Exception, where: str, connect_timeout_s: float) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection to {where} within {connect_timeout_s:g} s"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy would not connect to {where} ({error})"
    if isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL | httpx.UnsupportedProtocol):
        return f"the request to {where} is not valid HTTP"  # httpx's own text quotes the headers
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {where} could not be verified ({cause.verify_message}); "
                "if an authority of your own signed it, set SSL_CERT_FILE to its certificate"
            )
        if isinstance(cause, ssl.SSLError):
            return f"the TLS handshake with {where} failed ({cause.reason or 'no answer'})"
        if isinstance(cause, socket.gaierror):
            return f"the host name of {where} could not be resolved (DNS: {cause.strerror})"
        if isinstance(cause, ConnectionRefusedError):
            return f"{where} refused the connection"
        if isinstance(cause, OSError):
            return f"could not connect to {where} ({cause.strerror or type(cause).__name__})"
    return f"could not connect to {where}"


def _is_untrusted(error: Exception) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _has_proxy() -> bool:
    proxies = getproxies()
    return "https" in proxies or "all" in proxies


def _through_proxy(url: str) -> str:
    is_used = not url.startswith("http:") and _has_proxy()
    return " (HTTPS_PROXY or ALL_PROXY is set)" if is_used else ""


def _host(url: str) -> str:
    """Return `host[:port]`: never the path, query or credentials."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0]
    return authority.rpartition("@")[2] or "the server"
