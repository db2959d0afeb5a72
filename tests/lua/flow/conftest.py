"""Doubles for `flow`: a scripted transport for what a script sees, a loopback server for time.

Both ask a handler, `handler(path, query) -> (status, value[, delay in seconds[, headers]])`, with
the path below `/api/v2`.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.transport.wire import WireRequest, WireResponse

Handler = Callable[[str, dict[str, str]], tuple[Any, ...]]
RunLua = Callable[..., Run]


class ScriptedTransport:
    """A `Transport` that answers what the handler says; `paths` has every request."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.paths: list[str] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        path, query = _split(request.url)
        self.paths.append(path)
        status, value, delay_s, headers = _whole(self.handler(path, query))
        time.sleep(delay_s)
        head = {"content-type": "application/json", **headers}
        return WireResponse(status, head, encode(value).encode())

    def close(self) -> None:
        """Nothing is open."""


class Server:
    """An HTTP server on loopback in a thread of its own.

    `seen` has the arrival of every request, `most` how many were answered at once.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[tuple[float, str]] = []
        self.most = 0
        self.connections: set[asyncio.Transport] = set()
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._started.wait(5)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(5)

    def _stop(self) -> None:
        for connection in list(self.connections):
            connection.abort()
        self._loop.call_soon(self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=256)
        )
        self._port = listening.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        listening.close()
        self._loop.run_until_complete(listening.wait_closed())
        self._loop.close()

    def answer(self, target: str, write: Callable[[bytes], None]) -> None:
        path, query = _split(target)
        self.seen.append((time.monotonic(), path))
        self._open += 1
        self.most = max(self.most, self._open)
        status, value, delay_s, headers = _whole(self.handler(path, query))
        body = encode(value).encode()
        lines = [f"HTTP/1.1 {status} OK", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]

        def finish() -> None:
            self._open -= 1
            write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

        self._loop.call_later(delay_s, finish)


class _Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._server.answer(head.split(b" ", 2)[1].decode(), self._transport.write)


def _split(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    return parts.path.removeprefix("/api/v2"), dict(parse_qsl(parts.query))


def _whole(answer: tuple[Any, ...]) -> tuple[int, Any, float, dict[str, str]]:
    status, value, *more = answer
    return status, value, more[0] if more else 0.0, more[1] if more[1:] else {}


def echo(path: str, query: dict[str, str]) -> tuple[Any, ...]:
    """Answer `{"id": "7"}` to `/pipeline/7`; an id with `x` is unknown, `slow…` takes 50 ms."""
    name = path.rpartition("/")[2]
    if "x" in name:
        return 404, {"message": "Pipeline not found"}
    return 200, {"id": name}, 0.05 if "slow" in name else 0.0


def config(origin: str = "https://circleci.com") -> dict[str, Any]:
    """A configuration whose accounts `default` and `work` may do everything."""
    accounts = {
        name: {"token": f"token-of-{name}-123456", "url": origin} for name in ("default", "work")
    }
    policy = {"read": "allow", "write": "allow"}
    return {"integrations": {"circleci": {"permissions": policy, "accounts": accounts}}}


@pytest.fixture
def account() -> Callable[..., dict[str, Any]]:
    """`account(origin)`: a configuration that talks to `origin` and may do everything."""
    return config


@pytest.fixture
def scripted() -> ScriptedTransport:
    """The transport behind `run_lua`; set its `handler`."""
    return ScriptedTransport(echo)


@pytest.fixture
def run_lua(scripted: ScriptedTransport) -> RunLua:
    """Run Lua with `circleci` and `get(id)` at hand; further keywords go to `Bridge.run`."""

    def run(code: str, **options: Any) -> Run:
        bridge = Bridge(config=config(), transport=scripted)
        return bridge.run(PRELUDE + code, name="test", **PATIENCE | options)

    return run


PATIENCE: dict[str, Any] = {"limits": Limits(timeout_s=20)}
"""A wait that never ends is a failure, not a test run that hangs."""

PRELUDE = (
    "local circleci = app.integrations.circleci "
    "local function get(id) return circleci.get_pipeline({pipeline_id = tostring(id)}).id end "
)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that echoes until its `handler` is set."""
    running = Server(echo)
    yield running
    running.close()


@pytest.fixture
def run_live(server: Server) -> Iterator[RunLua]:
    """As `run_lua`, through real sockets to `server`."""
    with Bridge(config=config(server.origin)) as bridge:
        yield lambda code, **options: bridge.run(PRELUDE + code, name="test", **PATIENCE | options)
        # Connections are not closed under calls that are just ending.
        for thread in threading.enumerate():
            if thread.name == "kosmo-call":
                thread.join(0.02)
