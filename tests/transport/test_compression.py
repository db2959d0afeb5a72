"""A body that arrives compressed, cut off, or larger than anybody wants."""

import gzip
import tracemalloc
import zlib

import pytest

from kosmo_circleci.transport.compression import Body
from kosmo_circleci.transport.wire import BodyTooLarge, TransportError

TEXT = b'{"items": []}' * 50
PACKED = gzip.compress(TEXT, mtime=0)  # the time of day would be in the name of a test


def read(encoding: str, *pieces: bytes, limit: int = 100_000) -> bytes:
    body = Body(encoding, limit)
    for piece in pieces:
        body.add(piece)
    return body.whole()


def one_by_one(raw: bytes) -> list[bytes]:
    return [raw[at : at + 1] for at in range(len(raw))]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZip "])
def test_gzip_is_read_however_it_is_cut(encoding: str) -> None:
    packed = gzip.compress(TEXT)
    assert read(encoding, packed) == TEXT
    assert read(encoding, *one_by_one(packed)) == TEXT
    assert read(encoding, packed + packed) == TEXT + TEXT


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_what_is_not_compressed_is_kept_as_it_is(encoding: str) -> None:
    assert read(encoding, TEXT[:7], b"", TEXT[7:]) == TEXT


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_answer_without_a_body_is_empty(encoding: str) -> None:
    assert read(encoding) == b""


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, identity"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(TransportError, match="only gzip was asked for"):
        Body(encoding, 10)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (PACKED[:-1], "cut off"),
        (PACKED[:20], "cut off"),
        (TEXT, "broken"),
        (zlib.compress(TEXT), "broken"),
        (PACKED + b"more", "broken"),
        (PACKED[:-8] + b"\0" * 8, "broken"),
    ],
)
def test_what_is_not_whole_gzip_is_an_error(raw: bytes, complaint: str) -> None:
    with pytest.raises(TransportError, match=complaint):
        read("gzip", raw)


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_the_limit_is_on_what_comes_out(encoding: str, size: int, fits: bool) -> None:
    raw = gzip.compress(b"x" * size) if encoding else b"x" * size
    if fits:
        assert len(read(encoding, raw, limit=1000)) == size
        return
    with pytest.raises(BodyTooLarge, match="larger than 1000 bytes"):
        read(encoding, raw, limit=1000)


def test_a_bomb_is_not_blown_up_to_be_counted() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    with pytest.raises(BodyTooLarge, match="larger than 1 MiB"):
        read("gzip", bomb, limit=1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("declared", "refused"),
    [("10", False), ("11", True), ("9" * 5000, True), ("", False), ("x", False)],
)
def test_a_declared_size_is_refused_before_it_is_read(declared: str, refused: bool) -> None:
    body = Body("", 10)
    if refused:
        with pytest.raises(BodyTooLarge):
            body.refuse_if_declared_too_large(declared)
    else:
        body.refuse_if_declared_too_large(declared)
