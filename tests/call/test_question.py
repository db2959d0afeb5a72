"""What a permission question shows of the arguments."""

from typing import Any

import pytest

from kosmo_circleci.call.question import argument_lines


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({"branch": "main", "n": 1, "flag": True, "none": None}, [
            '  branch = "main"', "  n = 1", "  flag = true", "  none = null",
        ]),
        ({"payload": {"deep": {"er": 1}, "empty": {}}}, [
            "  payload.deep.er = 1", "  payload.empty = {}",
        ]),
        ({"ids": ["a", "b"]}, ['  ids = ["a","b"]']),
        ({"rows": [{"a": 1}, [2, {"b": 3}], 4]}, [
            "  rows[1].a = 1", "  rows[2][1] = 2", "  rows[2][2].b = 3", "  rows[3] = 4",
        ]),
        ({"text": "x" * 500}, [f'  text = "{"x" * 199}… (302 more characters)']),
        ({"api_token": "s3cret", "login": {"password": "x", "user": "ann"}}, [
            "  api_token = ***", "  login.password = ***", '  login.user = "ann"',
        ]),
        ({"credentials": {"user": "ann"}}, ["  credentials = ***"]),
        ({"a\nAllow x?": "\x1b[2K\r\u202e"}, [
            r'  a\nAllow x? = "\u001b[2K\r\u202e"',
        ]),
    ],
)  # fmt: skip
def test_every_key_has_a_line_and_long_values_are_counted(
    arguments: dict[str, Any], lines: list[str]
) -> None:
    assert argument_lines(arguments.items()) == lines


def test_what_does_not_fit_on_a_screen_is_counted() -> None:
    lines = argument_lines((f"k{number}", number) for number in range(1_500))
    assert (len(lines), lines[199], lines[200]) == (201, "  k199 = 199", "  and 1,300 more values")


def test_the_caller_says_what_else_is_secret() -> None:
    lines = argument_lines({"value": "x", "name": "y"}.items(), lambda name: name == "value")
    assert lines == ["  value = ***", '  name = "y"']
