"""Results that are kept: whose, how many, and as what text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.agent.kept_results import KeptResults
from kosmo_circleci.jsonvalue import encode


def test_a_client_finds_its_own_results_only() -> None:
    results = KeptResults()
    kept = results.add("ann", "[1]")
    assert kept is not None
    assert results.get("ann", kept.result_id) == kept
    assert results.get("bob", kept.result_id) is None
    assert (results.of("ann"), results.of("bob")) == ([kept], [])


def test_the_oldest_results_go_first_and_what_is_too_large_is_not_kept() -> None:
    results = KeptResults(limit_bytes=10)
    first = results.add("a", "[111]")
    assert first is not None
    results.add("a", "[222]")
    results.add("a", "[333]")
    assert [each.text for each in results.of("a")] == ["[222]", "[333]"]
    assert results.get("a", first.result_id) is None
    assert results.add("a", "[12345678901]") is None
    assert len(results.of("a")) == 2


def test_a_script_gets_the_results_that_it_names() -> None:
    results = KeptResults()
    first, second = results.add("a", "1"), results.add("a", "2")
    assert first is not None
    assert second is not None
    code = f"return results.{first.result_id}"
    assert results.named_in("a", code) == {first.result_id: "1"}
    assert results.named_in("a", "return results[args.id]", f'{{"id":"{second.result_id}"}}') == {
        second.result_id: "2"
    }
    assert results.named_in("b", code) == {}


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False), st.lists))
def test_a_kept_text_is_the_same_json_in_ascii(value: object) -> None:
    kept = KeptResults().add("a", encode(value))  # type: ignore[arg-type]
    assert kept is not None
    assert kept.text.isascii()
    assert json.loads(kept.text) == value
