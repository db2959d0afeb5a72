"""The parameter types: what is converted, what is refused, and in which words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.call.types import (
    TypeFault,
    convert,
    describe,
    query_texts,
    refuse_unsendable,
)
from kosmo_circleci.catalog.model import Parameter


def parameter(type: Any, **more: Any) -> Parameter:
    return Parameter("given", "given", "body", type, "", **more)


STRING = parameter("string")
INTEGER = parameter("integer")
BOOLEAN = parameter("boolean")
OBJECT = parameter("object")
STRINGS = parameter("array")
INTEGERS = parameter("array", items="integer")
REPEATED = parameter("array", repeated=True)
NAN, INFINITY = float("nan"), float("inf")
VAST = 1 << 14_000  # Python refuses to write more than 4,300 digits.


@pytest.mark.parametrize(
    ("taker", "value", "converted"),
    [
        (INTEGER, 12, 12),
        (INTEGER, -3, -3),
        (INTEGER, 12.0, 12),
        (INTEGER, "12", 12),
        (INTEGER, "007", 7),
        (INTEGER, "9223372036854775808", 9223372036854775808),
        (STRING, "main", "main"),
        (STRING, "", ""),
        (STRING, "12", "12"),
        (STRING, 12, "12"),
        (STRING, 5.0, "5.0"),
        (STRING, -0.0, "-0.0"),
        (STRING, 1.5, "1.5"),
        (STRING, 0.1 + 0.2, "0.3"),
        (STRING, 1e15, "1e+15"),
        (STRING, 1e-5, "1e-05"),
        (BOOLEAN, True, True),
        (BOOLEAN, False, False),
        (OBJECT, {}, {}),
        (OBJECT, [], {}),
        (OBJECT, {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (OBJECT, {"kept": "a\0b"}, {"kept": "a\0b"}),
        (STRINGS, [], []),
        (STRINGS, {}, []),
        (STRINGS, ["a", 1, 2.5], ["a", "1", "2.5"]),
        (INTEGERS, ["1", 2, 3.0], [1, 2, 3]),
        (REPEATED, "main", ["main"]),
        (REPEATED, 7, ["7"]),
        (REPEATED, ["main", "dev"], ["main", "dev"]),
        (REPEATED, {}, []),
    ],
)
def test_a_value_that_fits_becomes_the_parameters_type(
    taker: Parameter, value: Any, converted: Any
) -> None:
    result = convert(taker, value)
    assert (result, str(result), type(result)) == (converted, str(converted), type(converted))


@pytest.mark.parametrize(
    ("taker", "value", "message"),
    [
        (INTEGER, "12x", 'takes an integer, got string "12x".'),
        (INTEGER, "", 'takes an integer, got string "".'),
        (INTEGER, " 12", 'takes an integer, got string " 12".'),
        (INTEGER, "-12", 'takes an integer, got string "-12".'),
        (INTEGER, "\uff11\uff12", 'takes an integer, got string "\uff11\uff12".'),
        (INTEGER, 1.5, "takes an integer, got number 1.5."),
        (INTEGER, INFINITY, "takes an integer, got number inf."),
        (INTEGER, True, "takes an integer, got boolean true."),
        (INTEGER, VAST, "takes an integer, got integer of 14001 bits."),
        (STRING, True, "takes a string, got boolean true."),
        (STRING, NAN, "takes a string, got number nan."),
        (STRING, {"a": "hidden"}, "takes a string, got an object."),
        (STRING, ["hidden"], "takes a string, got an array."),
        (STRING, b"bytes", "takes a string, got a Python bytes."),
        (STRING, VAST, "takes a string, got integer of 14001 bits."),
        (BOOLEAN, "true", 'takes a boolean, got string "true".'),
        (BOOLEAN, 1, "takes a boolean, got integer 1."),
        (BOOLEAN, "", 'takes a boolean, got string "".'),
        (OBJECT, '{"token": 1}', "takes an object, got a string."),
        (OBJECT, ["a"], "takes an object, got an array."),
        (STRINGS, "main", 'takes an array of strings, got string "main".'),
        (STRINGS, {"a": 1}, "takes an array of strings, got an object."),
        (REPEATED, {"a": 1}, "takes a string or an array of strings, got an object."),
        (REPEATED, True, "takes a string or an array of strings, got boolean true."),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_it_is_and_what_is_taken(
    taker: Parameter, value: Any, message: str
) -> None:
    with pytest.raises(TypeFault) as caught:
        convert(taker, value)
    assert str(caught.value) == f"Parameter 'given' {message}"


@pytest.mark.parametrize(
    ("taker", "value", "message"),
    [
        (STRINGS, ["a", None], "Item 2 of parameter 'given' takes a string, got null."),
        (STRINGS, [["a"]], "Item 1 of parameter 'given' takes a string, got an array."),
        (INTEGERS, [1, "x"], "Item 2 of parameter 'given' takes an integer, got string \"x\"."),
        (
            parameter("array", enum=("mon", "tue")),
            ["mon", "teu"],
            "Item 2 of parameter 'given' takes one of: mon, tue; got \"teu\". Did you mean 'tue'?",
        ),
        (
            parameter("string", enum=("sha256", "md5")),
            "SHA256",
            "Parameter 'given' takes one of: sha256, md5; got \"SHA256\". Did you mean 'sha256'?",
        ),
        (
            parameter("string", enum=("sha256", "md5")),
            "",
            "Parameter 'given' takes one of: sha256, md5; got \"\".",
        ),
    ],
)
def test_an_item_or_an_enum_at_fault_is_named(taker: Parameter, value: Any, message: str) -> None:
    with pytest.raises(TypeFault) as caught:
        convert(taker, value)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x\udfff"])
def test_text_that_no_request_can_carry_is_refused(text: str) -> None:
    for taker, value in [(STRING, text), (STRINGS, [text]), (REPEATED, text)]:
        with pytest.raises(TypeFault, match="holds a NUL or half of a surrogate pair"):
            convert(taker, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": [1, NAN]}, "nan is not JSON (at 'a[2]')"),
        ({"a": {1: 2}}, "the keys of an object are strings, got an integer"),
        ({"a": {"b": (1,)}}, "a Python tuple is not JSON (at 'a.b')"),
        ({"a": 1 << 2_000}, "an integer of more than 1024 bits (at 'a')"),
    ],
)
def test_an_object_from_python_is_searched_for_what_is_not_json(value: Any, reason: str) -> None:
    with pytest.raises(TypeFault) as caught:
        convert(OBJECT, value)
    expected = f"takes an object, and this one cannot be sent: {reason}."
    assert str(caught.value) == f"Parameter 'given' {expected}"


def test_an_object_inside_itself_is_refused_and_not_followed() -> None:
    endless: dict[str, Any] = {}
    endless["left"] = endless["right"] = [endless, endless]
    with pytest.raises(ValueError, match="nested deeper than 200 levels, or inside itself"):
        refuse_unsendable(endless)


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(TypeFault) as caught:
        convert(INTEGER, "x" * 10_000)
    message = "Parameter 'given' takes an integer, got string \"" + "x" * 59 + '…".'
    assert str(caught.value) == message


@given(st.text(st.characters(codec="ascii", categories=["L", "P", "Z"]), min_size=1))
def test_the_value_of_a_secret_is_never_in_the_message(value: str) -> None:
    for taker in (
        parameter("integer", secret=True),
        parameter("string", enum=("only-this",), secret=True),
        parameter("array", secret=True),
    ):
        with pytest.raises(TypeFault, match=r"got a string\.$"):
            convert(taker, value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_sent_as_text_is_still_that_number_to_fourteen_digits(number: float) -> None:
    text = convert(STRING, number)
    assert isinstance(text, str)
    assert float(text) == (number if number.is_integer() else float(f"{number:.14g}"))
    assert set(text) & set(".e")  # Never to be taken for an integer.


@pytest.mark.parametrize(
    ("taker", "words"),
    [
        (STRING, "string"),
        (INTEGER, "integer"),
        (BOOLEAN, "boolean"),
        (OBJECT, "object"),
        (STRINGS, "array of string"),
        (INTEGERS, "array of integer"),
        (REPEATED, "string or array of strings"),
    ],
)
def test_a_type_is_described_for_the_documentation(taker: Parameter, words: str) -> None:
    assert describe(taker) == words


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        ("a b", ["a b"]),
        ("", [""]),
        (True, ["true"]),
        (False, ["false"]),
        (12, ["12"]),
        (1.5, ["1.5"]),
        ([], []),
        (["a", 1, None, False], ["a", "1", "false"]),
    ],
)
def test_a_query_value_becomes_text(value: Any, texts: list[str]) -> None:
    assert query_texts(value) == texts


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], [{}], NAN, "\ud800", b"x"])
def test_a_query_value_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"query|surrogate"):
        query_texts(value)
