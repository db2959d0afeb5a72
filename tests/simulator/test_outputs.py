"""Outputs: the bytes of a step are the same however they are read, and need not exist at once."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.simulator.outputs import LINE_BYTES, Output, output

SMALL = output("one\n\rtwo\nthree", log_bytes=3 * LINE_BYTES)


def test_line_ends_are_those_of_a_terminal() -> None:
    assert output("a\n\rb\n").read(0, 100) == b"a\r\n\rb\r\n"


def test_numbered_lines_come_before_the_text_and_have_one_length() -> None:
    whole = SMALL.read(0, SMALL.size_bytes)
    lines = whole.splitlines(keepends=True)
    assert [len(line) for line in lines[:3]] == [LINE_BYTES] * 3
    assert [line[:10] for line in lines[:3]] == [b"0000000001", b"0000000002", b"0000000003"]
    assert whole[3 * LINE_BYTES :] == b"one\r\n\rtwo\r\nthree"
    assert SMALL.size_bytes == len(whole)


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_piece_is_that_piece_of_the_whole(start: int, end: int) -> None:
    assert SMALL.read(start, end) == SMALL.read(0, SMALL.size_bytes)[start:end]


@given(st.floats(0, 1))
def test_what_is_there_so_far_ends_with_a_line(part: float) -> None:
    size = SMALL.size_at(part)
    sofar = SMALL.read(0, size)
    assert size <= SMALL.size_bytes
    assert part == 1 or sofar == b"" or sofar.endswith(b"\n")


def test_all_of_it_is_there_at_the_end_of_the_step() -> None:
    assert SMALL.size_at(1.0) == SMALL.size_bytes
    assert SMALL.size_at(0.0) == 0


def test_the_end_of_a_gigabyte_costs_no_gigabyte() -> None:
    large = output("the end\n", log_bytes=1_000_000_000)
    tracemalloc.start()
    try:
        tail = large.read(large.size_bytes - 100, large.size_bytes)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tail.endswith(b"the end\r\n")
    assert peak_bytes < 100_000


@pytest.mark.parametrize("start", [0, 5, LINE_BYTES])
def test_nothing_is_read_past_the_end(start: int) -> None:
    assert Output(b"").read(start, start + 10) == b""
