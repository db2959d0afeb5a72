"""Any name becomes one Lua can write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.mcp_client.names import lua_names, lua_safe, original_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("get_file", "get_file"),
        ("get-file", "get_file"),
        ("fs.read/all", "fs_read_all"),
        ("3d", "_3d"),
        ("end", "end_"),
        ("größe", "gr__e"),
        ("", "_"),
    ],
)
def test_what_lua_cannot_write_becomes_an_underscore(name: str, safe: str) -> None:
    assert lua_safe(name) == safe


def test_names_that_meet_are_kept_apart_and_a_safe_one_keeps_itself() -> None:
    expected = {"a_b": "a_b", "a_b_2": "a b", "a_b_3": "a-b"}
    assert lua_names(["a-b", "a_b", "a b"]) == expected
    assert lua_names(["a b", "a-b", "a_b"]) == expected


@given(st.lists(st.text(max_size=8), unique=True, max_size=20))
def test_every_name_gets_one_of_its_own(names: list[str]) -> None:
    found = lua_names(names)
    assert sorted(found.values()) == sorted(names)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in found)


def test_a_hundred_thousand_names_that_meet_take_no_quadratic_time() -> None:
    meeting = (
        chr(0x4E00 + number) + chr(0x4E00 + more) for number in range(20_000) for more in range(5)
    )
    names = lua_names(meeting)
    assert (len(names), "___2" in names, "___100000" in names) == (100_000, True, True)


def test_both_names_are_understood() -> None:
    names = {"a_b": "a-b"}
    assert [original_name(each, names) for each in ("a_b", "a-b", "a.b")] == ["a-b", "a-b", None]
