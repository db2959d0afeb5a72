"""SIGKILL at random moments, of the command and of the script's process: no write is made twice."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kill_driver import PLANNED

from kosmo_circleci.journal.runs import list_runs

SUPPORT = Path(__file__).parents[1] / "support"
KILLS = 25


@pytest.fixture
def port() -> Iterator[int]:
    command = [sys.executable, str(SUPPORT / "counting_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.stdin.close()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_killed_run_is_resumed_without_a_write_made_twice(
    seed: int, port: int, tmp_path: Path
) -> None:
    journal = tmp_path / "killed.journal"
    arguments = map(str, (SUPPORT / "kill_driver.py", journal, port, seed, KILLS))
    ended = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    report = json.loads(ended.stdout)
    with urlopen(f"http://127.0.0.1:{port}/counts") as answer:
        counts = Counter(json.load(answer))
    assert sum(report["killed"].values()) == KILLS
    assert min(report["killed"].values()) > KILLS // 4
    for run, decided in report["runs"].items():
        assert wrong_counts(run, decided, counts) == {}
    assert {(run["outcome"], run["writes"]["unknown"]) for run in list_runs(journal)} == {
        ("succeeded", 0)
    }


def wrong_counts(run: str, decided: dict[str, list[str]], counts: Counter[str]) -> dict[str, Any]:
    """Return the items that were written more or less often than the script and the user said.

    A write the user chose to repeat may have happened before; one they took as done may have not.
    """
    repeated, skipped = Counter(decided["repeated"]), Counter(decided["skipped"])
    wrong: dict[str, Any] = {}
    for name, times in PLANNED.items():
        written = counts[f"POST {run}/{name}"]
        if not times - skipped[name] <= written <= times + repeated[name]:
            wrong[name] = (written, times, repeated[name], skipped[name])
    for index in range(1, 5):  # these are repeated without asking
        name = f"PUT {run.replace('-', '_')}_{index}"
        if counts[name] < 1:
            wrong[name] = counts[name]
    return wrong
