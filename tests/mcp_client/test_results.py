"""One value out of what a server answers."""

from typing import Any

import pytest

from kosmo_circleci.mcp_client.results import resource_value, tool_error, tool_value


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"content": [_text("plain")]}, "plain"),
        ({"content": [_text('{"a": [1, 2.0, null]}')]}, {"a": [1, 2.0, None]}),
        ({"content": [_text("12")]}, 12),
        ({"content": [_text('{"a": NaN}')]}, '{"a": NaN}'),
        ({"content": [_text("")]}, ""),
        ({"content": []}, {}),
        ({}, {}),
        ({"content": [_text("a"), _text("[]")]}, ["a", []]),
        ({"content": [_text("x")], "structuredContent": {"a": 1}}, {"a": 1}),
        ({"content": [], "structuredContent": {"a": 1}}, {"a": 1}),
        # Servers that can only send objects wrap what is none, and show it bare as text.
        ({"content": [_text("5")], "structuredContent": {"result": 5}}, 5),
        ({"content": [_text("five")], "structuredContent": {"result": "five"}}, "five"),
        ({"content": [_text("5")], "structuredContent": {"result": "5"}}, "5"),
        ({"content": [_text("1"), _text("2")], "structuredContent": {"result": [1, 2]}}, [1, 2]),
        ({"content": [], "structuredContent": {"result": []}}, []),
        # An object that happens to have the one key `result`.
        (
            {"content": [_text('{"result": 5}')], "structuredContent": {"result": 5}},
            {"result": 5},
        ),
    ],
)
def test_the_value_of_a_tool(result: Any, value: Any) -> None:
    assert tool_value(result) == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([_text("no such file")], "no such file"),
        ([_text("one"), {"type": "image", "data": "", "mimeType": "x"}, _text("two")], "one\ntwo"),
        ([], "the tool failed without a message"),
        ([_text("x" * 3000)], "x" * 2000 + "…"),
    ],
)
def test_a_tool_that_failed_says_so_in_its_own_words(content: Any, said: str) -> None:
    error = tool_error({"content": content, "isError": True}, "s", "t", "app.mcp.s.t")
    assert error is not None
    assert error.message == f"MCP tool error (s.t): {said}"


def test_a_tool_that_worked_is_no_error() -> None:
    assert tool_error({"content": [_text("error")], "isError": False}, "s", "t", "x") is None


@pytest.mark.parametrize(
    ("contents", "value"),
    [
        ([{"uri": "u", "text": "[1]"}], "[1]"),
        ([{"uri": "u", "text": "[1]", "mimeType": "application/json"}], [1]),
        ([{"uri": "u", "text": "[1]", "mimeType": "application/hal+json; charset=utf-8"}], [1]),
        ([{"uri": "u", "text": "[1", "mimeType": "application/json"}], "[1"),
        ([{"uri": "u", "blob": "AA=="}], {"uri": "u", "blob": "AA=="}),
        ([], []),
        ([{"uri": "u", "text": "a"}, {"uri": "v", "text": "b"}], "as it is"),
    ],
)
def test_the_value_of_a_resource(contents: Any, value: Any) -> None:
    assert resource_value({"contents": contents}) == (contents if value == "as it is" else value)
