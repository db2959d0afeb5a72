"""A transport without a network: answers from a list, and keeps what it was sent."""

from kosmo_circleci.transport.wire import WireRequest, WireResponse


class MemoryTransport:
    """Gives `answers` in turn, then 200 with the body `text`; `sent` are the requests."""

    def __init__(self, *answers: WireResponse) -> None:
        self._answers = list(answers)
        self.sent: list[WireRequest] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(request)
        return self._answers.pop(0) if self._answers else WireResponse(200, {}, b"text")

    def close(self) -> None:
        """Nothing is open."""
