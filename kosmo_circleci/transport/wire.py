"""What crosses the boundary to the network, and the one seam behind which it lies.

Two transports exist: `transport/live.py` (httpcore) and `simulator/transport.py`. Both know nothing
of functions, retries or permissions.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class WireRequest(NamedTuple):
    """One HTTP request, complete: absolute URL, headers with the token, body bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


class WireResponse(NamedTuple):
    """One HTTP answer with its whole decoded body. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No usable answer. `surely_unsent`: the server cannot have seen the request."""

    def __init__(self, message: str, *, surely_unsent: bool = False) -> None:
        super().__init__(message)
        self.surely_unsent = surely_unsent


class BodyTooLarge(TransportError):
    """The answer's body passed the size limit and was not read to its end."""


class Untrusted(TransportError):
    """The server's certificate could not be verified; another attempt meets the same one."""


class Cancelled(TransportError):
    """The run was interrupted or ran out of time while the request was in flight."""


class Transport(Protocol):
    """Sends one request and returns its answer, whatever its status; follows no redirects."""

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return the answer, or raise `TransportError`. `time_left_s` bounds the whole exchange."""
        ...

    def close(self) -> None:
        """Give the connections back. Sending afterwards is an error."""
        ...
