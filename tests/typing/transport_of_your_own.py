"""A transport of one's own, for the tests of a program that embeds the bridge. It is checked."""

from kosmo_circleci import Bridge
from kosmo_circleci.transport.wire import Transport, WireRequest, WireResponse


class Recorded:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        return WireResponse(200, {"content-type": "application/json"}, self._body)

    def close(self) -> None:
        """Nothing is open."""


def bridge_over(body: bytes) -> Bridge:
    transport: Transport = Recorded(body)
    return Bridge(transport=transport)
