"""The simulator over HTTP, as tests reach it: with curl, which knows nothing of it."""

import subprocess

from kosmo_circleci.simulator.server import ServerOptions
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

FAST = ServerOptions(port=0, speed=1000.0)
"""A thousand times as fast as real time."""

TOKEN = ("-H", f"Circle-Token: {SIMULATED_TOKEN}")


def curl(*arguments: str) -> tuple[int, str]:
    """Return the status and the body that curl got."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "-w",
            "\n%{http_code}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body
