"""The simulator over HTTP, on loopback: a WSGI application, and the server that runs it.

Any client of CircleCI's API works with it unchanged; only the address and the token are its own.
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from kosmo_circleci.errors import ConfigurationError, NetworkError
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.simulator import state
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.conditions import Conditions, Gate
from kosmo_circleci.simulator.oauth import SignInMode
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

HOST: Final = "127.0.0.1"
"""The only address served: what is simulated is for this machine alone."""

MAX_BODY_BYTES: Final = 8 * 1024 * 1024

_THREADS: Final = 8

_MAX_CONNECTIONS: Final = 100
"""Beyond it the connection that has been idle longest is closed."""

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_REASONS: Final = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

Application: TypeAlias = "Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]"


class ServerOptions(NamedTuple):
    """How a world is served.

    `seed` is None for a new world of seed 0. `state_file` is where the world is kept between runs.
    `speed` is how many simulated seconds pass in a real one. `is_server` makes it a CircleCI
    Server, which has no API v3. `sign_in` is what the user of a browser sign-in does.
    """

    port: int = 8765
    seed: int | None = None
    state_file: Path | None = None
    conditions: Conditions = Conditions()
    speed: float = 1.0
    is_server: bool = False
    sign_in: SignInMode = "approve"


class Server:
    """A world served over HTTP. `run` serves until `stop`; a `with` block serves in a thread."""

    def __init__(self, options: ServerOptions) -> None:
        """Open the port; connections wait until `run`.

        Raises `ConfigurationError` when the extra `simulator` is not installed or the state file
        cannot be used, `NetworkError` when the port cannot be listened on.
        """
        create_server = _waitress()
        self._sockets: dict[int, Any] = {}
        self._written: tuple[int, int] | None = None
        self._state_file = options.state_file
        self.world = _world(options)
        self._keep(self.world)
        self.transport = SimulatorTransport(
            self.world,
            gate=Gate(options.conditions),
            on_write=self._keep,
            has_v3=not options.is_server,
            sign_in=options.sign_in,
        )
        _check_port_is_free(options.port)
        self._server = create_server(
            application(self.transport),
            map=self._sockets,
            host=HOST,
            port=options.port,
            threads=_THREADS,
            ident="kosmo-circleci-simulator",
            max_request_body_size=MAX_BODY_BYTES,
            clear_untrusted_proxy_headers=True,
            # Above our own limit (`_close_idle_connections`), which waitress must never reach.
            connection_limit=2 * _MAX_CONNECTIONS,
            # select() cannot watch descriptors from 1,024 on.
            asyncore_use_poll=True,
        )
        _close_idle_connections(self._server)

    @property
    def url(self) -> str:
        """The address to give to clients: `http://127.0.0.1:8765`."""
        return f"http://{HOST}:{self._server.effective_port}"

    def run(self) -> None:
        """Serve until `stop` is called elsewhere, or `SystemExit` or Ctrl-C ends the wait."""
        try:
            self._server.run()
        finally:
            # No request is answered any more, so nothing changes what is kept last.
            self.transport.close()
            self._server.task_dispatcher.shutdown()
            self._close_sockets()
            self._keep(self.world)

    def stop(self) -> None:
        """Make `run` return; safe from any thread."""
        # The loop of the server ends when it has no socket left; only it may close them.
        self._server.trigger.pull_trigger(self._close_sockets)

    def close(self) -> None:
        """Give the port back without having served."""
        self._server.task_dispatcher.shutdown()
        self._close_sockets()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve in a thread while the block runs; yields the URL."""
        thread = threading.Thread(target=self.run, name="simulator", daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            self.stop()
            thread.join(10)

    def _close_sockets(self) -> None:
        for channel in list(self._sockets.values()):
            channel.close()

    def _keep(self, world: World) -> None:
        path = self._state_file
        if path is None:
            return
        if self._written is not None and _mark(path) not in (None, self._written):
            raise ConfigurationError(
                f"The state file {path} was changed by another process and is left as it "
                "is. Serve each file from one process at a time."
            )
        state.save(world, path)
        self._written = _mark(path)


def application(transport: SimulatorTransport) -> Application:
    """Return the WSGI application that answers as `transport` does."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = _answer(transport, environ)
        headers = [(name.title(), value) for name, value in response.headers.items()]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        start_response(f"{response.status} {_REASONS.get(response.status, '')}", headers)
        return [response.body]

    return answer


def _answer(transport: SimulatorTransport, environ: "WSGIEnvironment") -> WireResponse:
    foreign = _foreign_header(environ)
    if foreign is not None:
        return _fault(403, f"{foreign} does not name this machine. Use http://{HOST} and the port.")
    try:
        return transport.send(_request(environ))
    except TransportError as error:
        return _fault(503, str(error))
    except ConfigurationError as error:
        # The change was made but not saved, which the owner of the state file must learn.
        print(f"error: {error.message}", file=sys.stderr)
        return _fault(500, error.message)


def _request(environ: "WSGIEnvironment") -> WireRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = str(environ["CONTENT_TYPE"])
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else None
    # PATH_INFO is decoded already, and an encoded slash in a slug would be lost.
    target = str(environ["REQUEST_URI"])
    path = target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]
    host = headers.get("host") or f"{HOST}:{environ['SERVER_PORT']}"
    return WireRequest(str(environ["REQUEST_METHOD"]), f"http://{host}{path}", headers, body)


def _foreign_header(environ: "WSGIEnvironment") -> str | None:
    """Return the header that names another machine than this one, as `Host NAME`, or None.

    A web page can make a browser send requests here: its `Origin` is then that page's, or, if the
    page's own name was made to resolve to this machine (DNS rebinding), its `Host`.
    """
    host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
    if host is not None and not _is_loopback(f"//{host}"):
        return f"Host {host}"
    if origin is not None and not _is_loopback(origin):
        return f"Origin {origin}"
    return None


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK_NAMES
    except ValueError:
        return False


def _close_idle_connections(server: Any) -> None:
    """Make room for a new connection by closing the one that has been idle longest.

    Waitress by itself stops accepting at its limit, until a connection times out after two minutes.
    """
    accept = server.handle_accept

    def handle_accept() -> None:
        channels = server.active_channels.values()
        if len(channels) >= _MAX_CONNECTIONS:
            idle = (each for each in channels if not each.requests and not each.will_close)
            oldest = min(idle, key=lambda each: each.last_activity, default=None)
            if oldest is not None:
                oldest.will_close = True
        accept()

    server.handle_accept = handle_accept


def _mark(path: Path) -> tuple[int, int] | None:
    """Return a mark of the current version of a file, None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _check_port_is_free(port: int) -> None:
    # Tested first: a server that fails to bind leaves its threads and half-open sockets behind.
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise NetworkError(
                f"Cannot listen on port {port} of {HOST}: {error.strerror}. "
                "Choose another with --port; --port 0 takes one that is free."
            ) from None


def _fault(status: int, message: str) -> WireResponse:
    body = encode({"message": message}).encode()
    return WireResponse(status, {"content-type": "application/json"}, body)


def _world(options: ServerOptions) -> World:
    began_s = time.monotonic()

    def elapsed_s() -> float:
        return (time.monotonic() - began_s) * options.speed

    path, clock = options.state_file, Clock(elapsed_s=elapsed_s)
    world = state.load(path, clock) if path is not None else None
    if world is None:
        return seeded_world(options.seed or 0, clock=clock)
    if options.seed not in (None, world.seed):
        raise ConfigurationError(
            f"The state file {path} holds a world of seed {world.seed}, not {options.seed}. Leave "
            "--seed out to continue with it, or name another file."
        )
    return world


def _waitress() -> Callable[..., Any]:
    try:
        from waitress.server import create_server  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigurationError(
            "The simulator over HTTP needs the extra 'simulator': "
            "pip install 'kosmo-circleci[simulator]'. In a script, --simulate needs no extra."
        ) from None
    # Waitress warns of every moment in which all threads are busy ("Task queue depth is 1").
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    make: Callable[..., Any] = create_server
    return make
