"""usage_report: an export is started, waited for, and its files are named."""

import gzip
from pathlib import Path

import pytest

from tests.support.shipped import ORG, Simulation, run_workflow, write_count


def test_an_export_is_started_and_waited_for(circleci: Simulation) -> None:
    run = run_workflow(circleci, "usage_report", org=ORG)

    [row] = run.result
    assert (run.error, row["state"], "file" in row) == (None, "completed", False)
    assert row["url"].startswith("https://s3.amazonaws.com/circleci-usage-exports/")
    assert (row["from"], row["to"]) == ("2024-12-16T10:00:05Z", "2025-01-15T09:59:05Z")
    assert write_count(run) == 1


def test_the_text_has_no_url_since_a_url_is_a_credential(circleci: Simulation) -> None:
    run = run_workflow(circleci, "usage_report", org=ORG)

    assert "https://" not in str(run.result_text)
    assert "gzip CSV, files: 1." in str(run.result_text)


def test_with_a_folder_the_files_are_downloaded_into_it(
    circleci: Simulation, tmp_path: Path
) -> None:
    run = run_workflow(circleci, "usage_report", org=ORG, files=tmp_path)

    [row] = run.result
    assert run.result_text == f"Downloaded {row['file']}."
    table = gzip.decompress((tmp_path / row["file"]).read_bytes()).decode()
    assert table.startswith('"ORGANIZATION_ID","ORGANIZATION_NAME",')


def test_a_plan_downloads_nothing(circleci: Simulation, tmp_path: Path) -> None:
    folder = tmp_path / "usage"
    folder.mkdir()

    run = run_workflow(
        circleci, "usage_report", org=ORG, files=folder, plan=tmp_path / "usage.plan"
    )

    assert (run.error, list(folder.iterdir())) == (None, [])


def test_an_export_of_before_is_only_read(circleci: Simulation) -> None:
    run = run_workflow(circleci, "usage_report", org=ORG, export="usage-export-uuid")

    assert [row["export"] for row in run.result] == ["usage-export-uuid"]
    assert (write_count(run), run.call_count) == (0, 2)


def test_an_end_in_the_future_is_now(circleci: Simulation) -> None:
    run = run_workflow(
        circleci, "usage_report", org=ORG, **{"from": "2025-01-01", "to": "2025-01-31"}
    )

    assert run.result[0]["to"].startswith("2025-01-15T09:59")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            {"from": "2024-10-01", "to": "2024-12-01"},
            "An export covers at most 31 days: say --arg to=2024-11-01T00:00:00Z",
        ),
        ({"from": "2025-01-10", "to": "2025-01-01"}, "The end must be after the start"),
        ({"from": "yesterday"}, "yesterday"),
        ({"export": "no-such-export"}, "CircleCI API error (404): Usage export not found"),
        ({"timeout": 1}, "The export is not ready after 1 s. Go on waiting: --arg export="),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    circleci: Simulation, arguments: dict[str, object], error: str
) -> None:
    run = run_workflow(circleci, "usage_report", **({"org": ORG} | arguments))

    assert error in str(run.error)
    assert write_count(run) == ("timeout" in arguments)
