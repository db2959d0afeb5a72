"""Time what a process of its own costs a script: the figures in SECURITY.md.

    python scripts/bench_isolation.py [--runs N]

Every figure is the median of runs that take turns. "cold" starts the process, "warm" finds it
waiting, "command" is `kosmo integrations:lua` from start to end, "python" is an interpreter that
does nothing.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.run.child import fork_child
from kosmo_circleci.run.worker import serve

CODE = "return 6 * 7"
COMMAND = (sys.executable, "-m", "kosmo_circleci", "integrations:lua", "--simulate", "-e", CODE)
IN_C = "string.rep('', 1 << 60)"
LIMIT_S = 0.1


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


@contextmanager
def simulated() -> Iterator[Bridge]:
    """A bridge that has run a script before, in this process."""
    with Bridge(simulate=True) as bridge:
        bridge.run(CODE)
        yield bridge


def cold_ms() -> float:
    """Start the process for one run."""
    with simulated() as bridge:
        return milliseconds(lambda: bridge.run(CODE, isolate=True))


def fork_ms() -> float:
    """Start a copy of this process, as the command does before it has loaded anything."""
    children = []
    taken = milliseconds(lambda: children.append(fork_child(serve)))
    children[0].kill()
    return taken


def overrun_ms() -> float:
    """End a script that hangs in C: the time beyond its limit."""
    limits = Limits(cpu_s=LIMIT_S)
    with simulated() as bridge:
        bridge.run(CODE, isolate=True)
        taken = milliseconds(lambda: bridge.run(IN_C, limits=limits, isolate=True))
    return taken - LIMIT_S * 1000


def command_ms(*command: str) -> float:
    """Run a command."""
    return milliseconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15, help="default 15")
    runs = parser.parse_args().runs
    with simulated() as bridge:
        bridge.run(CODE, isolate=True)
        figures: dict[str, Callable[[], float]] = {
            "a run in this process": lambda: milliseconds(lambda: bridge.run(CODE)),
            "a run with isolate=True, warm": lambda: milliseconds(
                lambda: bridge.run(CODE, isolate=True)
            ),
            "a run with isolate=True, cold": cold_ms,
            "starting a process by fork": fork_ms,
            "a script that hangs in C: time beyond its limit": overrun_ms,
            "the command": lambda: command_ms(*COMMAND),
            "python that does nothing": lambda: command_ms(sys.executable, "-c", ""),
        }
        taken: dict[str, list[float]] = {name: [] for name in figures}
        for _ in range(runs):
            for name, measure in figures.items():
                taken[name].append(measure())
    for name, values in taken.items():
        print(f"{name:<50} {statistics.median(values):8.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
