"""Run: the outcome of a script, as Python and as JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run, failure

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(result=_json, output=st.text())
def test_the_envelope_is_one_line_of_json_that_says_what_the_run_says(
    result: JsonValue, output: str
) -> None:
    run = Run(True, output, jsonvalue.encode(result))
    text = run.to_json()

    assert "\n" not in text
    assert jsonvalue.decode(text) == run.to_dict()
    assert run.result == result


def test_the_envelope_has_the_fields_of_the_contract_in_its_order() -> None:
    record = CallRecord(
        "app.integrations.circleci.get_pipeline",
        "circleci_get_pipeline",
        "default",
        "read",
        "none",
        "ok",
        200,
        8.123,
        1,
        started_ms=3.0,
        arguments='{"pipeline_id":"p"}',
    )
    run = Run(True, "printed", "null", None, None, 12.34, 51234, 1, (record,))

    assert json.loads(run.to_json()) == {
        "success": True,
        "output": "printed",
        "result": None,
        "error": None,
        "error_type": None,
        "execution_time_ms": 12.3,
        "memory_usage": 51234,
        "call_count": 1,
        "call_log": [
            {
                "function": "app.integrations.circleci.get_pipeline",
                "tool": "circleci_get_pipeline",
                "account": "default",
                "kind": "read",
                "effect": "none",
                "status": "ok",
                "http_status": 200,
                "duration_ms": 8.1,
                "attempts": 1,
            }
        ],
        "meta": {
            "permission_bypassed": False,
            "simulated": False,
            "writes": {"done": 0, "refused": 0, "unknown": 0},
        },
    }
    assert list(json.loads(run.to_json())) == list(run.to_dict())


@pytest.mark.parametrize(
    ("run", "exit_code"),
    [
        (Run(True), 0),
        (failure("boom", "runtime"), 1),
        (failure("who?", "configuration"), 1),
        (failure("stopped", "interrupted"), 130),
        (Run(False, error_type="interrupted", signal_number=15), 143),
        (Run(False, script_exit_code=7), 7),
        (failure("give FILE", "usage"), 2),
    ],
)
def test_the_exit_code_follows_the_kind_of_error(run: Run, exit_code: int) -> None:
    assert run.exit_code == exit_code


def test_a_failed_run_tells_its_frames_and_a_log_that_was_written_is_kept() -> None:
    run = Run(False, error="boom", traceback=("eval:1: in main chunk",), log=("a", "b"))
    envelope = json.loads(run.to_json())

    assert (envelope["traceback"], envelope["log"]) == (["eval:1: in main chunk"], ["a", "b"])
    assert {"traceback", "log"}.isdisjoint(json.loads(Run(True).to_json()))


def test_what_was_bypassed_and_exit_codes_are_in_meta_only_where_they_are() -> None:
    run = Run(True, mcp_trust_bypassed=True, script_exit_code=0)

    assert run.meta == Run(True).meta | {"mcp_trust_bypassed": True, "exit_code": 0}
