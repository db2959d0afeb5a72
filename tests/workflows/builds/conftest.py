"""Ready-made workflows run in-process against a simulated CircleCI, their headers obeyed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from build_workflows import PROJECT
from shipped import Simulation

from kosmo_circleci.docs import guides
from kosmo_circleci.run.envelope import Run

RunWorkflow = Callable[..., Run]


@pytest.fixture
def workflow(circleci: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunWorkflow:
    """Run a ready-made workflow: `workflow("watch", {"branch": "main"}, plan=…)`.

    Arguments are text, as on a command line; the current folder is in no checkout.
    """
    monkeypatch.chdir(tmp_path)

    def run(name: str, args: Mapping[str, Any] | None = None, **options: Any) -> Run:
        path = guides.folder() / "workflows" / f"{name}.lua"
        return circleci.bridge.run_file(path, name=name, args=args, **options)

    return run


@pytest.fixture
def trigger(circleci: Simulation) -> Callable[..., Any]:
    """Trigger a pipeline on a branch and let so many seconds pass: `trigger("fail/x", 60)`."""

    def start(branch: str, seconds: float = 0, **parameters: Any) -> Any:
        arguments = {"project_slug": PROJECT, "branch": branch, "parameters": parameters}
        pipeline = circleci.call("trigger_pipeline", **arguments)
        circleci.transport.advance(seconds)
        return pipeline

    return start


@pytest.fixture
def status_of(circleci: Simulation) -> Callable[[str], str]:
    """Return what CircleCI says of a workflow by its id."""
    return lambda workflow_id: circleci.call("get_workflow", workflow_id=workflow_id)["status"]


@pytest.fixture
def planned(tmp_path: Path, workflow: RunWorkflow) -> Callable[..., list[str]]:
    """Run a workflow for its plan and return the functions it would call, in order."""
    from kosmo_circleci.journal.plan import read_plan

    def plan(name: str, args: Mapping[str, Any] | None = None) -> list[str]:
        file = tmp_path / "made.plan"
        run = workflow(name, args, plan=file)
        assert run.error is None
        assert run.success
        return [write.function.rpartition(".")[2] for write in read_plan(file).writes]

    return plan
