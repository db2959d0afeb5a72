"""`app.mcp.*` and `mcp.*` as scripts see them: calls of an extension, alone and in `flow.map`."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from listeners import Asking

from kosmo_circleci.call.context import RunContext
from kosmo_circleci.call.journal import CallContent, JournalCall
from kosmo_circleci.call.model import ExternalCall
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import NetworkError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.clock import Clock
from kosmo_circleci.lua.session import RunParts, Session
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent, GuardedListener
from kosmo_circleci.run.settings import RunSettings


class Slow:
    """An extension whose one tool takes a while, asks for permission and fails for 13."""

    def __init__(self) -> None:
        self.most = 0
        self.closed = False
        self._lock = threading.Lock()
        self._running = 0

    def call(self, name: str, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        content = CallContent("app.mcp.server.tool", "server", "tools/call", "")
        call = JournalCall(content, "app.mcp.server.tool", "write", "tools/call", "{}", False)
        context.permit("server.tool", "May I?", call)
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(0.05)
        with self._lock:
            self._running -= 1
        given = arguments[1]
        assert isinstance(given, dict)
        context.record(
            ExternalCall(
                "app.mcp.server.tool", "tool", "server", "write", ok=True, duration_ms=50.0
            )
        )
        if given["n"] == 13:
            raise NetworkError("the server has gone")
        if given["n"] == 14:
            raise ValueError("a fault of ours")
        return {"n": given["n"]}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def run(slow: Slow, asked: list[str]) -> Callable[[str], Run]:
    def ask(question: str) -> Consent:
        asked.append(question)
        return "run"

    def go(code: str) -> Run:
        def no_executor() -> Any:
            raise AssertionError("nothing goes to CircleCI")

        deadline = Deadline(20)
        settings = RunSettings(name="test", integrations=False)
        listener = GuardedListener(Asking(ask), deadline)
        caller = Caller(settings, listener, {}, Policy(), no_executor, deadline, Mask())
        parts = RunParts(load_catalog(), caller, listener, Clock(), lambda: slow)
        session = Session(settings, parts)
        done = session.run(code)
        session.close()
        return done

    return go


MAP = """
local list = {}
for n = 1, %d do list[n] = n end
local function call(n) return mcp.call("server.tool", {n = n}).n end
return flow.map(list, call, {concurrency = 20, errors = "%s"})
"""


def test_they_run_side_by_side_and_ask_once(
    run: Callable[[str], Run], slow: Slow, asked: list[str]
) -> None:
    done = run(MAP % (12, "raise"))

    assert (done.error, done.result) == (None, list(range(1, 13)))
    assert slow.most > 4
    assert asked == ["May I?"]
    assert done.call_count == 12
    assert slow.closed


def test_their_errors_are_those_of_the_branch(run: Callable[[str], Run]) -> None:
    done = run(MAP % (14, "collect"))

    assert done.error is None
    assert isinstance(done.result, list)
    assert done.result[:2] == [{"ok": True, "value": 1}, {"ok": True, "value": 2}]
    network, internal = done.result[12:]
    assert isinstance(network, dict)
    assert isinstance(internal, dict)
    assert network == {
        "ok": False,
        "error": {
            "type": "network",
            "message": "the server has gone",
            "attempts": 1,
            "index": 13,
        },
    }
    assert internal == {
        "ok": False,
        "error": {
            "type": "runtime",
            "message": "internal error: ValueError: a fault of ours",
            "index": 14,
        },
    }
