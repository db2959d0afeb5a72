"""The sockets under httpcore: every operation ends with the run, no answer leaves bytes behind.

httpcore asks its network backend to connect, read and write, with a timeout for that one operation.
Here the end of the whole exchange bounds each of them as well, so that a server which trickles one
byte at a time cannot outlast the run; no second thread has to watch.

An answer is handed over to the parser piece by piece, and no piece reaches past the end of the
answer: a head up to its blank line, a body of known length up to that length, a chunked body up to
the end of a line. So what follows a complete answer is still here when the next request looks, and
a connection with such bytes counts as readable, which means dead: httpcore closes it. Otherwise the
bytes would be taken for the answer to the next request.
"""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore

from kosmo_circleci.addresses import is_loopback, is_public
from kosmo_circleci.transport.wire import Reach

MAX_HEAD_BYTES: Final = 1024 * 1024
"""All heads of one answer together: a server may send any number of interim ones (100, 103)."""

_SHORTEST_S: Final = 0.001  # a timeout of 0 would mean: do not block at all

# What h11 takes for the end of a head, and for the end of a line of a chunked body or its trailers.
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_LINE_END: Final = re.compile(rb"\r\n|\n\n|\A\n")

_NOTHING: Final = frozenset({204, 304})


class OutOfReach(httpcore.ConnectError):
    """The host's addresses are not such as the request may lead to."""


class Network(httpcore.NetworkBackend):
    """Connects for one lane, which has one connection at a time; knows the end of its exchange."""

    def __init__(self, reach: Reach) -> None:
        """Connect to addresses within `reach` only."""
        self._reach = reach
        self._tcp = httpcore.SyncBackend()
        self._end: float | None = None
        self._stream: Stream | None = None

    def begin(self, end: float | None) -> None:
        """Begin an exchange that must be over at `end`, on `time.monotonic`; None for no end."""
        self._end = end
        if self._stream is not None:
            self._stream.expect_head()

    def expect_body(self, method: str, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note the head of the answer, which says where its body ends (RFC 9112, section 6.3)."""
        if self._stream is None:
            return
        fields = {name.lower(): value for name, value in headers}
        if method == "HEAD" or status in _NOTHING:
            self._stream.expect_bytes(0)
        elif b"transfer-encoding" not in fields and fields.get(b"content-length", b"").isdigit():
            self._stream.expect_bytes(int(fields[b"content-length"]))
        else:
            self._stream.expect_lines()

    def bounded(self, timeout: float | None) -> float | None:
        """Return a timeout that does not reach past the end of the exchange."""
        if self._end is None:
            return timeout
        left_s = max(self._end - time.monotonic(), _SHORTEST_S)
        return left_s if timeout is None else min(timeout, left_s)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers; `timeout` is for all of them.

        Each address gets an equal share of the time that is left: one that swallows packets must
        not keep the others from being tried.
        """
        timeout = self.bounded(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        addresses = [each for each in _addresses(host, port) if self._reaches(each)]
        for count, address in enumerate(addresses, start=1):
            share_s = None
            if end is not None:
                left_s = (end - time.monotonic()) / (len(addresses) - count + 1)
                share_s = max(left_s, _SHORTEST_S)
            try:
                stream = self._tcp.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if count == len(addresses):
                    raise
                continue
            return self.wrap(stream)
        raise OutOfReach(f"{host} has no public address")

    def _reaches(self, address: str) -> bool:
        if self._reach == "any" or is_public(address):
            return True
        return self._reach == "public or loopback" and is_loopback(address)

    def wrap(self, stream: httpcore.NetworkStream) -> "Stream":
        """Return the stream with the bounds of this module around it."""
        self._stream = Stream(stream, self)
        return self._stream

    def abort(self) -> None:
        """Break the connection: a thread that waits for its bytes stops waiting."""
        connection = self._socket()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Close this process's end only: after a fork the other process still uses the other."""
        connection = self._socket()
        if connection is not None:
            connection.close()

    def _socket(self) -> socket.socket | None:
        return None if self._stream is None else self._stream.get_extra_info("socket")


class Stream(httpcore.NetworkStream):
    """One connection, plain or TLS."""

    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network
        self._ahead = b""
        self._tail = b""
        self._head_bytes = 0
        self._left: int | None = None
        self._boundary: re.Pattern[bytes] | None = _HEAD_END

    def expect_head(self) -> None:
        """The next bytes are a head."""
        self._boundary, self._left, self._tail, self._head_bytes = _HEAD_END, None, b"", 0

    def expect_bytes(self, count: int) -> None:
        """The next `count` bytes are the rest of the answer."""
        self._boundary, self._left = None, count

    def expect_lines(self) -> None:
        """The answer has no known length: its parser says when it is complete."""
        self._boundary, self._left, self._tail = _LINE_END, None, b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of the answer, none of them past its end; b"" at the end."""
        if not self._ahead:
            self._ahead = self._stream.read(max_bytes, self._network.bounded(timeout))
        count = self._count()
        piece, self._ahead = self._ahead[:count], self._ahead[count:]
        if self._boundary is _HEAD_END:
            self._head_bytes += len(piece)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise httpcore.RemoteProtocolError("the head of the answer does not end")
        return piece

    def _count(self) -> int:
        """Return how many of the bytes at hand may be handed over now."""
        if self._left is not None:
            count = min(self._left, len(self._ahead)) or len(self._ahead)
            self._left = max(0, self._left - count)
            return count
        if self._boundary is None:
            return len(self._ahead)
        # A boundary may lie across two pieces; it is never longer than three bytes.
        end = self._boundary.search(self._tail + self._ahead)
        count = len(self._ahead) if end is None else end.end() - len(self._tail)
        self._tail = b"" if end is not None else (self._tail + self._ahead)[-2:]
        return count

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, self._network.bounded(timeout))

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the connection with TLS on it."""
        timeout = self._network.bounded(timeout)
        return self._network.wrap(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks of a connection; bytes left over make it readable."""
        if info == "is_readable" and self._ahead:
            return True
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int) -> list[str]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
