"""`--each` through the real command: rows, summary, exit codes, files that a killed run leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.call.model import Writes
from kosmo_circleci.cli.fleet.options import parse_rate
from kosmo_circleci.cli.fleet.progress import PlainProgress, progress_line
from kosmo_circleci.fleet.rows import Summary

KOSMO = Path(sys.executable).with_name("kosmo")
RUN = ("integrations:lua", "--simulate")


def rows(text: str) -> list[dict[str, Any]]:
    return sorted(map(json.loads, text.splitlines()), key=lambda row: row["index"])


def test_a_row_for_each_input_and_a_summary(process: Any, tmp_path: Path) -> None:
    inputs = tmp_path / "projects.csv"
    inputs.write_text("slug,owner\ngh/example-org/example-repo,a\ngh/acme/nowhere,b\n")
    code = """
        print(item_index, item.owner)
        return app.integrations.circleci.get_project(item.slug).name
    """
    ended = process(*RUN, "-e", code, "--each", str(inputs))
    first, second = rows(ended.out)
    assert first == {
        "index": 1,
        "item": {"slug": "gh/example-org/example-repo", "owner": "a"},
        "success": True,
        "result": "example-repo",
        "output": "1\ta",
        "error": None,
        "error_type": None,
        "call_count": 1,
        "writes": {"done": 0, "refused": 0, "unknown": 0},
    }
    assert list(first) == [
        *("index", "item", "success", "result", "output", "error", "error_type"),
        *("call_count", "writes"),
    ]
    assert (second["success"], second["error_type"]) == (False, "api")
    assert (ended.code, ended.err) == (1, "2 inputs: 1 done, 1 failed; 2 calls\n")


def test_json_ends_with_one_envelope(process: Any, tmp_path: Path) -> None:
    inputs, out = tmp_path / "a.json", tmp_path / "rows.jsonl"
    inputs.write_text("[1, 2, 3]")
    options = ("--each", str(inputs), "--out", str(out), "--json")
    ended = process(*RUN, "-e", "return item", *options)
    assert (ended.code, ended.err) == (0, "")
    assert ended.json == {
        "success": True,
        "items": 3,
        "done": 3,
        "failed": 0,
        "unknown": 0,
        "skipped": 0,
        "call_count": 0,
        "writes": {"done": 0, "refused": 0, "unknown": 0},
        "error": None,
        "error_type": None,
    }
    assert [row["result"] for row in rows(out.read_text())] == [1, 2, 3]


def test_rows_are_appended_after_a_line_that_was_cut(process: Any, tmp_path: Path) -> None:
    inputs, out = tmp_path / "a.txt", tmp_path / "rows.jsonl"
    inputs.write_text("x\n")
    out.write_text('{"index": 1}\n{"ind')
    assert process(*RUN, "-e", "return 1", "--each", str(inputs), "--out", str(out)).code == 0
    lines = out.read_text().splitlines()
    assert lines[:2] == ['{"index": 1}', '{"ind']
    assert json.loads(lines[2])["item"] == "x"


def test_fail_fast_starts_nothing_after_a_failure(process: Any, tmp_path: Path) -> None:
    inputs = tmp_path / "a.txt"
    inputs.write_text("".join(f"{n}\n" for n in range(200)))
    ended = process(
        *(*RUN, "-e", "error('no')", "--each", str(inputs), "--jobs", "2", "--fail-fast")
    )
    assert ended.code == 1
    assert 1 <= len(rows(ended.out)) < 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--each", "missing.csv"], "--each missing.csv: No such file or directory."),
        (["--jobs", "2"], "--jobs needs --each INPUTS."),
        (["--fail-fast"], "--fail-fast needs --each INPUTS."),
        (["--each", "-", "--rate", "fast"], "'fast' is not a rate; give N/h, N/m or N/s, or none"),
        (["--each", "-", "--shard", "3/2"], "'3/2' is not a shard; give I/N"),
        (["--each", "-", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["--each", "-", "--executor", "x"], "--executor x: expected processes, threads"),
        (["--each", "-", "--repl"], "--repl and --each exclude each other: a prompt"),
        (["--each", "-", "--report", "r.html"], "--each and --report exclude each other:"),
        (["--each", "-", "--out", "/no/such/folder/x"], "--out /no/such/folder/x: No such file"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(
    process: Any, options: list[str], message: str
) -> None:
    code = [] if "--repl" in options else ["-e", "return 1"]
    ended = process(*RUN, *code, *options)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {message}")


def test_standard_input_is_either_the_script_or_the_inputs(process: Any) -> None:
    ended = process(*RUN, "--each", "-")
    assert ended.code == 2
    assert ended.err.startswith("error: Standard input has the inputs.")


def test_a_fault_in_the_inputs_ends_the_fleet_after_what_came_before(
    process: Any, tmp_path: Path
) -> None:
    inputs = tmp_path / "a.jsonl"
    inputs.write_text("1\n2\n{\n4\n")
    ended = process(*RUN, "-e", "return item", "--each", str(inputs))
    assert [row["item"] for row in rows(ended.out)] == [1, 2]
    assert ended.code == 2
    assert f"error: --each {inputs}:3: not JSON" in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_two_seconds_with_whole_rows(
    number: signal.Signals, tmp_path: Path
) -> None:
    inputs, out = tmp_path / "a.txt", tmp_path / "rows.jsonl"
    inputs.write_text("".join(f"{n}\n" for n in range(1000)))
    code = "if item_index > 4 then while true do end end return item"
    options = ["--each", inputs, "--out", out, "--jobs", "4"]
    command = [KOSMO, *RUN, "-e", code, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) as process:
        until = time.monotonic() + 30
        while not (out.exists() and out.read_text().count("\n") >= 4):
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.2)
        started = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        took_s = time.monotonic() - started
    assert took_s < 2
    assert process.returncode == 128 + number
    assert b"Interrupted by" in err
    told = rows(out.read_text())
    assert [row["item"] for row in told if row["success"]] == ["0", "1", "2", "3"]
    assert {row["error_type"] for row in told if not row["success"]} <= {"interrupted"}


def test_shards_of_one_list_make_up_the_whole(process: Any, tmp_path: Path) -> None:
    inputs = tmp_path / "a.txt"
    inputs.write_text("".join(f"item {n}\n" for n in range(20)))
    seen: list[str] = []
    for part in ("1/2", "2/2"):
        ended = process(*RUN, "-e", "return 1", "--each", str(inputs), "--shard", part)
        seen += [row["item"] for row in rows(ended.out)]
    assert sorted(seen) == sorted(f"item {n}" for n in range(20))


def test_rates_are_requests_in_a_time() -> None:
    texts = ("none", "5000/h", "100/m", "2.5/s")
    assert [parse_rate(text) for text in texts] == [None, 5000, 6000, 9000]
    for text in ("", "5", "0/h", "-1/h", "5/d", "x/h"):
        with pytest.raises(ValueError, match="is not a rate"):
            parse_rate(text)


def test_progress_tells_counts_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary(118, 2, calls=360, writes=Writes(done=4))
    text = "0:30 · 120 inputs: 118 done, 2 failed; 360 calls, 4 writes · 4.0/s · 1:30 left"
    assert progress_line(summary, 30.0, 0.25) == text
    now = iter([0.0, 5.0, 10.0, 15.0, 20.5])
    progress = PlainProgress(lambda: next(now))
    for _ in range(4):
        progress.update(Summary(1), None)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["0:10", "0:20"]
