"""download_logs: what the steps of a pipeline printed, a file each."""

from collections.abc import Callable
from pathlib import Path

import pytest
from build_workflows import names_under
from shipped import Simulation

from kosmo_circleci.run.envelope import Run

Workflow = Callable[..., Run]

FAILED_STEP = "41/test-98/0-103-Run-tests.log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


def test_every_step_that_printed_something_has_a_file(
    workflow: Workflow, folder: Path, circleci: Simulation
) -> None:
    run = workflow("download_logs", {"number": "42"}, files=folder)

    assert (run.error, run.exit_code) == (None, 0)
    names = names_under(folder)
    assert sorted(row["file"] for row in run.result) == names
    assert {name.split("/")[1] for name in names} == {"lint-101", "test-102", "deploy-103"}
    assert {"42/test-102/0-103-Run-tests.log", "42/test-102/1-103-Run-tests.log"} < set(names)
    for row in run.result:
        text = (folder / row["file"]).read_text("utf-8")
        assert text.count("\n") == row["lines"] > 0
        assert "\x1b" not in text


def test_the_log_of_a_failed_step_ends_in_the_reason(workflow: Workflow, folder: Path) -> None:
    run = workflow("download_logs", {"number": "41", "failed": "true"}, files=folder)

    assert [(row["file"], row["status"]) for row in run.result] == [(FAILED_STEP, "failed")]
    assert (folder / FAILED_STEP).read_text().splitlines()[-1].startswith("FAILED tests/")
    assert run.result_text == f"    18 lines  {FAILED_STEP}"


def test_a_second_start_writes_the_same_files(workflow: Workflow, folder: Path) -> None:
    first = workflow("download_logs", {"number": "41"}, files=folder)
    contents = {name: (folder / name).read_bytes() for name in names_under(folder)}
    second = workflow("download_logs", {"number": "41"}, files=folder)

    assert first.result == second.result
    assert contents == {name: (folder / name).read_bytes() for name in names_under(folder)}


@pytest.mark.parametrize(
    ("arguments", "folders"),
    [
        ({"only": "^(build|lint)$"}, {"44/build-107", "44/lint-109"}),
        ({"branch": "flaky/login", "only": "test"}, {"39/test-90", "39/test-95"}),
        ({"number": "42", "failed": "true"}, set()),
        ({"only": "nothing"}, set()),
    ],
)
def test_arguments_choose_the_pipeline_the_jobs_and_the_steps(
    arguments: dict[str, str], folders: set[str], workflow: Workflow, folder: Path
) -> None:
    run = workflow("download_logs", arguments, files=folder)

    assert (run.error, run.exit_code) == (None, 0)
    assert {str(Path(name).parent) for name in names_under(folder)} == folders
    if not folders:
        assert str(run.result_text).endswith("has no such log")


def test_a_branch_without_pipelines_is_an_error(workflow: Workflow, folder: Path) -> None:
    run = workflow("download_logs", {"branch": "mian"}, files=folder)

    assert run.exit_code == 1
    assert "has no pipeline on the branch mian" in str(run.error)
