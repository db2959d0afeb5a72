"""Calls as a journal takes them, and a run that makes them, for the tests of the journal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kosmo_circleci.call.journal import CallContent, CallJournal, JournalCall
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.journal.lifecycle import Start
from kosmo_circleci.journal.recording import Recording
from kosmo_circleci.journal.start import Resume, start_recording
from kosmo_circleci.masking import Mask

START = Start("flow.lua", "return 1")

OPENED: list[Recording] = []
"""Every recording of a test, for its end."""

Server = Callable[[JournalCall], ApiResponse | KosmoError]


def call(what: str, kind: Kind = "write", *, is_repeatable: bool = False) -> JournalCall:
    """A call of its own content, which `what` is."""
    return JournalCall(
        content=CallContent("create_thing", "default", "POST", "/api/v2/thing", (), {"name": what}),
        call_path="app.integrations.circleci.create_thing",
        kind=kind,
        request="POST /api/v2/thing",
        arguments=json.dumps({"name": what}),
        is_repeatable=is_repeatable or kind == "read",
    )


def response(body: Any = None, status: int = 200) -> ApiResponse:
    """An answer in JSON."""
    text = json.dumps(body if body is not None else {"ok": True})
    return ApiResponse(status, {"content-type": "application/json"}, text.encode())


def recording(
    path: Path, resume: Resume | None = None, start: Start = START, mask: Mask | None = None
) -> Recording:
    """A run in the journal at `path`."""
    run = start_recording(path, start, mask or Mask(), resume)
    OPENED.append(run)
    return run


def send(run: CallJournal, asked: JournalCall, server: Server) -> Any:
    """Make one call as a caller does: the JSON body of its answer, or what went wrong."""
    entry = run.begin(asked)
    if entry.answer is None:
        answer = server(asked)
        if isinstance(answer, KosmoError):
            run.failed(entry, answer, sent=True)
            return answer
        run.answered(entry, (answer,))
        return json.loads(answer.body)
    return json.loads(entry.answer[-1].body)
