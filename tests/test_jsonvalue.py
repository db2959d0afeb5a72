"""JSON without loss: what goes in comes out, and what is no JSON does not go in."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.jsonvalue import (
    MAX_DEPTH,
    MAX_TEXT_BYTES,
    JsonError,
    JsonLimitError,
    decode,
    encode,
)

# Lone surrogates are legal in JSON; two that make a pair would be read as one character.
TEXTS = st.text(st.characters(exclude_categories=())).map(
    lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**63 - 2, max_value=2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Compare with types: 1 is not 1.0, not True, and -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and left == right
    return bool(left == right)


@given(VALUES)
def test_decode_after_encode_is_the_identity(value: Any) -> None:
    assert same(decode(encode(value)), value)
    assert same(decode(encode(value, pretty=True)), value)
    assert same(decode(encode(value).encode("utf-8")), value)


@given(VALUES)
def test_what_another_encoder_wrote_is_read_as_it_was_meant(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=1)):
        assert same(decode(text), value)
        assert same(decode(encode(decode(text))), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.0", 1.0),
        ("-0", 0),
        ("-0.0", -0.0),
        ("1e2", 100.0),
        ("9007199254740993", 9007199254740993),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1e-400", 0.0),
        ('"\\ud83d\\ude80"', "🚀"),
        ('"\\ud800"', "\ud800"),
        ('"\\u0000\\u001f\\u007f"', "\0\x1f\x7f"),
        ('"\u2028 é"', "\u2028 é"),
        (" \t\r\n null \n", None),
        ("\ufeff{}", {}),
        ('{"b":1,"a":2}', {"b": 1, "a": 2}),
        ('{"a":1,"a":2}', {"a": 2}),
        ("[]", []),
        ("{}", {}),
    ],
)
def test_a_text_has_one_value(text: str, value: Any) -> None:
    assert same(decode(text), value)
    assert same(decode(text.encode("utf-8", "surrogatepass")), value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Expecting value at line 1 column 1"),
        ("{} x", "Extra data at line 1 column 4"),
        ("{}{}", "Extra data at line 1 column 3"),
        ("[1,]", "line 1 column"),
        ("{'a': 1}", "line 1 column 2"),
        ("{a: 1}", "line 1 column 2"),
        ("// c\n1", "line 1 column 1"),
        ("[1, /* c */ 2]", "line 1 column 5"),
        ('{"a": 1\n  "b": 2}', "line 2 column 3"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e400", "the number 1e400 is larger than a double can hold"),
        ("-1e999", "the number -1e999 is larger"),
        ("01", "line 1 column"),
        ("+1", "line 1 column 1"),
        (".5", "line 1 column 1"),
        ("0x10", "line 1 column"),
        ('"a\nb"', "line 1 column"),
        ('"\\x41"', "line 1 column"),
        ('"open', "line 1 column 1"),
        ("tru", "line 1 column 1"),
        ("1" * 5000, "Exceeds the limit"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'\xff\xfe{\0}\0', "not UTF-8 at byte 0"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_with_the_place(text: str | bytes, complaint: str) -> None:
    with pytest.raises(JsonError) as caught:
        decode(text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"k":', "}")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "1" + closing * depth

    assert encode(decode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(JsonLimitError, match="nested deeper than 200 levels"):
            decode(nested(depth))


def test_brackets_in_strings_are_not_nesting() -> None:
    value = ["[" * 1000, '"' + "{" * 1000, "\\" * 3 + "[" * 500, []]
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "text",
    ['["' + "\\" * 300_001, "[" * 300 + '"\\"' * 200_000, '"' * 300_001, '[["' * 100_001],
)
def test_a_hostile_text_is_refused_quickly(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(JsonError):
        decode(text)
    assert time.perf_counter() - began < 1


def test_a_text_over_the_size_limit_is_not_looked_at() -> None:
    with pytest.raises(JsonLimitError, match=f"at most {MAX_TEXT_BYTES} are decoded"):
        decode(bytes(MAX_TEXT_BYTES + 1))


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    return value


@pytest.mark.parametrize("make", [lambda: math.nan, lambda: [math.inf], itself, deep])
def test_what_json_cannot_say_is_not_written(make: Any) -> None:
    value = make()
    with pytest.raises(JsonError):
        encode(value)
    # Let go of it level by level: dropped at once, 200,000 levels would be dropped by recursion.
    while isinstance(value, list) and value and value[0] is not value:
        value = value[0]


def test_the_text_is_compact_and_plain_unless_asked_otherwise() -> None:
    value: Any = {"b": [1, 2.0, "é\ud800"], "a": {}}
    assert encode(value) == '{"b":[1,2.0,"é\\ud800"],"a":{}}'
    assert encode(value, pretty=True, sort_keys=True) == (
        '{\n  "a": {},\n  "b": [\n    1,\n    2.0,\n    "é\\ud800"\n  ]\n}'
    )
