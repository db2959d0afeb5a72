"""Filter expressions: their grammar, their operators, and what they refuse.

The cases follow the corpus of github.com/CircleCI-Public/expr.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.simulator.expressions import Environment, ExpressionError, parse

VARIABLES: Environment = {
    "pipeline.git.branch": "release-2",
    "pipeline.number": 42,
    "is-draft": False,
    "pipeline.git.tag": None,
}


def holds(text: str) -> bool:
    return parse(text)(VARIABLES)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "0",
        '"false"',
        "true or unknown",  # the right side is not looked at
        "false or 12",
        "not false and true",
        "! false",
        "true AND not is-draft OR false",
        "1 == 1",
        '"5" != 5',
        '"a\\"b\\\\" == "a\\"b\\\\"',
        'pipeline.git.branch == "release-2"',
        'pipeline.git.branch starts-with "rel"',
        "pipeline.git.branch matches /release-\\d/",
        "pipeline.git.branch matches /(?i)RELEASE-2/",
        "pipeline.number > 41 and pipeline.number <= 42",
        "pipeline.number >= 42 and pipeline.number < 43",
        "(true or false) and (false or true)",
        "not (true and false)",
        "not pipeline.git.tag",
        "false == false == true",
        "not true == false",  # (not true) == false
        "true or true and false",  # and binds closer
    ],
)
def test_what_holds(text: str) -> None:
    assert holds(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "false and unknown",
        "true == 1",
        "5 == false",
        "not true and true",
        'pipeline.git.branch == "main"',
        "pipeline.git.branch matches /release/",  # the whole string must fit
        'pipeline.git.branch starts-with "main"',
        "pipeline.number > 42",
        "pipeline.git.tag",
        'pipeline.git.tag == "v1"',
        'pipeline.git.tag != "v1"',
        "pipeline.git.tag == pipeline.git.tag",
        "pipeline.git.tag > 1",
        "(true or false) and false",
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert holds(text) is False


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("", "expected a value", 0),
        ("and", "expected a value", 0),
        ("1 ==", "expected a value", 4),
        ("(1 == 1", "expected )", 7),
        ("1 1", "unexpected 1", 2),
        ("1 = 1", "unexpected character =", 2),
        ('branch == "main', 'unexpected character "', 10),
        ("a..b", "unexpected character .", 1),
        ("_a", "unexpected character _", 0),
        ("branch == 'main'", "unexpected character '", 10),
        ("1 matches /(/", "invalid pattern /(/", 11),
        ("unknown == 1", "unknown variable unknown", 0),
        ('"hi" > 3', "> takes numbers", 5),
        ("true <= true", "<= takes numbers", 5),
        ('5 starts-with "5"', "starts-with takes strings", 2),
        ("pipeline.number matches /42/", "matches takes strings", 16),
        ('"a" matches "a"', "matches takes a pattern, such as /main|dev/", 4),
        ("(" * 200 + "1" + ")" * 200, "nested too deeply", 100),
    ],
)
def test_what_cannot_be_read_or_evaluated_says_where(text: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as error:
        holds(text)
    assert (str(error.value), error.value.offset) == (message, offset)


words = st.sampled_from(
    ["and", "or", "not", "==", "!=", "<", "matches", "starts-with", "(", ")", "1", '"a"', "/a/"]
)


@given(st.lists(words | st.text(max_size=3), max_size=8).map(" ".join))
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    try:
        outcome: bool | int = holds(text)
    except ExpressionError as error:
        outcome = error.offset
    assert 0 <= outcome <= len(text) + 1
