"""The simulated CircleCI of a run: in this process, or the supervisor's, reached through a pipe.

One bridge is one world. What an isolated script creates there, the next run finds, so the requests
of its process travel to the process that has the world, one at a time.
"""

import base64
from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.transport.wire import Transport, TransportError, WireRequest, WireResponse


@runtime_checkable
class World(Transport, Protocol):
    """A transport whose time is simulated."""

    def now_s(self) -> float:
        """Return the simulated seconds since the world began."""
        ...

    def epoch_s(self) -> float:
        """Return the simulated time as seconds since 1970-01-01T00:00:00Z."""
        ...

    def advance(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        ...


class RemoteWorld:
    """The supervisor's world, seen from the script's process.

    `ask` sends a question (JSON) to the supervisor and returns its answer, see `answer`.
    """

    def __init__(self, ask: Callable[[JsonValue], JsonValue]) -> None:
        self._ask = ask

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return the world's answer. Raises `TransportError`."""
        body = None if request.body is None else base64.b64encode(request.body).decode()
        headers: JsonValue = dict(request.headers)
        answer = cast(
            "dict[str, Any]",
            self._ask(["send", request.method, request.url, headers, body, time_left_s]),
        )
        if "error" in answer:
            raise TransportError(answer["error"], surely_unsent=answer["surely_unsent"])
        return WireResponse(answer["status"], answer["headers"], base64.b64decode(answer["body"]))

    def now_s(self) -> float:
        return cast("float", self._ask(["now"]))

    def epoch_s(self) -> float:
        return cast("float", self._ask(["epoch"]))

    def advance(self, seconds: float) -> None:
        self._ask(["advance", seconds])

    def close(self) -> None:
        """No-op: the world is the supervisor's."""


def answer(world: World, question: Any) -> JsonValue:
    """Return the supervisor's answer to a question of `RemoteWorld`."""
    name, *rest = question
    if name == "now":
        return world.now_s()
    if name == "epoch":
        return world.epoch_s()
    if name == "advance":
        world.advance(*rest)
        return None
    method, url, headers, body, time_left_s = rest
    request = WireRequest(method, url, headers, None if body is None else base64.b64decode(body))
    try:
        response = world.send(request, time_left_s=time_left_s)
    except TransportError as error:
        return {"error": str(error), "surely_unsent": error.surely_unsent}
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "body": base64.b64encode(response.body).decode(),
    }
