"""A resumed fleet: what succeeded is skipped, what did not is continued, no write goes twice."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import JournalError
from kosmo_circleci.fleet.inputs import Item
from kosmo_circleci.fleet.rows import Row
from kosmo_circleci.fleet.run import FleetSettings, opened
from kosmo_circleci.run.settings import JournalSettings, RunSettings
from kosmo_circleci.runtime import Runtime

CODE = """
    local circleci = app.integrations.circleci
    circleci.trigger_pipeline({project_slug = "gh/acme/web", branch = "first-" .. item})
    if circleci.get_project("gh/acme/gate").name ~= "open" then error("the gate is shut") end
    return circleci.trigger_pipeline({project_slug = "gh/acme/web", branch = "last-" .. item}).id
"""


class Api(BaseHTTPRequestHandler):
    """Counts the writes by branch; the gate is shut for the inputs in `shut`."""

    writes: ClassVar[Counter[str]] = Counter()
    reads: ClassVar[int] = 0
    shut_reads: ClassVar[int] = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.writes[body["branch"]] += 1
        self._answer({"id": body["branch"]})

    def do_GET(self) -> None:
        Api.reads += 1
        self._answer({"name": "shut" if Api.reads <= Api.shut_reads else "open"})

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def base() -> Iterator[Runtime]:
    Api.writes.clear()
    Api.reads = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    accounts = {"default": {"token": "token-of-the-test-01", "url": url}}
    runtime = Runtime(config={"integrations": {"circleci": {"accounts": accounts}}})
    yield runtime
    runtime.close()
    server.shutdown()
    server.server_close()


def run(
    base: Runtime, folder: Path, values: Iterable[str], *, resume: bool
) -> tuple[list[Row], int]:
    settings = RunSettings(
        name="fleet.lua", force=True, journal=JournalSettings(str(folder), resume=resume)
    )
    fleet = FleetSettings(jobs=1, rate_per_hour=None)
    with opened(CODE, settings, fleet, base=base, deadline=Deadline()) as running:
        items = [Item(index, value) for index, value in enumerate(values, 1)]
        return sorted(running.rows(items), key=lambda row: row.index), running.skipped


def test_what_succeeded_is_skipped_and_what_failed_is_continued(
    base: Runtime, tmp_path: Path
) -> None:
    folder = tmp_path / "journals"
    Api.shut_reads = 1
    rows, skipped = run(base, folder, ["a", "b"], resume=False)
    assert ([row.success for row in rows], skipped) == ([False, True], 0)
    assert Api.writes == {"first-a": 1, "first-b": 1, "last-b": 1}

    # The list has grown at its front, and has an equal input more.
    rows, skipped = run(base, folder, ["c", "b", "a", "b"], resume=True)
    assert [(row.item, row.success) for row in rows] == [("c", True), ("a", False), ("b", True)]
    assert skipped == 1
    assert Api.writes["first-a"] == 1  # its answer stands


def test_without_resume_everything_runs_again(base: Runtime, tmp_path: Path) -> None:
    Api.shut_reads = 0
    for _ in range(2):
        rows, skipped = run(base, tmp_path / "journals", ["a"], resume=False)
        assert ([row.success for row in rows], skipped) == ([True], 0)
    assert Api.writes == {"first-a": 2, "last-a": 2}


def test_a_folder_that_cannot_be_made_is_an_error_before_anything_is_sent(
    base: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="names a folder"):
        run(base, tmp_path / "file", ["a"], resume=False)
    assert Api.writes == {}
