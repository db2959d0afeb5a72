"""Fleets on Dask: a real cluster on this machine."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("dask_program.py")


def test_a_worker_that_dies_makes_no_write_happen_twice() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [row[0] for row in told["rows"]] == list(range(12))
    assert all(count == 1 for count in told["writes"].values())
    for item, success, written, unknown in told["rows"]:
        assert (written, unknown) == ((1, 0) if success else (0, 1))
        assert not success or str(item) in told["writes"]
    assert any(not row[1] for row in told["rows"])  # what the dead worker was doing


def test_a_scheduler_that_cannot_be_reached_and_a_local_cluster() -> None:
    kosmo = Path(sys.executable).with_name("kosmo")
    run = [kosmo, "run", "-e", "return item * 2", "--each", "-", "--simulate", "--executor"]
    refused = subprocess.run(
        [*run, "dask:tcp://127.0.0.1:1"], input="1\n", capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    assert (
        "error: --executor dask:tcp://127.0.0.1:1: the scheduler cannot be reached"
        in refused.stderr
    )
    local = subprocess.run(
        [*run, "dask:", "--jobs", "2"], input="1\n2\n", capture_output=True, text=True, timeout=90
    )
    rows = [json.loads(line) for line in local.stdout.splitlines()]
    results = {row["item"]: row["result"] for row in rows}
    assert (local.returncode, results) == (0, {"1": 2, "2": 4})
