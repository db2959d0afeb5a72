"""Jobs of API v3: those of a workflow, one with its steps, its tests, artifacts and usage."""

import hashlib
import math
import random
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Job, Workflow
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, one, reference
from kosmo_circleci.simulator.phases import job_phase
from kosmo_circleci.simulator.progress import JobProgress
from kosmo_circleci.simulator.resources import job as v2
from kosmo_circleci.simulator.step_texts import TEST_FILE
from kosmo_circleci.simulator.steps import Step, executions_of
from kosmo_circleci.simulator.world import World, random_uuid

_INTERVAL_MS: Final = 15_000
_CPU_COUNT: Final = 2
_MEMORY_LIMIT_BYTES: Final = 4 * 1024**3


def list_of_workflow(call: Call) -> JsonValue:
    """Answer `GET /jobs?filter[workflow_id]=`: without steps."""
    workflow = call.world.workflow(filter_text(call, "workflow_id") or "")
    progress = workflow.progress(call.world.now_s).jobs
    return many(
        call, workflow.jobs, lambda each: _summary(workflow, each, progress[each.plan.name])
    )


def get(call: Call) -> JsonValue:
    """Answer `GET /jobs/{id}`: a 404 for a job that has not run."""
    workflow, job, progress = job_by_id(call)
    phase = job_phase(progress)
    if progress.queued_s is None or phase.outcome in ("not_run",) or job.plan.is_approval:
        raise not_found("Job")
    executions = executions_of(job, progress, workflow.pipeline.revision, call.world.now_s)
    if phase.phase == "ended" and not executions:  # canceled before it began
        raise not_found("Job")
    attributes: JsonObject = {
        "name": job.plan.name,
        "type": "build",
        "phase": phase.phase,
        "outcome": phase.outcome,
        "started_at": _time(progress.started_s),
        "ended_at": _time(progress.stopped_s),
        "parallel_executions": [{"steps": [_step(each) for each in steps]} for steps in executions],
    }
    return one(
        entity(
            job.id,
            attributes,
            project=reference(workflow.pipeline.project.id),
            pipeline=reference(workflow.pipeline.id),
            workflow=reference(workflow.id),
            user=reference(workflow.started_by.id),
        )
    )


def list_tests(call: Call) -> JsonValue:
    """Answer `GET /jobs/{id}/tests`: JSON Lines, all at once; no results are an empty answer."""
    _, job, progress = job_by_id(call)
    return [_test(each) for each in v2.case_results(job, progress)]


def list_artifacts(call: Call) -> JsonValue:
    """Answer `GET /jobs/{id}/artifacts`."""
    _, job, progress = job_by_id(call)

    def row(artifact: v2.Artifact) -> JsonValue:
        digest = hashlib.sha256(f"{job.id}/{artifact.execution}/{artifact.path}".encode())
        attributes: JsonObject = {
            "path": artifact.path,
            "url": v2.artifact_url(call, job, artifact),
            "execution": artifact.execution,
        }
        return entity(random_uuid(random.Random(digest.digest())), attributes)

    return many(call, v2.artifacts_of(job, progress), row)


def get_usage(call: Call) -> JsonValue:
    """Answer `GET /jobs/{id}/resource-usage`: a 404 for a job that no machine has run."""
    workflow, job, progress = job_by_id(call)
    executions = executions_of(job, progress, workflow.pipeline.revision, call.world.now_s)
    if not executions or progress.started_s is None:
        raise not_found("Resource usage")
    until_s = call.world.now_s if progress.stopped_s is None else progress.stopped_s
    samples = (until_s - progress.started_s) * 1000 // _INTERVAL_MS
    attributes: JsonObject = {
        "resource_class": {
            "name": "medium",
            "cpu_count": _CPU_COUNT,
            "memory_limit_bytes": _MEMORY_LIMIT_BYTES,
        },
        "parallel_executions": [
            _usage(job, execution, samples) for execution in range(len(executions))
        ],
    }
    return one(entity(job.id, attributes))


def job_by_id(call: Call) -> tuple[Workflow, Job, JobProgress]:
    """Return the job that the path names, or refuse with 404."""
    return job_of(call.world, call.path["job_id"])


def job_of(world: World, job_id: str) -> tuple[Workflow, Job, JobProgress]:
    """Return the job of that id with its newest workflow, or refuse with 404."""
    workflow, job = world.job_by_id(job_id)
    return workflow, job, workflow.progress(world.now_s).jobs[job.plan.name]


def _summary(workflow: Workflow, job: Job, progress: JobProgress) -> JsonObject:
    phase = job_phase(progress)
    # The list runs ahead: a job that waits for a machine has the phase `started`, and no start.
    waits = progress.status == "queued"
    attributes: JsonObject = {
        "number": job.number,
        "name": job.plan.name,
        "type": "approval" if job.plan.is_approval else "build",
        "phase": "started" if waits else phase.phase,
        "outcome": phase.outcome,
        "started_at": _time(progress.started_s),
        "ended_at": _time(progress.stopped_s),
    }
    row = entity(
        job.id,
        attributes,
        workflow=reference(workflow.id),
        project=reference(workflow.pipeline.project.id),
    )
    return row


def _step(step: Step) -> JsonObject:
    row: JsonObject = {
        "num": step.num,
        "name": step.name,
        "type": step.type,
        "phase": "ended" if step.outcome else "started",
        "outcome": step.outcome,
        "exit_code": step.exit_code,
        "command": step.command,
        "started_at": timestamp(step.started_s),
        "ended_at": _time(step.ended_s),
        "stdout_bytes": step.stdout_bytes,
        "stderr_bytes": step.stderr_bytes,
    }
    return {key: value for key, value in row.items() if value is not None}


def _test(result: v2.CaseResult) -> JsonObject:
    return {
        "classname": v2.TEST_CLASS,
        "name": result.name,
        "result": "failure" if result.failed else "success",
        "run_time": result.run_time_s,
        "message": v2.message_of(result) or "",
        "file": TEST_FILE,
    }


def _usage(job: Job, execution: int, samples: int) -> JsonObject:
    """Return the series of one execution: a wave with noise that is the job's own."""
    noise = random.Random(f"{job.id}/{execution}")
    cpu_cores: list[JsonValue] = []
    memory_bytes: list[JsonValue] = []
    for place in range(samples):
        load = 0.5 + 0.3 * math.sin(place / 3) + noise.uniform(-0.1, 0.1)
        cpu_cores.append(round(load * _CPU_COUNT, 2))
        memory_bytes.append(int((0.2 + load / 2) * _MEMORY_LIMIT_BYTES))
    return {
        "execution": execution,
        "interval_ms": _INTERVAL_MS,
        "cpu_cores": cpu_cores,
        "memory_bytes": memory_bytes,
        "network_rx_bytes": noise.randint(10, 400) * 1024**2,
        "network_tx_bytes": noise.randint(1, 20) * 1024**2,
    }


def _time(at_s: float | None) -> str | None:
    return None if at_s is None else timestamp(at_s)


ROUTES: Final[dict[str, Handler]] = {
    "list_jobs_v3": list_of_workflow,
    "get_job": get,
    "list_job_test_results": list_tests,
    "list_job_artifacts_v3": list_artifacts,
    "get_job_resource_usage": get_usage,
}
