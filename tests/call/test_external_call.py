"""A call to another server than CircleCI, as the log has it."""

import pytest

from kosmo_circleci.call.model import CallRecord, ExternalCall


@pytest.mark.parametrize(
    ("kind", "ok", "settled", "effect"),
    [
        ("read", True, True, "none"),
        ("read", False, False, "none"),
        ("write", True, True, "done"),
        ("write", False, True, "refused"),
        ("write", False, False, "unknown"),
    ],
)
def test_what_a_call_did_follows_from_its_kind_and_its_answer(
    kind: str, ok: bool, settled: bool, effect: str
) -> None:
    call = ExternalCall("app.mcp.s.echo", "echo", "s", kind, ok, 20.0, settled)  # type: ignore[arg-type]
    status = "ok" if ok else "error"
    assert call.to_record(50.0) == CallRecord(
        "app.mcp.s.echo", "echo", "s", kind, effect, status, None, 20.0, 1, 30.0
    )
