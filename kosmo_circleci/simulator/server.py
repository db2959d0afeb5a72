"""The simulator over HTTP, on loopback: the server that runs its WSGI application.

Any client of CircleCI's API works with it unchanged; only the address and the token are its own.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from kosmo_circleci.errors import ConfigurationError, NetworkError
from kosmo_circleci.simulator import state
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.conditions import Conditions, Gate
from kosmo_circleci.simulator.oauth import SignInMode
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.simulator.world import World
from kosmo_circleci.simulator.wsgi import HOST, application

MAX_BODY_BYTES: Final = 8 * 1024 * 1024

_THREADS: Final = 8

_MAX_CONNECTIONS: Final = 100
"""Beyond it the connection that has been idle longest is closed."""


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
        # The loop of the server ends when it has no socket left; only it may close them. The lock
        # keeps it from that until it has been woken: the pipe that wakes it is one of them.
        trigger = self._server.trigger
        with trigger.lock:
            trigger.thunks.append(self._close_sockets)
            trigger.pull_trigger()

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
    """Return a mark of the current version of a file, None if it does not exist."""
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
