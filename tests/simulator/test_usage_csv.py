"""The file of a usage export: a row for each job that ran, with all columns, by its URL alone."""

import csv
import gzip
import io
from collections.abc import Callable
from typing import Any

from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.simulator.usage_csv import COLUMNS
from kosmo_circleci.transport.wire import WireRequest, WireResponse

Ask = Callable[..., tuple[int, Any]]

EXPORTS = "/organizations/org-uuid/usage_export_job"


def fetch(simulator: SimulatorTransport, url: str) -> WireResponse:
    return simulator.send(WireRequest("GET", url, {}))


def url_of(ask: Ask, simulator: SimulatorTransport, start: str, end: str) -> str:
    export = ask("POST", EXPORTS, {"start": start, "end": end})[1]
    simulator.advance(20)
    done = ask("GET", f"{EXPORTS}/{export['usage_export_job_id']}")[1]
    [url] = done["download_urls"]
    return str(url)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(content).decode())))


def test_a_file_has_a_row_for_each_job_of_its_time(ask: Ask, simulator: SimulatorTransport) -> None:
    url = url_of(ask, simulator, "2025-01-14T00:00:00Z", "2025-01-15T00:00:00Z")
    assert url.startswith("https://s3.amazonaws.com/")
    answer = fetch(simulator, url)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/gzip")
    rows = rows_of(answer.body)
    assert tuple(rows[0]) == COLUMNS
    jobs = [(row["PROJECT_NAME"], row["PIPELINE_NUMBER"], row["JOB_NAME"]) for row in rows]
    assert jobs == [
        *(("example-repo", "40", name) for name in ("lint", "test", "deploy")),
        *(("another-repo", "4", name) for name in ("lint", "test", "deploy")),
        *(("another-repo", "5", name) for name in ("lint", "test")),
    ]
    failed = rows[5]
    keys = ("JOB_BUILD_STATUS", "IS_WORKFLOW_SUCCESSFUL", "JOB_RUN_SECONDS", "DLC_CREDITS")
    assert [failed[key] for key in keys] == ["failed", "false", "5", "\\N"]


def test_every_field_is_quoted(ask: Ask, simulator: SimulatorTransport) -> None:
    url = url_of(ask, simulator, "2025-01-14T00:00:00Z", "2025-01-15T00:00:00Z")
    text = gzip.decompress(fetch(simulator, url).body).decode()
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
    assert text.count('"') == 2 * len(COLUMNS) * len(text.splitlines())


def test_a_url_fits_one_file_alone(ask: Ask, simulator: SimulatorTransport) -> None:
    url = url_of(ask, simulator, "2025-01-14T00:00:00Z", "2025-01-15T00:00:00Z")
    for bad in (url[:-1] + "x", url.partition("?")[0], url.replace("org-uuid", "another-org-uuid")):
        assert fetch(simulator, bad).status == 403


def test_a_simulator_on_this_machine_serves_its_files_itself(
    simulator: SimulatorTransport,
) -> None:
    token = {"Circle-Token": "simulated-token"}
    address = "http://127.0.0.1:8765"
    url = f"{address}/api/v2{EXPORTS}/usage-export-uuid"
    answer = simulator.send(WireRequest("GET", url, token))
    assert f'"{address}/circleci-usage-exports/usage-export-uuid/'.encode() in answer.body
    url = f"{address}/api/v3/jobs/failed-job-uuid/artifacts"
    artifacts = simulator.send(WireRequest("GET", url, token)).body
    assert f'"{address}/output/job/failed-job-uuid/artifacts/0/'.encode() in artifacts
