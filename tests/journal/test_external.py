"""Calls to other servers: a value or a refusal is recorded, a lost write must be decided about."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
from journal_calls import recording

from kosmo_circleci.call.external import external_answer
from kosmo_circleci.errors import JournalError, NetworkError, ScriptError
from kosmo_circleci.journal.recording import Outcome
from kosmo_circleci.journal.start import Resume
from kosmo_circleci.mcp_client.journaled import journal_call

FAILED = Outcome(False, "eval:1: no", "runtime")
PARAMS: dict[str, Any] = {"name": "send", "arguments": {"text": "hi", "token": "hush-hush"}}
WRITE = journal_call("slack", "tools/call", "write", PARAMS, "app.mcp.slack.send")


def refuse() -> NoReturn:
    raise ScriptError("no such channel", function_name="app.mcp.slack.send")


def lose() -> NoReturn:
    raise NetworkError("the server has gone")


def unreachable() -> NoReturn:
    raise AssertionError("it was asked again")


def test_values_and_refusals_are_given_again(tmp_path: Path) -> None:
    first = recording(tmp_path / "j")
    assert external_answer(first, WRITE, lambda: {"ok": [1, None]}) == {"ok": [1, None]}
    with pytest.raises(ScriptError):
        external_answer(first, WRITE, refuse)
    first.finish(FAILED)
    first.close()
    second = recording(tmp_path / "j", Resume())
    assert external_answer(second, WRITE, unreachable) == {"ok": [1, None]}
    with pytest.raises(ScriptError, match="no such channel") as raised:
        external_answer(second, WRITE, unreachable)
    assert raised.value.function_name == "app.mcp.slack.send"


def test_a_write_whose_answer_was_lost_stops_the_resumed_run_and_shows_no_secret(
    tmp_path: Path,
) -> None:
    first = recording(tmp_path / "j")
    with pytest.raises(NetworkError):
        external_answer(first, WRITE, lose)
    first.finish(FAILED)
    first.close()
    with pytest.raises(JournalError) as raised:
        recording(tmp_path / "j", Resume())
    assert 'with {"text":"hi","token":"***"}, sent' in raised.value.message
    assert "hush-hush" not in raised.value.message
    resumed = recording(tmp_path / "j", Resume("skip"))
    assert external_answer(resumed, WRITE, unreachable) == {}
