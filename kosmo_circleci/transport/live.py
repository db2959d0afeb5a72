"""The HTTP client: one httpx pool, timeouts, proxies, size limit."""

import ssl
import threading
import time
from typing import Final

import httpx

from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    TransportError,
    WireRequest,
    WireResponse,
)

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 30.0


class LiveTransport:
    """Sends requests over one keep-alive pool. `pool_size` bounds the connections at once.

    `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are honoured.
    """

    def __init__(
        self,
        *,
        pool_size: int = 16,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._pool_size = pool_size
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._max_body_bytes = max_body_bytes
        self._lock = threading.Lock()
        self._clients: dict[str, httpx.Client] = {}

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return the answer; raise `TransportError` when none that can be used arrived."""
        end = None if time_left_s is None else time.monotonic() + time_left_s
        client = self._client(request.url.partition(":")[0])
        try:
            with client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=self._timeout(time_left_s),
            ) as answer:
                body = self._read(answer, end)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return WireResponse(answer.status_code, headers, body)
        except httpx.HTTPError as error:
            if end is not None and time.monotonic() >= end:
                raise Cancelled("the run's time was over") from None
            raise _transport_error(error, request.url) from None

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _read(self, answer: httpx.Response, end: float | None) -> bytes:
        announced = answer.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        for chunk in answer.iter_bytes():
            size += len(chunk)
            if size > self._max_body_bytes:
                raise self._too_large()
            if end is not None and time.monotonic() >= end:
                raise Cancelled("the run's time was over")
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the answer is larger than {self._max_body_bytes // 2**20} MiB")

    def _timeout(self, time_left_s: float | None) -> httpx.Timeout:
        left = float("inf") if time_left_s is None else max(time_left_s, 0.001)
        read = min(self._read_timeout_s, left)
        return httpx.Timeout(read, connect=min(self._connect_timeout_s, left))

    def _client(self, scheme: str) -> httpx.Client:
        with self._lock:
            if scheme not in self._clients:
                self._clients[scheme] = self._new_client(scheme)
            return self._clients[scheme]

    def _new_client(self, scheme: str) -> httpx.Client:
        # Loading the certificates takes as long as all else a one-liner does, and plain HTTP to
        # loopback verifies none. An empty context verifies too, and trusts nobody.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if scheme == "http" else True
        return httpx.Client(
            verify=verify,
            auth=_NoAuth(),
            limits=httpx.Limits(
                max_connections=self._pool_size, max_keepalive_connections=self._pool_size
            ),
        )


class _NoAuth(httpx.Auth):
    """Keeps a netrc file from adding an Authorization header of its own."""


def _transport_error(error: httpx.HTTPError, url: str) -> TransportError:
    host = httpx.URL(url).netloc.decode("ascii")
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return TransportError(f"connecting to {host} timed out", surely_unsent=True)
    if isinstance(error, httpx.ProxyError):
        return TransportError(f"the proxy refused the way to {host}: {error}", surely_unsent=True)
    if isinstance(error, httpx.ConnectError):
        hint = ""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            hint = " (set SSL_CERT_FILE to the certificates of your own authority)"
        return TransportError(f"could not connect to {host}: {error}{hint}", surely_unsent=True)
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return TransportError(f"{host} did not answer in time")
    what = str(error) or type(error).__name__
    return TransportError(f"the connection to {host} broke: {what}")
