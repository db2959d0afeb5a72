"""The memory of the whole process that asks why a job with 200 steps and 50 MB of log failed."""

import json
import os
import subprocess
import sys

import pytest
from served import FAST

from kosmo_circleci.simulator.server import Server
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

MOST_BYTES = 150 * 1024 * 1024

# From a small process: what a process is started by counts into its maximum, and tests are large.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""

WHY = """
local c = app.integrations.circleci
local pipeline = c.trigger_pipeline({project_slug = "gh/example-org/example-repo", parameters = {
  simulate = "fail", simulate_steps = 200, simulate_log_bytes = 50000000, simulate_seconds = 1}})
flow.wait_pipeline(pipeline.id, {interval = 0.1})
local rows = flow.failures({pipeline_id = pipeline.id})
return {rows = #rows, has_logs = #rows[1].log > 0}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kibibytes on Linux alone")
def test_a_large_log_is_not_held_in_memory() -> None:
    pytest.importorskip("waitress")
    command = [sys.executable, "-m", "kosmo_circleci", "integrations:lua", "--force", "--json"]
    with Server(FAST).serving() as url:
        environment = os.environ | {"CIRCLECI_TOKEN": SIMULATED_TOKEN, "CIRCLECI_BASE_URL": url}
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, *command, "--timeout", "60", "--eval", WHY],
            capture_output=True,
            env=environment,
            check=True,
        )
    envelope, most_kib = json.loads(measured.stdout), int(measured.stderr)
    assert (envelope["error"], envelope["result"]) == (None, {"rows": 201, "has_logs": True})
    assert most_kib * 1024 < MOST_BYTES
