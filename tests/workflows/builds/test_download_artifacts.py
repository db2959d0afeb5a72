"""download_artifacts: the files a pipeline's jobs stored, each once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from build_workflows import names_under

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]

OF_44 = [
    "44/build-107/0/logs/build.log",
    "44/lint-109/0/logs/lint.log",
    "44/test-108/0/coverage/index.html",
    "44/test-108/0/logs/test.log",
    "44/test-108/0/test-results/results.xml",
]

RESULTS_OF_42 = [f"42/test-102/{n}/test-results/results.xml" for n in (0, 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "artifacts"
    path.mkdir()
    return path


def test_every_artifact_of_every_job_is_downloaded(workflow: Workflow, folder: Path) -> None:
    run = workflow("download_artifacts", files=folder)

    assert (run.error, run.exit_code) == (None, 0)
    assert names_under(folder) == OF_44
    assert sorted(row["file"] for row in run.result) == OF_44
    assert {row["result"] for row in run.result} == {"downloaded"}
    assert "<testsuite" in (folder / OF_44[4]).read_text()
    assert f"downloaded  {OF_44[0]}" in str(run.result_text).splitlines()


def test_a_second_start_downloads_what_is_missing_alone(workflow: Workflow, folder: Path) -> None:
    workflow("download_artifacts", files=folder)
    (folder / OF_44[0]).unlink()
    (folder / OF_44[1]).write_text("as it was")

    run = workflow("download_artifacts", files=folder)
    results = {row["file"]: row["result"] for row in run.result}

    assert results == {name: "kept" for name in OF_44} | {OF_44[0]: "downloaded"}
    assert (folder / OF_44[1]).read_text() == "as it was"

    again = workflow("download_artifacts", {"again": "yes"}, files=folder)
    assert {row["result"] for row in again.result} == {"downloaded"}
    assert (folder / OF_44[1]).read_text() != "as it was"


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ({"only": "^test$", "paths": r"\.(xml|html)$"}, [OF_44[2], OF_44[4]]),
        ({"number": "42", "paths": "xml"}, RESULTS_OF_42),
        ({"branch": "flaky/login", "only": "lint"}, ["39/lint-89/0/logs/lint.log"]),
        ({"only": "nothing"}, []),
    ],
)
def test_arguments_choose_the_pipeline_the_jobs_and_the_paths(
    arguments: dict[str, str], files: list[str], workflow: Workflow, folder: Path
) -> None:
    run = workflow("download_artifacts", arguments, files=folder)

    assert (run.error, names_under(folder)) == (None, files)


def test_nothing_to_download_is_no_failure_and_says_so(workflow: Workflow, folder: Path) -> None:
    run = workflow("download_artifacts", {"paths": "nothing"}, files=folder)

    assert (run.exit_code, run.result) == (0, [])
    assert run.result_text == "pipeline 44 of gh/example-org/example-repo has no such artifact"


def test_what_cannot_be_downloaded_is_named_and_the_rest_is_there(
    workflow: Workflow, folder: Path
) -> None:
    (folder / OF_44[0]).mkdir(parents=True)

    run = workflow("download_artifacts", files=folder)

    failed = [row for row in run.result if row["result"] == "failed"]
    assert (run.error, run.exit_code) == (None, 1)
    assert [row["file"] for row in failed] == [OF_44[0]]
    assert failed[0]["error"]
    assert names_under(folder) == OF_44[1:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"branch": "mian"}, "has no pipeline on the branch mian. Name another: --arg branch=…"),
        ({"number": "4711"}, "CircleCI API error (404): Pipeline not found"),
    ],
)
def test_a_pipeline_that_is_not_there_is_an_error(
    arguments: dict[str, str], message: str, workflow: Workflow, folder: Path
) -> None:
    run = workflow("download_artifacts", arguments, files=folder)

    assert run.exit_code == 1
    assert message in str(run.error)


@pytest.mark.parametrize("name", ["download_artifacts", "download_logs"])
def test_without_a_folder_the_error_names_the_option(name: str, workflow: Workflow) -> None:
    run: Any = workflow(name)

    assert (run.exit_code, run.call_count) == (1, 0)
    assert run.error == "no folder to write to. Give one that exists: --files DIR"
