"""Builds of API v1.1, which v2 calls jobs: their steps, and what each printed.

It is all that a CircleCI Server tells about steps. The output of a step is fetched in one of two
ways: by its number, with the token; or from its `output_url`, which needs none, as it is a
credential itself.
"""

import hashlib
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Answer, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Job, Workflow
from kosmo_circleci.simulator.progress import ENDED, FAILURES, JobProgress
from kosmo_circleci.simulator.resources.job import LOST_MACHINE
from kosmo_circleci.simulator.steps import Step, executions_of
from kosmo_circleci.simulator.world import World

_STATUSES: Final = {"blocked": "not_running", "on_hold": "not_running"}
_LIFECYCLES: Final = {
    "blocked": "not_running",
    "queued": "queued",
    "on_hold": "not_running",
    "running": "running",
    "not_run": "not_run",
}
_STEP_STATUSES: Final = {
    None: "running",
    "succeeded": "success",
    "failed": "failed",
    "timedout": "timedout",
    "canceled": "canceled",
}


def get(call: Call) -> JsonValue:
    """Answer `GET /project/{vcs}/{org}/{repo}/{build_num}`."""
    workflow, job, progress = _build(call)
    status = progress.status
    pipeline = workflow.pipeline
    return {
        "build_num": job.number,
        "build_url": f"https://circleci.com/{pipeline.project.slug}/{job.number}",
        "branch": pipeline.branch,
        "vcs_revision": pipeline.revision,
        "subject": "Example commit",
        "why": "github" if pipeline.trigger_type == "webhook" else "api",
        "queued_at": _time(progress.queued_s),
        "start_time": _time(progress.started_s),
        "stop_time": _time(progress.stopped_s),
        "build_time_millis": _length_ms(progress.started_s, progress.stopped_s),
        "status": _STATUSES.get(status, status),
        "lifecycle": "finished" if status in ENDED - {"not_run"} else _LIFECYCLES[status],
        "outcome": status if status in ENDED - {"not_run"} else None,
        "failed": status in FAILURES if status in ENDED else None,
        "timedout": status == "timedout",
        "infrastructure_fail": status == "infrastructure_fail",
        "canceled": status == "canceled",
        "retry_of": None,
        "messages": _messages(progress),
        "workflows": {
            "job_name": job.plan.name,
            "job_id": job.id,
            "workflow_id": workflow.id,
            "workflow_name": workflow.name,
        },
        "steps": _steps(call, job, executions(call.world, workflow, job, progress)),
    }


def get_output(call: Call) -> Answer:
    """Answer `GET …/{build_num}/output/{step}/{index}?file=true&allocation-id=…` as text."""
    workflow, job, progress = _build(call)
    index, num = int(call.path["index"]), int(call.path["step"])
    step = find_step(executions(call.world, workflow, job, progress), index, num)
    allocation_id = call.query_text("allocation-id")
    if step is None or allocation_id not in (None, _allocation_id(job, index)):
        raise not_found("Output")
    text = step.stdout.read(0, step.stdout_bytes) + step.stderr.read(0, step.stderr_bytes)
    return Answer(200, text, {"content-type": "text/plain; charset=utf-8"})


def executions(
    world: World, workflow: Workflow, job: Job, progress: JobProgress
) -> list[list[Step]]:
    """Return the steps of each execution of the build."""
    return executions_of(job, progress, workflow.pipeline.revision, world.now_s)


def find_step(steps: list[list[Step]], index: int, num: int) -> Step | None:
    """Return the step `num` of the execution `index`, None if there is none."""
    rows = steps[index] if index < len(steps) else []
    return next((each for each in rows if each.num == num), None)


def output_token(world: World, job_id: str, index: int, num: int) -> str:
    """Return the token of a presigned output: it fits this one, and this world, alone."""
    seal = hashlib.sha256(f"{world.seed}/{job_id}/{index}/{num}".encode()).hexdigest()
    return f"eyJhbGciOiJIUzI1NiJ9.{seal}"


def _build(call: Call) -> tuple[Workflow, Job, JobProgress]:
    workflow, job = call.world.job_by_number(call.project, int(call.path["job_number"]))
    return workflow, job, workflow.progress(call.world.now_s).jobs[job.plan.name]


def _messages(progress: JobProgress) -> list[JsonValue]:
    if progress.status != "infrastructure_fail":
        return []
    return [{"type": "error", "reason": "infrastructure-fail", "message": LOST_MACHINE}]


def _steps(call: Call, job: Job, steps: list[list[Step]]) -> list[JsonValue]:
    """Return the steps by name and number; each has one action for each execution that ran it."""
    actions: dict[tuple[int, str], list[JsonValue]] = {}
    for index, of_execution in enumerate(steps):
        for step in of_execution:
            key = (step.num, step.name)
            actions.setdefault(key, []).append(_action(call, job, index, step))
    return [{"name": name, "actions": rows} for (_, name), rows in sorted(actions.items())]


def _action(call: Call, job: Job, index: int, step: Step) -> JsonObject:
    killed = step.outcome == "timedout"
    row: JsonObject = {
        "name": step.name,
        "index": index,
        "step": step.num,
        "status": _STEP_STATUSES[step.outcome],
        # A step that was killed for its silence is `timedout`, and neither failed nor exited.
        "failed": True if step.outcome == "failed" else None,
        "exit_code": step.exit_code,
        "timedout": True if killed else None,
        "canceled": True if step.outcome == "canceled" else None,
        "infrastructure_fail": None,
        "bash_command": step.command,
        "type": "test" if step.type == "run" else step.type,
        "parallel": job.plan.parallelism > 1,
        "background": False,
        "continue": None,
        "insignificant": False,
        "truncated": False,
        "has_output": step.stdout_bytes + step.stderr_bytes > 0,
        "run_time_millis": _length_ms(step.started_s, step.ended_s),
        "start_time": timestamp(step.started_s),
        "end_time": _time(step.ended_s),
        "allocation_id": _allocation_id(job, index),
    }
    if row["has_output"]:
        path = f"/api/private/output/presigned/{job.id}/{index}/{step.num}"
        token = output_token(call.world, job.id, index, step.num)
        row["output_url"] = f"{call.origin}{path}?token={token}"
    return row


def _allocation_id(job: Job, index: int) -> str:
    digest = hashlib.sha256(job.id.encode()).hexdigest()
    return f"{digest[:24]}-{index}-build/{digest[24:32].upper()}"


def _length_ms(start_s: float | None, end_s: float | None) -> int | None:
    return None if start_s is None or end_s is None else round((end_s - start_s) * 1000)


def _time(at_s: float | None) -> str | None:
    return None if at_s is None else timestamp(at_s)


ROUTES: Final[dict[str, Handler]] = {
    "get_build": get,
    "get_build_output": get_output,
}
