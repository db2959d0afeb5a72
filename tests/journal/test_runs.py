"""What a journal says about its runs."""

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from journal_calls import START, call, recording, response, send

from kosmo_circleci.errors import JournalError, NetworkError
from kosmo_circleci.journal.recording import Outcome
from kosmo_circleci.journal.runs import export_run, list_runs, prune_runs, show_run
from kosmo_circleci.journal.start import Resume

TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.journal"


def make(path: Path, outcome: Outcome | None, *statuses: int | None, script: str = "a.lua") -> str:
    """A run with a write per status (None: its answer was lost), which ended or is in progress."""
    run = recording(path, start=START._replace(script=script))
    for number, status in enumerate(statuses):
        answer = NetworkError("lost") if status is None else response({"n": number}, status)
        send(run, call(f"w{number}"), lambda _, answer=answer: answer)  # type: ignore[misc]
    send(run, call("read", "read"), lambda _: response())
    if outcome is not None:
        run.finish(outcome)
    run.flush()
    return run.run.id


FAILED = Outcome(False, "a.lua:3: no", "runtime", {"branch": "main"})


@pytest.mark.parametrize(
    ("outcome", "statuses", "writes", "rerun"),
    [
        (FAILED, (), (0, 0, 0), "safe"),
        (FAILED, (404, 422), (0, 2, 0), "safe"),
        (FAILED, (201, 404), (1, 1, 0), "resume"),
        (FAILED, (201, None), (1, 0, 1), "look"),
        (FAILED, (503,), (0, 0, 1), "look"),
        (Outcome(True), (201, 201), (2, 0, 0), "done"),
        (None, (201,), (1, 0, 0), "wait"),
    ],
)
def test_a_run_says_what_it_wrote_and_what_may_be_done_with_it(
    outcome: Outcome | None,
    statuses: tuple[int | None, ...],
    writes: tuple[int, int, int],
    rerun: str,
    path: Path,
) -> None:
    run_id = make(path, outcome, *statuses)
    shown = show_run(path)
    assert shown["id"] == run_id
    assert shown["writes"] == dict(zip(("done", "refused", "unknown"), writes, strict=True))
    assert shown["rerun"] == rerun
    assert shown["call_count"] == len(statuses) + 1


def test_a_run_is_shown_whole(path: Path) -> None:
    run_id = make(path, FAILED, 201)
    shown: Any = show_run(path, run_id, calls=True)
    assert TIME.fullmatch(shown.pop("started_at"))
    assert TIME.fullmatch(shown.pop("ended_at"))
    assert shown.pop("elapsed_s") >= 0
    write, read = shown.pop("calls")
    assert shown == {
        "id": run_id,
        "script": "a.lua",
        "script_sha256": START.sha256,
        "account": "default",
        "simulated": False,
        "arguments": {"branch": "main"},
        "plan": None,
        "processes": 1,
        "outcome": "failed",
        "error_type": "runtime",
        "error": "a.lua:3: no",
        "pid": None,
        "call_count": 2,
        "writes": {"done": 1, "refused": 0, "unknown": 0},
        "rerun": "resume",
    }
    assert TIME.fullmatch(write.pop("sent_at"))
    assert TIME.fullmatch(write.pop("answered_at"))
    assert write == {
        "sequence": 1,
        "function": "app.integrations.circleci.create_thing",
        "account": "default",
        "kind": "write",
        "effect": "done",
        "request": "POST /api/v2/thing",
        "arguments": {"name": "w0"},
        "state": "answered",
        "decision": None,
        "http_status": 201,
        "error": None,
    }
    assert (read["kind"], read["effect"]) == ("read", "none")


def test_runs_are_listed_newest_first_with_how_they_are_going(path: Path) -> None:
    died = make(path, None, 201)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET pid = 999999999")
    connection.close()
    failed, running = make(path, FAILED), make(path, None, script="b.lua")
    listed = list_runs(path)
    assert [(run["id"], run["script"], run["outcome"], run["pid"]) for run in listed] == [
        (running, "b.lua", "in progress", os.getpid()),
        (failed, "a.lua", "failed", None),
        (died, "a.lua", "died", None),
    ]
    assert show_run(path)["id"] == running


def test_a_lost_write_that_was_repeated_or_decided_about_is_not_unknown_any_more(
    path: Path,
) -> None:
    make(path, FAILED, None, None, 503, script="flow.lua")
    run = recording(path, Resume("repeat"))
    for number in (0, 1, 2):
        send(run, call(f"w{number}"), lambda _: response(status=201))
    run.finish(FAILED)
    assert show_run(path)["writes"] == {"done": 3, "refused": 0, "unknown": 0}
    make(path, FAILED, None, script="other.lua")
    recording(path, Resume("skip"), START._replace(script="other.lua")).finish(FAILED)
    assert show_run(path)["writes"] == {"done": 1, "refused": 0, "unknown": 0}


def test_a_write_that_is_lost_again_and_again_is_known_once_it_is_answered(path: Path) -> None:
    lost = NetworkError("lost")
    run = recording(path, start=START._replace(script="flow.lua"))
    for _ in range(3):
        send(run, call("put", is_repeatable=True), lambda _: lost)
        run.finish(FAILED)
        run.close()
        run = recording(path, Resume())
    send(run, call("put", is_repeatable=True), lambda _: response(status=201))
    run.finish(FAILED)
    assert show_run(path)["writes"] == {"done": 1, "refused": 0, "unknown": 0}


def test_an_export_has_the_run_and_every_call_with_its_answer(path: Path) -> None:
    run_id = make(path, FAILED, 201)
    run, write, read = export_run(path, run_id)
    assert run == {"type": "run", **show_run(path, run_id)}
    assert write["type"] == read["type"] == "call"
    assert write["answer"] == [
        {
            "status": 201,
            "headers": {"content-type": "application/json"},
            "attempts": 1,
            "retry_after_s": None,
            "body": '{"n": 0}',
        }
    ]


def test_pruning_keeps_the_newest_runs_and_those_in_progress(path: Path) -> None:
    running = make(path, None, 201)
    for _ in range(4):
        make(path, FAILED, 201)
    newest = make(path, FAILED, 201)
    before = path.stat().st_size
    assert prune_runs(path, keep=2) == 3
    kept = [run["id"] for run in list_runs(path)]
    assert (len(kept), kept[0], kept[-1]) == (3, newest, running)
    assert prune_runs(path, keep=0) == 2
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT count(*), count(DISTINCT run) FROM calls").fetchall()
    connection.close()
    assert rows == [(2, 1)]
    assert path.stat().st_size <= before


def test_an_unknown_run_and_an_empty_journal(path: Path) -> None:
    make(path, FAILED)
    with pytest.raises(JournalError, match=r"There is no run 'x' .* `kosmo runs:list .*` lists"):
        show_run(path, "x")
    assert prune_runs(path, keep=0) == 1
    assert list_runs(path) == []
    with pytest.raises(JournalError, match="There is no run in the journal"):
        show_run(path)
