"""Ready-made workflows run in-process against a simulated CircleCI, their headers obeyed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.docs import guides
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.simulator.pytest_plugin import SimulatedCircleCI
from kosmo_circleci.workflows.header import parse
from tests.support.build_workflows import HERE, PROJECT

RunWorkflow = Callable[..., Run]


@pytest.fixture
def simulated() -> Any:
    """A simulated CircleCI of this test's own."""
    circleci = SimulatedCircleCI()
    with circleci.bridge:
        yield circleci


@pytest.fixture
def workflow(simulated: SimulatedCircleCI) -> RunWorkflow:
    """Run a ready-made workflow: `workflow("watch", {"branch": "main"}, plan=…)`.

    Arguments are text, as on a command line.
    """

    def run(name: str, args: Mapping[str, Any] | None = None, **options: Any) -> Run:
        path = guides.folder() / "workflows" / f"{name}.lua"
        code = path.read_text("utf-8")
        bound = parse(code, str(path)).bound(args or {}, lambda: HERE)
        return simulated.bridge.run(code, name=name, args=bound, **options)

    return run


@pytest.fixture
def trigger(simulated: SimulatedCircleCI) -> Callable[..., Any]:
    """Trigger a pipeline on a branch and let so many seconds pass: `trigger("fail/x", 60)`."""

    def start(branch: str, seconds: float = 0, **parameters: Any) -> Any:
        arguments = {"project_slug": PROJECT, "branch": branch, "parameters": parameters}
        pipeline = simulated.call("trigger_pipeline", arguments)
        simulated.advance(seconds)
        return pipeline

    return start


@pytest.fixture
def status_of(simulated: SimulatedCircleCI) -> Callable[[str], str]:
    """Return what CircleCI says of a workflow by its id."""
    return lambda workflow_id: simulated.call("get_workflow", {"workflow_id": workflow_id})[
        "status"
    ]


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
