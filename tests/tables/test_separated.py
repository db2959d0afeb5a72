"""CSV: what is written is read back, and what cannot be read says on which line."""

import csv
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.tables.separated import CsvError, csv_lines, csv_records

FIELD = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(',"\r\n \ufeff'))


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.tuples(
            st.lists(FIELD, min_size=width, max_size=width, unique=True),
            st.lists(st.lists(FIELD, min_size=width, max_size=width), max_size=4),
        )
    )
)
def test_fields_are_read_back_as_they_were(table: tuple[list[str], list[list[str]]]) -> None:
    lines = [table[0], *table[1]]
    text = "".join(f"{line}\n" for line in csv_lines(*table))
    # A text that begins with a byte order mark loses it, intended or not.
    assert list(csv_records("\ufeff" + text)) == lines


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", []),
        ("\ufeff", []),
        ("\n\r\n", []),
        ("a", [["a"]]),
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
        ("a,b\r1,2", [["a", "b"], ["1", "2"]]),
        ("\ufeffa\n1", [["a"], ["1"]]),
        ("\na\n\n1\n\n", [["a"], ["1"]]),
        ('a\n""\n', [["a"], [""]]),
        ('"a\r\nb"\n"1\n2\r3"', [["a\r\nb"], ["1\n2\r3"]]),
        ('a\n"say ""hi"", then"\n', [["a"], ['say "hi", then']]),
        ('a\n5" disk\n', [["a"], ['5" disk']]),
        ("a,b\n , x \n", [["a", "b"], [" ", " x "]]),
        ("a\n\x00\x85\u2028\n", [["a"], ["\x00\x85\u2028"]]),
    ],
)
def test_a_text_is_read_as_rfc_4180_has_it(text: str, records: list[list[str]]) -> None:
    assert list(csv_records(text)) == records


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3: 1 field, but the header has 2"),
        ("a\n1,2\n", "line 2: 2 fields, but the header has 1"),
        ('a,b\n"1\n\n2",x\n3\n', "line 5: 1 field, but the header has 2"),
        ("a,b,a\n", "line 1: duplicate column 'a'"),
        ("\n\na,\x1b,\x1b\n", "line 3: duplicate column '\\x1b'"),
        ('a\n1\n"2\n3\n', "line 3: a quoted field begins here and does not end"),
        ('a\n"1" \n', "line 2: text after the closing quote of a field"),
        ('a\n"1"2"\n', "line 2: text after the closing quote of a field"),
    ],
)
def test_what_is_not_csv_names_its_line(text: str, message: str) -> None:
    with pytest.raises(CsvError) as refused:
        list(csv_records(text))
    assert str(refused.value).startswith(message)


def test_fields_may_be_longer_than_the_module_takes_and_its_limit_stays() -> None:
    before = csv.field_size_limit()
    long = "x" * (before + 1)
    assert list(csv_records(f"a\n{long}\n")) == [["a"], [long]]
    with closing(csv_records(f"a\n{long}\nb,c\n")) as records:
        assert next(records) == ["a"]
    with pytest.raises(CsvError):
        list(csv_records(f"a\n{long}\nb,c\n"))
    assert csv.field_size_limit() == before


def test_several_threads_may_read_long_fields_at_once() -> None:
    long = "x" * (csv.field_size_limit() + 1)
    text, ended = f"a\n{long}\n", []

    def read() -> None:
        for _ in range(20):
            ended.append(list(csv_records(text)) == [["a"], [long]])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=30)
    assert ended == [True] * 80
