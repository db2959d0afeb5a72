"""Statuses of the world as API v3 tells them: a phase, and an outcome at its end."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from kosmo_circleci.simulator.entities import Pipeline, Workflow
from kosmo_circleci.simulator.progress import JobProgress, WorkflowProgress
from kosmo_circleci.simulator.world import World

_OUTCOMES: Final[Mapping[str, str]] = {
    "success": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
    "not_run": "not_run",
    "timedout": "timedout",
    "infrastructure_fail": "infrastructure_fail",
}
"""Final status of a job or workflow in API v2 -> its outcome in v3."""

_JOB_PHASES: Final[Mapping[str, str]] = {
    "blocked": "created",
    "queued": "queued",
    "running": "started",
    "on_hold": "started",
}


class Phase(NamedTuple):
    """How far something is: its phase, its outcome once it has ended, and its outcome so far."""

    phase: str
    outcome: str | None
    current_outcome: str | None


class RunState(NamedTuple):
    """A run: the word of `pipeline.status` in filters, its phase, and its outcome so far."""

    status: str
    phase: str
    current_outcome: str | None


def job_phase(progress: JobProgress) -> Phase:
    """Return the phase of a job."""
    outcome = _OUTCOMES.get(progress.status)
    if outcome is not None:
        return Phase("ended", outcome, outcome)
    return Phase(_JOB_PHASES[progress.status], None, None)


def workflow_phase(progress: WorkflowProgress) -> Phase:
    """Return the phase of a workflow."""
    outcome = _OUTCOMES.get(progress.status)
    if outcome is not None:
        return Phase("ended", outcome, outcome)
    return Phase("started", None, "failed" if progress.status == "failing" else "succeeded")


def run_state(world: World, pipeline: Pipeline) -> RunState:
    """Return the state of a run: that of its workflows, of which a rerun replaces an older one."""
    if pipeline.trouble is not None:
        return RunState("error", "ended", "errored")
    latest: dict[str, Workflow] = {}
    for workflow in world.workflows_of(pipeline):
        latest[workflow.name] = workflow
    statuses = [each.progress(world.now_s).status for each in latest.values()]
    waits = pipeline.continuation_key is not None and pipeline.continued_s is None
    return _state(statuses, waits=waits)


def _state(statuses: Sequence[str], *, waits: bool) -> RunState:
    active = [each for each in statuses if each not in _OUTCOMES]
    failed = "failed" in statuses or "failing" in statuses
    if active or waits or not statuses:
        if failed:
            return RunState("failing", "started", "failed")
        on_hold = bool(active) and set(active) == {"on_hold"}
        return RunState("on_hold" if on_hold else "running", "started", "succeeded")
    if failed:
        return RunState("failed", "ended", "failed")
    if "canceled" in statuses:
        return RunState("canceled", "ended", "canceled")
    return RunState("success", "ended", "succeeded")
