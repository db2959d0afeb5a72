"""Time the start of `kosmo mcp:serve`: from the process's start to the answer to `initialize`.

    python scripts/bench_mcp.py [--runs N] [--official PATH] [--strict]

PATH is `dist/index.js` of the npm package @circleci/mcp-server-circleci, which is then run by node
in turns with ours, so that a busy moment hits both; the budget is 0.7 of its time. Without it, ours
is timed alone. Nothing is fetched. `--strict` exits 1 if the budget is exceeded.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BUDGET: Final = 0.7
KOSMO: Final = Path(sys.executable).with_name("kosmo")
PATIENCE_S: Final = 30

_INITIALIZE: Final = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    }
)


def start_ms(command: Sequence[str]) -> float:
    """Start a server, wait for its answer to `initialize`, end it; return the milliseconds."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"CIRCLECI_TOKEN": "unused"},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(_INITIALIZE.encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        elapsed_ms = (time.perf_counter() - began) * 1000
        assert "serverInfo" in answer["result"], answer
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
    return elapsed_ms


def compare(runs: int, official: str | None) -> tuple[float, float | None]:
    """Return the median milliseconds of our server, and of the official one where there is one."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(runs + 1):
        ours.append(start_ms([str(KOSMO), "mcp:serve"]))
        if official is not None:
            theirs.append(start_ms(["node", official]))
    # The first run of each fills the system's caches.
    return statistics.median(ours[1:]), statistics.median(theirs[1:]) if theirs else None


def main() -> int:
    """Print what was measured; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--official", metavar="PATH")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    ours, theirs = compare(options.runs, options.official)
    print(f"kosmo mcp:serve answers initialize after       {ours:7.1f} ms")
    if theirs is None:
        return 0
    within = ours <= BUDGET * theirs
    print(f"@circleci/mcp-server-circleci after            {theirs:7.1f} ms")
    print(f"ratio {ours / theirs:.2f}, budget {BUDGET}: {'ok' if within else 'OVER'}")
    return 0 if within or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
