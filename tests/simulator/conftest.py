"""How the tests of the simulator speak to it: real requests, decoded answers."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.server import Server
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse
from tests.support.served import FAST

Send = Callable[..., WireResponse]
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def simulator() -> Iterator[SimulatorTransport]:
    """A simulator with the seeded world."""
    transport = SimulatorTransport()
    yield transport
    transport.close()


@pytest.fixture
def send(simulator: SimulatorTransport) -> Send:
    """`send("GET", "/me")`, with `body`, `token` and `query` where needed: the answer's bytes."""

    def call(
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = SIMULATED_TOKEN,
        **query: Any,
    ) -> WireResponse:
        base = "" if path.startswith("/api/") else "/api/v2"
        keys = {key.replace("_", "-"): value for key, value in query.items()}
        search = f"?{urlencode(keys, doseq=True)}" if keys else ""
        content = (
            encode(body).encode() if body is not None and not isinstance(body, bytes) else body
        )
        headers = {} if token is None else {"Circle-Token": token}
        return simulator.send(
            WireRequest(method, f"https://circleci.com{base}{path}{search}", headers, content)
        )

    return call


@pytest.fixture
def ask(send: Send) -> Ask:
    """`ask("GET", "/me")` -> (status, decoded body or None)."""

    def call(*args: Any, **query: Any) -> tuple[int, Any]:
        answer = send(*args, **query)
        return answer.status, decode(answer.body) if answer.body else None

    return call


@pytest.fixture
def url() -> Iterator[str]:
    """A new simulator over HTTP, a thousand times as fast as real time."""
    with Server(FAST).serving() as address:
        yield address
