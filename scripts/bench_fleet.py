"""Time `--each`: inputs a second against the ideal, CPU for each, and the parent's memory.

    python scripts/bench_fleet.py [--items N]

The server is a process of this script on loopback that answers after 20 ms; the ideal is `jobs /
0.02 s`, until the cores are busy. Memory is measured for a tenth of the inputs and for all: it must
not grow with them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench import KOSMO, bench_environ, server

JOBS: Final = 16
DELAY_S: Final = 0.02
CALL: Final = "return app.integrations.circleci.get_pipeline({pipeline_id = '20'}).number"


class Measured(NamedTuple):
    """One fleet: wall clock, CPU of all its processes, and the parent's peak memory."""

    seconds: float
    cpu_s: float
    parent_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    items = parser.parse_args().items
    with server() as origin, tempfile.TemporaryDirectory() as home:
        environ = bench_environ(home, origin)
        few, many = (measured(CALL, count, environ) for count in (items // 10, items))
        idle = measured("return 1", items, environ)
    ideal = JOBS / DELAY_S
    print(f"{items} inputs of one 20 ms call: {items / many.seconds:.0f}/s, ideal {ideal:.0f}/s")
    print(f"  CPU of each: {1000 * many.cpu_s / items:.1f} ms, on {os.cpu_count()} cores")
    print(
        f"  parent: {few.parent_mib:.0f} MiB for {items // 10}, {many.parent_mib:.0f} for {items}"
    )
    print(f"{items} inputs without a call: {items / idle.seconds:.0f}/s")


def measured(code: str, items: int, environ: dict[str, str]) -> Measured:
    """Run one fleet and return what it took."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.txt"
        inputs.write_text("".join(f"{n}\n" for n in range(items)))
        options = ["--jobs", str(JOBS), "--rate", "none", "--out", f"{folder}/rows.jsonl"]
        command = [str(KOSMO), "run", "-e", code, "--each", str(inputs), *options]
        before = os.times()
        started = time.perf_counter()
        peak = 0
        with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                peak = max(peak, peak_memory_kib(process.pid))
                time.sleep(0.05)
        seconds = time.perf_counter() - started
        after = os.times()
        if process.returncode:
            sys.exit(f"the fleet failed with {process.returncode}")
        used = after.children_user + after.children_system
        return Measured(seconds, used - before.children_user - before.children_system, peak / 1024)


def peak_memory_kib(pid: int) -> int:
    """Return the peak resident memory of a process, 0 when it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(next(lines, "VmHWM: 0 kB").split()[1])


if __name__ == "__main__":
    main()
