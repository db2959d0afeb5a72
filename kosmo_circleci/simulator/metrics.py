"""What insights are made of: the runs of workflows and jobs that ended, and figures about them.

Everything is computed from the runs that exist. Durations are whole simulated seconds; a credit is
what a medium Docker executor costs: 10 a minute, for each parallel run.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.entities import Job, Project, Workflow
from kosmo_circleci.simulator.progress import FAILURES, JobProgress, WorkflowProgress
from kosmo_circleci.simulator.world import World

DAY_S: Final = 86_400

_CREDITS_A_MINUTE: Final = 10


class Run(Protocol):
    """A run of a workflow or of a job that ended."""

    @property
    def status(self) -> str: ...
    @property
    def began_s(self) -> int: ...
    @property
    def ended_s(self) -> int: ...
    @property
    def credits(self) -> int: ...


class WorkflowRun(NamedTuple):
    """A workflow that ended."""

    workflow: Workflow
    progress: WorkflowProgress
    status: str
    began_s: int
    ended_s: int
    credits: int


class JobRun(NamedTuple):
    """A job that started and ended."""

    workflow: Workflow
    job: Job
    progress: JobProgress
    status: str
    began_s: int
    ended_s: int
    credits: int


class Window(NamedTuple):
    """The time that figures are about: runs that began in it."""

    start_s: int
    end_s: int

    @property
    def days(self) -> float:
        """Its length; never less than one day, so that a rate per day stays meaningful."""
        return max(1.0, (self.end_s - self.start_s) / DAY_S)

    @property
    def before(self) -> "Window":
        """The window of the same length that ended when this one began."""
        return Window(2 * self.start_s - self.end_s, self.start_s)


def workflow_runs(
    world: World,
    project: Project,
    window: Window,
    *,
    name: str | None = None,
    branch: str | None = None,
) -> list[WorkflowRun]:
    """Return the project's ended workflows of the window, the newest first.

    `name` and `branch` keep those of one workflow, of one branch; None keeps all.
    """
    runs = [
        run
        for workflow in world.workflows.values()
        if workflow.pipeline.project is project
        and name in (None, workflow.name)
        and branch in (None, workflow.pipeline.branch)
        and window.start_s <= workflow.created_s <= window.end_s
        and (run := _workflow_run(workflow, world.now_s)) is not None
    ]
    return sorted(runs, key=lambda run: -run.began_s)


def job_runs(runs: Sequence[WorkflowRun], *, name: str | None = None) -> list[JobRun]:
    """Return the jobs that ran in these workflows; a job that a rerun took over counts once."""
    return [
        each
        for run in runs
        for each in _job_runs(run.workflow, run.progress)
        if name in (None, each.job.plan.name) and each.job.plan.ran is None
    ]


def success_rate(runs: Sequence[Run]) -> float:
    """Return the successful part of the runs, from 0.0 to 1.0; 0.0 if there are none."""
    return round(count(runs, "success") / len(runs), 4) if runs else 0.0


def count(runs: Sequence[Run], status: str) -> int:
    """Return how many of the runs ended with `status`."""
    return sum(run.status == status for run in runs)


def count_failures(runs: Sequence[Run]) -> int:
    """Return how many of the runs failed, in whatever way."""
    return sum(run.status in FAILURES for run in runs)


def throughput(runs: Sequence[Run], window: Window) -> float:
    """Return how many runs there were a day."""
    return round(len(runs) / window.days, 4)


def credits_used(runs: Sequence[Run]) -> int:
    """Return the credits of all the runs."""
    return sum(run.credits for run in runs)


def durations(runs: Sequence[Run]) -> list[int]:
    """Return how long each run took, sorted."""
    return sorted(run.ended_s - run.began_s for run in runs)


def duration_metrics(runs: Sequence[Run]) -> dict[str, JsonValue]:
    """Return minimum, mean, median, 95th percentile, maximum and deviation; zeros without runs."""
    seconds = durations(runs) or [0]
    return {
        "min": seconds[0],
        "mean": round(statistics.mean(seconds)),
        "median": round(statistics.median(seconds)),
        "p95": percentile_95(seconds),
        "max": seconds[-1],
        "standard_deviation": round(statistics.pstdev(seconds), 3),
    }


def median_duration_s(runs: Sequence[Run]) -> float:
    """Return the median of how long the runs took; 0 if there are none."""
    return statistics.median(durations(runs) or [0])


def percentile_95(ordered: Sequence[int]) -> int:
    """Return the smallest value that 95 % of `ordered` do not exceed; 0 for nothing."""
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else 0


def recoveries_s(runs: Sequence[Run]) -> list[int]:
    """Return how long each failure lasted: from its end to the end of the next success."""
    lengths_s, failed_s = [], None
    for run in sorted(runs, key=lambda each: each.ended_s):
        if run.status == "failed" and failed_s is None:
            failed_s = run.ended_s
        elif run.status == "success" and failed_s is not None:
            lengths_s.append(run.ended_s - failed_s)
            failed_s = None
    return lengths_s


def mean_time_to_recovery_s(runs: Sequence[Run]) -> int:
    """Return the mean of `recoveries_s`; 0 if nothing recovered."""
    recovered = recoveries_s(runs)
    return round(statistics.mean(recovered)) if recovered else 0


def trend(now: float, before: float) -> float:
    """Return the change against the window before, as a part of it: 0.5 is half as much again.

    Without anything before there is nothing to compare, and the trend is 0.0.
    """
    return round((now - before) / before, 4) if before else 0.0


def _workflow_run(workflow: Workflow, now_s: int) -> WorkflowRun | None:
    progress = workflow.progress(now_s)
    if progress.stopped_s is None:
        return None
    cost = sum(run.credits for run in _job_runs(workflow, progress) if run.job.plan.ran is None)
    return WorkflowRun(
        workflow, progress, progress.status, workflow.created_s, progress.stopped_s, cost
    )


def _job_runs(workflow: Workflow, progress: WorkflowProgress) -> Iterator[JobRun]:
    for job in workflow.jobs:
        each = progress.jobs[job.plan.name]
        if job.plan.is_approval or each.started_s is None or each.stopped_s is None:
            continue
        length_s = each.stopped_s - each.started_s
        cost = math.ceil(length_s / 60 * _CREDITS_A_MINUTE) * job.plan.parallelism
        yield JobRun(workflow, job, each, each.status, each.started_s, each.stopped_s, cost)
