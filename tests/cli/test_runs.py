"""runs:list, :show, :export, :prune: what a person and a program are told of recorded runs."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ended import Ended

from kosmo_circleci.journal.runs import list_runs

Kosmo = Callable[..., Ended]

WRITE = (
    "app.integrations.circleci.create_context({name = args.name, owner_id = 'org-uuid'}) "
    "if args.fail then error('no') end return args.name"
)


@pytest.fixture
def journal(tmp_path: Path, process: Kosmo) -> str:
    """A journal of a run that failed after a write, and of one that succeeded."""
    file = str(tmp_path / "j")
    run = ("run", "--simulate", "--force", "--journal", file, "-e", WRITE, "--arg")
    assert process(*run, "name=one", "--arg", "fail=1").code == 1
    assert process(*run, "name=two").code == 0
    return file


def test_runs_are_listed_newest_first(kosmo: Kosmo, journal: str) -> None:
    listed = kosmo("runs:list", journal)
    newest, oldest = list_runs(journal)
    lines = [line.split() for line in listed.out.splitlines()]
    assert lines[0] == ["run", "script", "started", "outcome", "calls", "done", "unknown", "rerun"]
    assert [(line[0], *line[5:]) for line in lines[1:]] == [
        (newest["id"], "succeeded", "1", "1", "0", "done"),
        (oldest["id"], "failed", "1", "1", "0", "resume"),
    ]
    as_json = json.loads(kosmo("runs:list", journal, "--json").out)
    assert as_json == {"success": True, "runs": [newest, oldest]}


def test_a_run_is_shown_with_what_to_do_next(kosmo: Kosmo, journal: str) -> None:
    oldest = str(list_runs(journal)[1]["id"])
    shown = kosmo("runs:show", journal, oldest, "--calls").out
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", shown)
    shown = re.sub(r"sha256 \w+", "sha256 HASH", re.sub(r"for    [\d.]+ s", "for    0 s", shown))
    assert shown == (
        f"run        {oldest}\n"
        "script     eval (sha256 HASH)\n"
        'arguments  {"name":"one","fail":"1"}\n'
        "account    default (simulated)\n"
        "started    TIME, ended TIME\n"
        "ran for    0 s, in 1 process(es)\n"
        "outcome    failed\n"
        "error      eval:1: no\n"
        "calls      1; writes: 1 done, 0 refused, 0 unknown\n"
        "rerun      resume: resume it with --resume: what was written is not written again\n"
        "     1  done    200       POST /api/v2/context  "
        '{"name":"one","owner_id":"org-uuid"}\n'
    )
    assert json.loads(kosmo("runs:show", journal, "--json").out)["run"]["rerun"] == "done"


def test_a_run_is_exported_line_by_line(kosmo: Kosmo, journal: str) -> None:
    run_id = str(list_runs(journal)[0]["id"])
    run, call = map(json.loads, kosmo("runs:export", journal, run_id).out.splitlines())
    assert (run["type"], run["id"], call["type"]) == ("run", run_id, "call")
    assert json.loads(call["answer"][0]["body"])["name"] == "two"


def test_old_runs_are_deleted(kosmo: Kosmo, journal: str) -> None:
    newest = list_runs(journal)[0]
    assert kosmo("runs:prune", journal, "--keep", "1").out == "1 run was deleted.\n"
    assert list_runs(journal) == [newest]
    pruned = kosmo("runs:prune", journal, "--keep", "1", "--json").out
    assert json.loads(pruned) == {"success": True, "deleted": 0}


def test_what_is_not_there_is_said(kosmo: Kosmo, journal: str, tmp_path: Path) -> None:
    assert kosmo("runs:show", journal, "nonsense") == (
        1,
        "",
        f"error: There is no run 'nonsense' in this journal. `kosmo runs:list {journal}` lists its "
        "runs.\n",
    )
    missing = kosmo("runs:list", str(tmp_path / "missing"))
    assert (missing.code, "does not exist" in missing.err) == (2, True)
    (tmp_path / "text").write_text("no journal")
    other = kosmo("runs:list", str(tmp_path / "text"), "--json")
    assert (other.code, json.loads(other.out)["error_type"]) == (1, "journal")
    kosmo("runs:prune", journal, "--keep", "0")
    assert kosmo("runs:list", journal).out == "There is no run in this journal.\n"
