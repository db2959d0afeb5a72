"""A budget of requests that several processes share: the rate, and the pauses of a 429."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from kosmo_circleci.call.model import Account
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import LimitExceeded
from kosmo_circleci.transport.budget import Budget

DEFAULT = Account("default", "https://circleci.com", "t")
WORK = Account("work", "https://circleci.com", "t")


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, _deadline: Deadline, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def new(folder: Path, rate: float | None, clock: Clock) -> Budget:
    path = folder / "budget"
    Budget.create(path, rate)
    return Budget(path, clock)


def test_a_full_bucket_empties_at_once_and_fills_at_its_rate(tmp_path: Path) -> None:
    clock = Clock()
    budget = new(tmp_path, 3600, clock)
    for _ in range(3600):
        budget.acquire(DEFAULT, Deadline(), clock.sleep)
    assert clock.slept == []
    budget.acquire(DEFAULT, Deadline(), clock.sleep)
    budget.acquire(DEFAULT, Deadline(), clock.sleep)
    assert clock.slept == [1.0, 1.0]
    clock.now += 10
    for _ in range(10):
        budget.acquire(DEFAULT, Deadline(), clock.sleep)
    assert clock.slept == [1.0, 1.0]


def test_no_rate_is_no_limit(tmp_path: Path) -> None:
    clock = Clock()
    budget = new(tmp_path, None, clock)
    for _ in range(10_000):
        budget.acquire(DEFAULT, Deadline(), clock.sleep)
    assert clock.slept == []


def test_a_pause_holds_back_its_account_alone(tmp_path: Path) -> None:
    clock = Clock()
    budget = new(tmp_path, None, clock)
    budget.pause(DEFAULT, 7)
    budget.pause(DEFAULT, 3)  # does not shorten the longer one
    budget.acquire(WORK, Deadline(), clock.sleep)
    assert clock.slept == []
    budget.acquire(DEFAULT, Deadline(), clock.sleep)
    assert clock.slept == [7.0]


def test_a_run_that_ends_does_not_wait_for_its_turn(tmp_path: Path) -> None:
    budget = new(tmp_path, None, Clock())
    budget.pause(DEFAULT, 3600)
    with pytest.raises(LimitExceeded):
        budget.acquire(DEFAULT, Deadline(0.05), Deadline.sleep)


def test_the_file_is_for_its_user_alone_and_no_other_file_is_taken(tmp_path: Path) -> None:
    new(tmp_path, 1, Clock())
    assert (tmp_path / "budget").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").write_bytes(b"x" * 5000)
    with pytest.raises(OSError, match="not a budget"):
        Budget(tmp_path / "other")
    with pytest.raises(FileExistsError):
        Budget.create(tmp_path / "budget", 1)


COUNT = """
import sys, time
from pathlib import Path
from kosmo_circleci.call.model import Account
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.transport.budget import Budget
budget, account = Budget(Path(sys.argv[1])), Account("default", "https://circleci.com", "t")
count, until = 0, time.monotonic() + 1.0
try:
    while time.monotonic() < until:
        budget.acquire(account, Deadline(until - time.monotonic()), Deadline.sleep)
        count += 1
except Exception:
    pass
print(count)
"""


def test_processes_share_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "budget"
    Budget.create(path, 50)  # fifty, and then one every 72 seconds
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT, str(path)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    counts = [int(process.communicate(timeout=30)[0]) for process in processes]
    assert sum(counts) == 50


class _Limited(BaseHTTPRequestHandler):
    """Answers the second request with a 429 and keeps the time of each."""

    protocol_version = "HTTP/1.1"
    times: ClassVar[list[float]] = []
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            self.times.append(time.monotonic())
            limited = len(self.times) == 2
        body = b"{}" if limited else json.dumps({"login": "octo"}).encode()
        self.send_response(429 if limited else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if limited:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def limited() -> Iterator[str]:
    _Limited.times.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Limited)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_after_a_429_no_process_sends_before_the_pause_is_over(
    limited: str, tmp_path: Path
) -> None:
    inputs = tmp_path / "inputs.txt"
    inputs.write_text("".join(f"{n}\n" for n in range(12)))
    kosmo = Path(sys.executable).with_name("kosmo")
    code = "return app.integrations.circleci.get_current_user().login"
    command = [kosmo, "run", "-e", code, "--each", inputs, "--jobs", "2", "--json"]
    environ = os.environ | {"CIRCLECI_BASE_URL": limited, "CIRCLECI_TOKEN": "token-of-the-test"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["done"], done.returncode) == (12, 0)

    refused = _Limited.times[1]
    in_flight = [each for each in _Limited.times[2:] if each - refused < 0.3]
    after = [each for each in _Limited.times[2:] if each - refused >= 0.3]
    assert len(in_flight) <= 4  # what had left before the answer was read
    assert all(each - refused >= 0.95 for each in after)
