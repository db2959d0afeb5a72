"""What crosses the boundary to the network, and the one seam behind which it lies.

Two transports exist: `transport/live.py` (httpcore) and `simulator/transport.py`. Both know nothing
of functions, retries or permissions.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol, TypeAlias

Reach: TypeAlias = Literal["any", "public", "public or loopback"]
"""The addresses a connection may lead to. A host's name does not tell: DNS may name any address."""


class WireRequest(NamedTuple):
    """One HTTP request, complete: absolute URL, headers with the token, body bytes.

    The answer's body may have `max_body_bytes`, if that is less than the transport takes anyway.
    With a `sink`, the body of a 2xx answer is not in the answer: the sink is called, and what it
    returns gets the pieces as they arrive.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    max_body_bytes: int | None = None
    sink: Callable[[], Callable[[bytes], None]] | None = None
    reach: Reach = "any"


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


class Unreachable(TransportError):
    """The request may not lead to any of the host's addresses (`WireRequest.reach`)."""


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
