"""A body as it arrives -> its bytes, never more of them than the limit.

HTTP libraries decompress a whole piece before anybody can count: a few kilobytes of a hostile
answer, compressed twice over, would fill the memory. Here zlib stops at the limit, and what arrives
counts as well: gzip files that hold nothing, one after the other, would never reach it.
"""

import zlib
from collections.abc import Callable
from typing import Final

from kosmo_circleci.transport.wire import BodyTooLarge, TransportError

ACCEPTED: Final = "gzip"
"""The `Accept-Encoding` to send: what `Body` can read."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_PLAIN: Final = frozenset({"", "identity"})
_MIB: Final = 1024 * 1024
_STEP_BYTES: Final = _MIB


class Body:
    """Collects one body. `encoding` is the value of its `Content-Encoding`."""

    def __init__(
        self, encoding: str, limit: int, sink: Callable[[bytes], None] | None = None
    ) -> None:
        """Take at most `limit` bytes, compressed or not. With a `sink` it gets them as they come.

        Raises `TransportError` for `encoding`.
        """
        name = encoding.strip().lower()
        if name not in _GZIP | _PLAIN:
            raise TransportError(
                f"the answer is compressed as {name[:40]!r}, and only gzip was asked for"
            )
        self._left = self._limit = limit
        self._arrived = 0
        self._pieces: list[bytes] = []
        self._take = sink or self._pieces.append
        self._gunzip = _new_gunzip() if name in _GZIP else None
        self._began = False

    def add(self, piece: bytes) -> None:
        """Take the next piece from the wire. Raises `BodyTooLarge` or `TransportError`."""
        if self._gunzip is None:
            self._keep(piece)
            return
        self._arrived += len(piece)
        if self._arrived > self._limit:
            raise self._too_large()
        while piece:
            if self._gunzip.eof:  # a gzip file may consist of several, one after the other
                self._gunzip = _new_gunzip()
            self._unpack(self._gunzip, piece)
            self._began = True
            piece = self._gunzip.unused_data

    def _unpack(self, gunzip: "zlib._Decompress", piece: bytes) -> None:
        """Unpack a piece in steps of `_STEP_BYTES`: a sink may take far more than memory has."""
        while True:
            step = min(self._left + 1, _STEP_BYTES)
            try:
                unpacked = gunzip.decompress(piece, step)
            except zlib.error:
                raise TransportError("the answer's compression is broken") from None
            self._keep(unpacked)
            piece = gunzip.unconsumed_tail
            if len(unpacked) < step and not piece:  # a full step may have more behind it
                return

    def whole(self) -> bytes:
        """Return the bytes that went to no sink.

        Raises `TransportError` where the compressed text is cut off.
        """
        if self._gunzip is not None and self._began and not self._gunzip.eof:
            raise TransportError("the answer's compressed text is cut off")
        return b"".join(self._pieces)

    def refuse_if_declared_too_large(self, content_length: str) -> None:
        """Raise `BodyTooLarge` where the header already says so."""
        if content_length.isdecimal() and int(content_length[:20]) > self._limit:
            raise self._too_large()

    def _keep(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise self._too_large()
        if piece:
            self._take(piece)

    def _too_large(self) -> BodyTooLarge:
        limit = self._limit
        size = f"{limit // _MIB} MiB" if limit % _MIB == 0 else f"{limit} bytes"
        return BodyTooLarge(f"the answer is larger than {size}")


def _new_gunzip() -> "zlib._Decompress":
    return zlib.decompressobj(zlib.MAX_WBITS | 16)
