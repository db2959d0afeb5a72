"""The connections of one process: a lane for each request under way, the last used is used first.

A lane carries one request at a time over one connection, which it keeps between requests. A request
takes the free lane of its origin that was used last, or opens a new one; so there are never more
connections than requests under way at once, and those that were needed for a burst only go idle and
are closed. httpcore's own pool would look at every connection, with a system call each, whenever a
request begins or ends: with a hundred of them that takes twice as long as the requests.
"""

import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.transport.stream import Network
from kosmo_circleci.transport.wire import Reach

KEEPALIVE_S: Final = 30.0
"""How long an idle connection is kept: longer than the pauses of `flow.wait` between two polls."""


class Origin(NamedTuple):
    """Where a connection leads. `scheme` is `http` or `https`."""

    scheme: bytes
    host: bytes
    port: int


class _Connection(Protocol):
    """What httpcore's connections and its pools through a proxy have in common."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response: ...

    def close(self) -> None: ...


class _Route(NamedTuple):
    """How connections to one origin are made."""

    connect: Callable[[Network], _Connection]
    has_proxy: bool = False


LaneKey: TypeAlias = tuple[Origin, Reach]


class Lane:
    """One connection at a time, to one origin."""

    def __init__(
        self, key: "LaneKey", connect: Callable[[Network], _Connection], reach: Reach
    ) -> None:
        self.key = key
        self.network = Network(reach)
        self.free_since = 0.0
        self._connect = connect
        self._connection: _Connection | None = None

    def handle_request(self, request: httpcore.Request, end: float | None) -> httpcore.Response:
        """Return an answer whose body is still to be read, and the answer to be closed."""
        self.network.begin(end)
        connection = self._connection
        if isinstance(connection, httpcore.HTTPConnection) and (
            connection.is_closed() or connection.has_expired()
        ):
            connection.close()
            connection = None
        if connection is None:
            connection = self._connection = self._connect(self.network)
        response = connection.handle_request(request)
        method = request.method.decode()
        self.network.expect_body(method, response.status, response.headers)
        return response

    def close(self) -> None:
        """Close the connection; a request under way fails at once."""
        self.network.abort()
        if self._connection is not None:
            self._connection.close()


class Lanes:
    """All lanes of one transport. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._free: dict[LaneKey, deque[Lane]] = {}
        self._all: set[Lane] = set()
        self._routes: dict[Origin, _Route] = {}
        self._tls: ssl.SSLContext | None = None

    def take(self, origin: Origin, reach: Reach = "any") -> Lane | None:
        """Return a lane to `origin`, for one request; None when the lanes are closed.

        A connection leads to an address within `reach`; behind a proxy the proxy decides that.

        Raises `ConfigurationError` for a proxy or certificates of the environment that cannot be
        used.
        """
        with self._lock:
            if self._closed:
                return None
            key = (origin, reach)
            free = self._free.get(key)
            if free:
                return free.pop()
            if origin not in self._routes:
                self._routes[origin] = self._route(origin)
            route = self._routes[origin]
            lane = Lane(key, route.connect, "any" if route.has_proxy else reach)
            self._all.add(lane)
            return lane

    def give_back(self, lane: Lane) -> None:
        """Make a lane free for the next request, and close those that are idle for too long."""
        lane.free_since = time.monotonic()
        idle: list[Lane] = []
        with self._lock:
            if lane not in self._all:  # closed while its request was under way
                return
            free = self._free.setdefault(lane.key, deque())
            free.append(lane)
            while free[0].free_since < lane.free_since - KEEPALIVE_S:
                idle.append(free.popleft())
            self._all.difference_update(idle)
        for each in idle:
            each.close()

    def close(self) -> None:
        """Close every connection. Afterwards `take` returns None."""
        with self._lock:
            self._closed = True
            lanes, self._all = self._all, set()
            self._free.clear()
        for lane in lanes:
            lane.close()

    def forget(self) -> None:
        """Close what a fork has inherited: the connections stay open in the parent process.

        No lock is taken: a thread that is not in this process may have held it.
        """
        for lane in self._all:
            lane.network.forget()

    def _route(self, origin: Origin) -> "_Route":
        if origin.scheme == b"http":  # loopback only, and never through a proxy
            return _Route(lambda network: _direct(origin, None, network))
        if self._tls is None:
            self._tls = tls_context()
        tls = self._tls
        proxy = proxy_of(f"https://{origin.host.decode()}:{origin.port}")
        if proxy is None:
            return _Route(lambda network: _direct(origin, tls, network))
        return _Route(_through(proxy, tls), has_proxy=True)


