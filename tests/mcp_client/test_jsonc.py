"""JSON as editors write it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.mcp_client import jsonc

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, // note\n "b": 2}', {"a": 1, "b": 2}),
        ('/* one\n two */ {"a": [1, 2,], }', {"a": [1, 2]}),
        ('{"url": "https://x/*y*/", "b": "a,]"}', {"url": "https://x/*y*/", "b": "a,]"}),
        ('{"a": "\\"// no comment"}', {"a": '"// no comment'}),
        ('\ufeff{"a": 1, // last,\n}', {"a": 1}),
    ],
)
def test_comments_and_spare_commas_are_left_out_and_strings_kept(text: str, value: object) -> None:
    assert jsonc.decode(text) == value


@pytest.mark.parametrize(
    ("text", "line"),
    [("{\n// a\n/* b\n*/ x}", 4), ('{"a": 1,,}', 1), ("", 1), ("[1] /* open", 1)],
)
def test_a_fault_names_the_line_of_the_file_as_it_stands(text: str, line: int) -> None:
    with pytest.raises(jsonc.JsoncError) as raised:
        jsonc.decode(text)
    assert raised.value.line == line


@given(VALUES)
def test_plain_json_means_what_it_means_anywhere(value: object) -> None:
    assert jsonc.decode(json.dumps(value, indent=1)) == value
