"""For random scripts a run equals a run that is interrupted anywhere and resumed.

The scripts are made of calls, branches of `flow.map`, loops over `pairs`, `pcall` and errors. A run
is interrupted in place of a request, which then is not sent: so a lost write may be repeated.
Requests in flight beside it are the subject of `test_killed_runs`; here one is sent at a time.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kosmo_circleci import Bridge
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

CONFIG: Mapping[str, Any] = {
    "integrations": {
        "circleci": {
            "permissions": {"read": "allow", "write": "allow"},
            "accounts": {"default": {"token": "token-0123456789"}},
        }
    }
}
GUARDED = "pcall(function() note(write(key)) %s end)"
NAMES = st.sampled_from(["a", "b", "c", "bad"])

CALLS = st.one_of(
    NAMES.map(lambda name: f"note(write('{name}'))"),
    NAMES.map(lambda name: f"note(read('{name}'))"),
    NAMES.map(lambda name: f"note(select(1, pcall(write, '{name}')))"),
    st.just("note(math.random(1, 100))"),
)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(" ".join)
    return st.one_of(
        blocks.map(lambda body: f"for _ = 1, 2 do {body} end"),
        blocks.map(lambda body: f"flow.map({{1, 2}}, function() {body} end, {{concurrency = 1}})"),
        # Which key is first differs from run to run, so no error may leave the loop.
        blocks.map(lambda body: f"for key in pairs({{x = 1, y = 2}}) do {GUARDED % body} end"),
        blocks.map(lambda body: f"note(select(1, pcall(function() {body} error('x') end)))"),
        blocks.map(lambda body: f"if read('a').n > 0 then {body} end"),
    )


SCRIPTS = st.lists(st.recursive(CALLS, nested, max_leaves=6), min_size=1, max_size=5).map(" ".join)
HEAD = """
local c, notes = app.integrations.circleci, {}
local function note(value) notes[json.encode(value)] = (notes[json.encode(value)] or 0) + 1 end
local function write(name) return c.api_post({path = "thing", body = {name = name}}) end
local function read(name) return c.api_get({path = "thing/" .. name}) end
"""


class Things:
    """Answers by content, so that a call sent twice is seen only in what was `sent`.

    In place of request number `breaks_at` the run is interrupted.
    """

    def __init__(self, breaks_at: int | None = None) -> None:
        self.sent: Counter[str] = Counter()
        self.deadline = Deadline()
        self._left = breaks_at

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self.deadline.cancel(Interrupted("killed"))
                raise TransportError("killed", surely_unsent=True)
        name = request.url.rpartition("/")[2]
        if request.method == "POST":
            name = json.loads(request.body or b"{}")["name"]
        self.sent[f"{request.method} {name}"] += 1
        status = 404 if name == "bad" else 200
        body = json.dumps({"name": name, "n": len(name), "message": "no"}).encode()
        return WireResponse(status, {"content-type": "application/json"}, body)

    def close(self) -> None:
        """Nothing is open."""


def run(code: str, things: Things, journal: str | None) -> Any:
    with Bridge(config=CONFIG, environ={}, transport=things) as bridge:
        if journal is None:
            return bridge.run(HEAD + code)
        return bridge.run(
            HEAD + code,
            name="random.lua",
            journal=journal,
            resume=True,
            unknown="repeat",
            deadline=things.deadline,
        )


def seed_free(outcome: Any) -> Any:
    """Leave out what is drawn by chance: another run draws otherwise."""
    if isinstance(outcome, dict):
        return {key: count for key, count in outcome.items() if not key.isdigit()}
    return outcome


@settings(max_examples=60, deadline=None)
@given(SCRIPTS, st.lists(st.integers(0, 12), max_size=4))
def test_a_run_equals_a_run_that_is_interrupted_anywhere_and_resumed(
    body: str, breaks: list[int]
) -> None:
    code = f"{body} return notes"
    whole = Things()
    expected = run(code, whole, None)
    sent: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        journal = str(Path(folder) / "j")
        outcome = None
        for breaks_at in [*breaks, None]:
            things = Things(breaks_at)
            outcome = run(code, things, journal)
            sent += things.sent
            if outcome.error_type != "interrupted":
                break
    assert outcome is not None
    assert (outcome.success, outcome.error_type) == (expected.success, expected.error_type)
    assert seed_free(outcome.result) == seed_free(expected.result)
    writes = {name: count for name, count in sent.items() if name.startswith("POST")}
    planned = {name: count for name, count in whole.sent.items() if name.startswith("POST")}
    assert writes == planned
