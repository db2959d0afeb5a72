"""Long values are shortened as values."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci.agent import cut

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=60,
)


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        ({"a": [1, 2]}, 100, {"a": [1, 2]}),
        (list(range(1000)), 80, [*range(15), "… 985 more"]),
        ("x" * 2000, 400, "x" * 200 + "… 1800 more characters"),
        (
            {"items": [{"id": n, "log": "y" * 90} for n in range(50)], "next": None},
            170,
            {"items": [{"id": 0, "log": "y" * 40 + "… 50 more characters"}, "… 49 more"]}
            | {"next": None},
        ),
    ],
)
def test_what_is_shown_of_a_value_says_how_much_is_not(value: Any, limit: int, shown: Any) -> None:
    assert cut.beginning(value, limit) == shown


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, st.integers(20, 2000))
def test_the_beginning_of_a_value_is_small_and_a_short_value_is_whole(
    value: Any, limit: int
) -> None:
    shown = cut.beginning(value, limit)
    assert cut.size(shown) <= limit
    if cut.size(value) <= min(limit, 150):
        assert shown == value


def test_a_value_of_many_large_objects_is_shown_in_outline() -> None:
    value: Any = {f"key {n}": {f"inner {m}": "z" * 500 for m in range(99)} for n in range(99)}
    shown: Any = cut.beginning(value, 500)
    assert shown == {f"key {n}": "… 99 more" for n in range(4)} | {"…": "95 more"}
    assert cut.beginning({"k" * 900: 1, "l" * 900: 2}, 500) == "… 2 more"


@pytest.mark.parametrize(
    ("lines", "limit", "shown"),
    [
        ([], 10, ("", 0)),
        (["one", "two"], 8, ("one\ntwo", 0)),
        (["one", "two"], 7, ("one", 4)),
        (["a" * 300, "b"], 200, ("a" * 200 + "…", 303)),
        (["ok", json.dumps(list(range(500)))], 210, None),
        (["ok", '"' + "s" * 500 + '"'], 210, ("ok", 503)),
    ],
)
def test_output_is_cut_between_lines_and_json_as_a_value(
    lines: list[str], limit: int, shown: tuple[str, int] | None
) -> None:
    printed = cut.printed(lines, limit)
    if shown is not None:
        assert printed == shown
        return
    first, second = printed.text.split("\n")
    assert (first, json.loads(second)[-1]) == ("ok", "… 470 more")
    assert printed.left_out_bytes == len(lines[1]) + 1
