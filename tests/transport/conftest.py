"""A server on loopback that misbehaves as it is told, and an executor that waits for nothing."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.live import LiveTransport

Act = Callable[[socket.socket], bool]

TOKEN = "CCIPAT_transport_0123456789"
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Seen(NamedTuple):
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Server:
    """Plays one act per request, in order; the last act repeats for all further requests.

    An act gets the connection and returns whether it may serve another request.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.acts: list[Act] = []
        self.seen: list[Seen] = []
        self._played = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        scheme = "http" if tls is None else "https"
        self.origin = f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def plays(self, *acts: Act) -> None:
        self.acts = list(acts)
        self._played = 0

    @staticmethod
    def answer(status: int = 200, body: bytes | Any = b'{"id":"1"}', **headers: str) -> Act:
        """Send a whole answer and keep the connection. `retry_after="1"` is the header's value."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()

        def act(connection: socket.socket) -> bool:
            fields = {"content_type": "application/json", "content_length": str(len(raw))} | headers
            lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
            connection.sendall("\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode() + raw)
            return True

        return act

    @staticmethod
    def sends(raw: bytes) -> Act:
        """Send these bytes and close the connection in good order."""

        def act(connection: socket.socket) -> bool:
            connection.sendall(raw)
            return False

        return act

    @staticmethod
    def resets(raw: bytes = b"") -> Act:
        """Send these bytes, if any, and break the connection (RST)."""

        def act(connection: socket.socket) -> bool:
            connection.sendall(raw)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False

        return act

    @staticmethod
    def hangs(raw: bytes = b"") -> Act:
        """Send these bytes, if any, and then nothing more until the other side gives up."""

        def act(connection: socket.socket) -> bool:
            connection.sendall(raw)
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                connection.recv(1)
            return False

        return act

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(2)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, self._wrapped(connection) as connection:
            incoming = connection.makefile("rb")
            while (seen := _read(incoming)) is not None:
                with self._lock:
                    self.seen.append(seen)
                    act = self.acts[min(self._played, len(self.acts) - 1)]
                    self._played += 1
                if not act(connection):
                    incoming.close()
                    break
        self._open.discard(connection)


def _read(incoming: Any) -> Seen | None:
    first = incoming.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while line := incoming.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", 0)))
    return Seen(first[0], first[1], headers, body)


class Wire:
    """An executor over real sockets whose pauses are noted in `pauses` and not waited for."""

    def __init__(self, origin: str, transport: LiveTransport) -> None:
        self.account = Account("default", origin, TOKEN)
        self.pauses: list[float] = []
        self.executor = Executor(
            transport,
            user_agent="test/1",
            sleep=self._sleep,
            now=lambda: NOW,
            jitter=lambda: 1.0,
        )

    def perform(
        self,
        method: str = "GET",
        path: str = "/api/v2/me",
        *,
        body: Any = None,
        deadline: Deadline | None = None,
    ) -> ApiResponse:
        request = ApiRequest(method, path, (), body)
        return self.executor.perform(request, self.account, deadline or Deadline())

    def _sleep(self, deadline: Deadline, seconds: float) -> None:
        # A pause of the account is measured on the real clock: a hair less than was asked for.
        self.pauses.append(round(seconds, 1))
        deadline.check()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.plays(running.answer())
    yield running
    running.close()


@pytest.fixture
def tls_server() -> Iterator[Server]:
    """As `server`, with the certificate that `tests/data/tls` holds and nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent.parent / "data" / "tls" / "with_key.pem")
    running = Server(context)
    running.plays(running.answer())
    yield running
    running.close()


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    live = LiveTransport(read_timeout_s=5, connect_timeout_s=5, max_body_bytes=4096)
    yield Wire(server.origin, live)
    live.close()


@pytest.fixture
def hasty_wire(server: Server) -> Iterator[Wire]:
    """As `wire`, for servers that say nothing: it waits 0.2 s for them."""
    live = LiveTransport(read_timeout_s=0.2, connect_timeout_s=5)
    yield Wire(server.origin, live)
    live.close()
