import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.run import protocol

KINDS = st.sampled_from([protocol.RUN, protocol.LINE, protocol.DONE, protocol.RESULT])


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


@given(st.lists(st.tuples(KINDS, st.binary(max_size=200)), max_size=20))
def test_messages_arrive_as_they_were_sent(sent: list[tuple[bytes, bytes]]) -> None:
    reading, writing = os.pipe()
    try:
        for kind, payload in sent:
            protocol.write(writing, kind, payload)
        os.close(writing)
        assert list(iter(lambda: protocol.read(reading), None)) == sent
    finally:
        os.close(reading)


@given(st.lists(st.tuples(KINDS, st.binary(max_size=200)), min_size=1, max_size=20))
def test_a_stream_takes_the_messages_that_are_complete(sent: list[tuple[bytes, bytes]]) -> None:
    reading, writing = os.pipe()
    try:
        for kind, payload in sent:
            protocol.write(writing, kind, payload)
        stream, taken = protocol.Stream(reading), []
        while len(taken) < len(sent):
            taken += stream.messages()
        assert (taken, stream.ended) == (sent, False)
        os.close(writing)
        assert list(stream.messages()) == []
        assert stream.ended
    finally:
        os.close(reading)


def test_a_message_larger_than_the_pipe_arrives_whole(pipe: tuple[int, int]) -> None:
    payload = bytes(range(256)) * 4096
    writer = threading.Thread(target=protocol.write, args=(pipe[1], protocol.LINE, payload))
    writer.start()
    assert protocol.read(pipe[0]) == (protocol.LINE, payload)
    writer.join(timeout=10)


@pytest.mark.parametrize("sent", [b"", b"L", b"L\0\0\0\5", b"L\0\0\0\5four"])
def test_a_stream_that_breaks_off_ends(pipe: tuple[int, int], sent: bytes) -> None:
    os.write(pipe[1], sent)
    os.close(pipe[1])
    assert protocol.read(pipe[0]) is None


def test_a_stream_keeps_what_is_not_complete(pipe: tuple[int, int]) -> None:
    stream = protocol.Stream(pipe[0])
    os.write(pipe[1], b"L\0\0\0\2ab" + b"L\0\0\0\2a")
    assert list(stream.messages()) == [(protocol.LINE, b"ab")]
    os.write(pipe[1], b"b")
    assert list(stream.messages()) == [(protocol.LINE, b"ab")]


def test_writing_where_nobody_reads_raises(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError):
        protocol.write(pipe[1], protocol.LINE, b"text")
