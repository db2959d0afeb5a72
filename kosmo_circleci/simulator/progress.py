"""How far a workflow and its jobs are, as a pure function of their plan and the time.

Nothing here is stored: a status is computed when it is read, so there is no timer to keep and no
state that could disagree with the plan. All times are simulated seconds (`clock.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

JobOutcome: TypeAlias = Literal["success", "failed", "timedout", "infrastructure_fail"]
JobStatus: TypeAlias = (
    Literal["blocked", "queued", "running", "on_hold", "canceled", "not_run"] | JobOutcome
)
WorkflowStatus: TypeAlias = Literal[
    "running", "failing", "on_hold", "success", "failed", "canceled"
]

FAILURES: Final = frozenset({"failed", "timedout", "infrastructure_fail"})
"""The outcomes of a job that make its workflow fail."""

ENDED: Final = FAILURES | {"success", "canceled", "not_run"}
"""The states a job does not leave."""


class JobPlan(NamedTuple):
    """How a job will run once the jobs it requires have succeeded.

    It waits `queue_s`, runs `duration_s`, and ends with `outcome`; an approval instead waits until
    `approved_s`. `canceled_s` cuts it short. `ran` is the (start, stop) of a run that a rerun of
    the workflow took over: such a job succeeded before its workflow began. `heals`: run again, it
    succeeds. `parallelism` is the number of its parallel runs. It has `extra_steps` further steps,
    which fail when it fails, and `log_bytes` of output besides what its steps print anyway.
    """

    name: str
    requires: tuple[str, ...] = ()
    is_approval: bool = False
    outcome: JobOutcome = "success"
    queue_s: int = 0
    duration_s: int = 10
    approved_s: int | None = None
    canceled_s: int | None = None
    ran: tuple[int, int] | None = None
    heals: bool = False
    parallelism: int = 1
    extra_steps: int = 0
    log_bytes: int = 0


class JobProgress(NamedTuple):
    """A job at one instant. `queued_s`, `started_s` and `stopped_s` are None until they happen."""

    status: JobStatus
    queued_s: int | None = None
    started_s: int | None = None
    stopped_s: int | None = None


class WorkflowProgress(NamedTuple):
    """A workflow at one instant; `jobs` by name. `stopped_s` is None until all of it ended."""

    status: WorkflowStatus
    stopped_s: int | None
    jobs: Mapping[str, JobProgress]

    @property
    def ended(self) -> bool:
        """True once the workflow can no longer change."""
        return self.stopped_s is not None


def workflow_progress(
    plans: Sequence[JobPlan], *, created_s: int, canceled_s: int | None, now_s: int
) -> WorkflowProgress:
    """Return where the workflow and each of its jobs stand at `now_s`.

    `plans` are in an order in which every job comes after those it requires; `canceled_s` is when
    the whole workflow was canceled, or None.
    """
    jobs: dict[str, JobProgress] = {}
    for plan in plans:
        required = [jobs[name] for name in plan.requires]
        jobs[plan.name] = _job_progress(plan, required, created_s, canceled_s, now_s)
    status = _workflow_status({each.status for each in jobs.values()}, canceled_s)
    if status in ("running", "failing", "on_hold"):
        return WorkflowProgress(status, None, jobs)
    ends = [created_s, *(each.stopped_s for each in jobs.values() if each.stopped_s is not None)]
    return WorkflowProgress(status, max(ends) if canceled_s is None else canceled_s, jobs)


def _job_progress(
    plan: JobPlan,
    required: Iterable[JobProgress],
    created_s: int,
    workflow_canceled_s: int | None,
    now_s: int,
) -> JobProgress:
    if plan.ran is not None:
        return JobProgress("success", plan.ran[0], plan.ran[0], plan.ran[1])
    stop_requests = [at for at in (plan.canceled_s, workflow_canceled_s) if at is not None]
    canceled_s = min(stop_requests, default=None)
    ready_s = created_s
    for each in required:
        if each.status != "success" or each.stopped_s is None:
            return _never_ready(each.status, canceled_s)
        ready_s = max(ready_s, each.stopped_s)
    if plan.is_approval:
        return _approval_progress(plan, ready_s, canceled_s)
    return _build_progress(plan, ready_s, canceled_s, now_s)


def _never_ready(required: JobStatus, canceled_s: int | None) -> JobProgress:
    if canceled_s is not None:
        return JobProgress("canceled", stopped_s=canceled_s)
    return JobProgress("not_run" if required in ENDED else "blocked")


def _approval_progress(plan: JobPlan, ready_s: int, canceled_s: int | None) -> JobProgress:
    if plan.approved_s is not None:
        return JobProgress("success", ready_s, ready_s, plan.approved_s)
    if canceled_s is not None:
        return JobProgress("canceled", ready_s, None, canceled_s)
    return JobProgress("on_hold", ready_s)


def _build_progress(plan: JobPlan, ready_s: int, canceled_s: int | None, now_s: int) -> JobProgress:
    start_s = ready_s + plan.queue_s
    stop_s = start_s + plan.duration_s
    if canceled_s is not None and canceled_s < stop_s:
        started_s = start_s if start_s <= canceled_s else None
        return JobProgress("canceled", ready_s, started_s, canceled_s)
    if now_s < start_s:
        return JobProgress("queued", ready_s)
    if now_s < stop_s:
        return JobProgress("running", ready_s, start_s)
    return JobProgress(plan.outcome, ready_s, start_s, stop_s)


def _workflow_status(statuses: set[JobStatus], canceled_s: int | None) -> WorkflowStatus:
    if canceled_s is not None:
        return "canceled"
    if statuses & {"queued", "running"}:
        return "failing" if statuses & FAILURES else "running"
    if "on_hold" in statuses:
        return "on_hold"
    if statuses & FAILURES:
        return "failed"
    return "canceled" if "canceled" in statuses else "success"
