"""Inputs of a fleet: read as their name says, one at a time, with the place of a fault."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.errors import UsageError
from kosmo_circleci.fleet.inputs import Item, Shard, parse_shard, read_inputs
from kosmo_circleci.jsonvalue import JsonValue


def values(name: str, text: str | bytes, folder: Path) -> list[JsonValue]:
    data = text.encode() if isinstance(text, str) else text
    if name == "-":
        return [item.value for item in read_inputs("-", io.BytesIO(data))]
    file = folder / name
    file.write_bytes(data)
    inputs = read_inputs(str(file), io.BytesIO())
    try:
        return [item.value for item in inputs]
    finally:
        inputs.close()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "one\n\n two \r\nthree", ["one", " two ", "three"]),
        ("a.txt", b"\xef\xbb\xbfone\n\xff\n", ["one", "\udcff"]),
        ("-", "one\ntwo\n", ["one", "two"]),
        ("-", "", []),
        ("a.jsonl", '{"a": 1}\n\n2.5\nnull\n"x"\n', [{"a": 1}, 2.5, None, "x"]),
        ("a.json", '[1, {"a": [true, 2.50]}, null, "ä"]', [1, {"a": [True, 2.5]}, None, "ä"]),
        ("a.json", " []", []),
        ("a.csv", 'a,b\n1,x\n\n2,"y,\nz"\n', [{"a": "1", "b": "x"}, {"a": "2", "b": "y,\nz"}]),
        ("a.csv", b"\xef\xbb\xbfa\n1\n", [{"a": "1"}]),
        ("a.csv", "", []),
    ],
)
def test_the_name_says_how_inputs_are_read(
    name: str, text: str | bytes, expected: list[JsonValue], tmp_path: Path
) -> None:
    assert values(name, text, tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "1\n{bad\n", "a.jsonl:2: not JSON: "),
        ("a.json", '{"a": 1}', "a.json:1: not an array. Expected one JSON array"),
        ("a.json", "[1, 2", "a.json: not JSON: "),
        ("a.csv", "a,b\n1\n", "a.csv:2: 1 fields under a header of 2"),
        ("a.csv", "a,a\n1,2\n", "a.csv:1: the column 'a' is duplicate"),
        ("a.csv", 'a\n"x', "a.csv:2: not CSV: "),
    ],
)
def test_a_fault_names_its_place_and_what_was_expected(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        values(name, text, tmp_path)
    assert message in str(caught.value)
    assert "Expected" in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    for name in (str(tmp_path / "missing"), str(tmp_path), "\0"):
        with pytest.raises(UsageError, match="Name a file of inputs"):
            read_inputs(name, io.BytesIO())


def test_inputs_are_read_as_they_are_asked_for() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            buffer[:2] = b"x\n"
            return 2

    inputs = iter(read_inputs("-", io.BufferedReader(Endless(), 2)))
    assert [next(inputs) for _ in range(3)] == [Item(1, "x"), Item(2, "x"), Item(3, "x")]


@given(st.lists(st.integers() | st.text() | st.dictionaries(st.text(), st.integers())))
def test_every_input_is_in_exactly_one_shard_wherever_it_stands(items: list[JsonValue]) -> None:
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    for index, value in enumerate(items):
        homes = [shard for shard in shards if shard.has(Item(index, value))]
        assert len(homes) == 1
        assert homes[0].has(Item(index + 100, value))


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3", "1.0/2"])
def test_a_shard_is_one_of_several_parts(text: str) -> None:
    assert parse_shard("2/5") == Shard(2, 5)
    with pytest.raises(ValueError, match="is not a shard"):
        parse_shard(text)


@pytest.mark.parametrize("name", ["-", "x.txt", "x.jsonl", "x.csv"])
def test_a_line_without_an_end_is_refused_and_not_kept(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kosmo_circleci.fleet.inputs.MAX_TEXT_BYTES", 1000)
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("1\n" + "1" * 2000)
    with (
        open(name, "rb") as stdin,
        contextlib.closing(read_inputs(name, stdin)) as inputs,
        pytest.raises(UsageError, match="longer than 64 MiB"),
    ):
        list(inputs)


def test_a_header_of_very_many_columns_is_read_in_no_time(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(100_000)]
    file = tmp_path / "wide.csv"
    file.write_text(",".join([*names, "c7"]))
    with (
        contextlib.closing(read_inputs(str(file), io.BytesIO())) as inputs,
        pytest.raises(UsageError, match="the column 'c7' is duplicate"),
    ):
        list(inputs)