def _direct(
    origin: Origin, tls: ssl.SSLContext | None, network: Network
) -> httpcore.HTTPConnection:
    return httpcore.HTTPConnection(
        httpcore.Origin(*origin),
        ssl_context=tls,
        keepalive_expiry=KEEPALIVE_S,
        network_backend=network,
    )


class Proxy(NamedTuple):
    """A proxy of the environment: its URL without credentials, and those."""

    url: str
    credentials: tuple[str, str] | None = None


def proxy_of(url: str) -> Proxy | None:
    """Return the proxy for an https URL: `HTTPS_PROXY`, else `ALL_PROXY`, unless `NO_PROXY`.

    Plain http, which is for loopback only, never goes through one: the token would leave the
    machine unprotected. Raises `ConfigurationError` for one that is not a URL.
    """
    proxies = getproxies()
    named = proxies.get("https") or proxies.get("all")
    target = urlsplit(url)
    if target.scheme != "https" or not named or proxy_bypass(target.netloc):
        return None
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        port = parts.port
    except ValueError:
        raise _unusable_proxy() from None
    if parts.scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname:
        raise _unusable_proxy()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port is None else f"{host}:{port}"
    credentials = None
    if parts.username is not None:
        credentials = (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(f"{parts.scheme}://{authority}", credentials)


def has_proxy() -> bool:
    """Say whether the environment names a proxy for https."""
    proxies = getproxies()
    return "https" in proxies or "all" in proxies


def _through(proxy: Proxy, tls: ssl.SSLContext) -> Callable[[Network], _Connection]:
    scheme = proxy.url.partition(":")[0]
    url = proxy.url.replace("socks5h:", "socks5:")

    def connect(network: Network) -> _Connection:
        if scheme.startswith("socks5"):
            return httpcore.SOCKSProxy(
                url, proxy.credentials, tls, 1, 1, KEEPALIVE_S, network_backend=network
            )
        return httpcore.HTTPProxy(
            url,
            proxy.credentials,
            ssl_context=tls,
            proxy_ssl_context=tls if scheme == "https" else None,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=network,
        )

    try:
        connect(Network("any")).close()
    except RuntimeError:  # SOCKS needs a package of its own
        raise _unusable_proxy() from None
    return connect


def _unusable_proxy() -> ConfigurationError:
    return ConfigurationError(
        "The proxy named in HTTPS_PROXY or ALL_PROXY cannot be used. "
        "Write it as http://host:port (SOCKS needs `pip install 'httpcore[socks]'`)."
    )


def tls_context() -> ssl.SSLContext:
    """Return what verifies servers: `SSL_CERT_FILE`, `SSL_CERT_DIR`, or Mozilla's authorities.

    Raises `ConfigurationError` for a variable that names nothing that can be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        if folder:
            os.listdir(folder)  # OpenSSL is silent about a folder that does not exist
            return ssl.create_default_context(capath=folder)
    except OSError as error:
        name, value = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
        raise ConfigurationError(
            f"{name} names {value!r}, which cannot be read as PEM certificates: "
            f"{error.strerror or error}."
        ) from None
    import certifi

    return ssl.create_default_context(cafile=certifi.where())
