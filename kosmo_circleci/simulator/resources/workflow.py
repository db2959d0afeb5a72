"""Workflows: read, approved, canceled, run again."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Job, Workflow
from kosmo_circleci.simulator.progress import JobProgress
from kosmo_circleci.simulator.reruns import RerunOptions, run_again

ACCEPTED: Final[JsonObject] = {"message": "Accepted."}


def workflow_row(workflow: Workflow, now_s: int) -> JsonObject:
    """Return the workflow as every operation shows one."""
    progress = workflow.progress(now_s)
    stopped_s = progress.stopped_s
    row: JsonObject = {
        "pipeline_id": workflow.pipeline.id,
        "id": workflow.id,
        "name": workflow.name,
        "project_slug": workflow.pipeline.project.slug,
        "tag": workflow.tag,
        "status": progress.status,
        "started_by": workflow.started_by.id,
        "pipeline_number": workflow.pipeline.number,
        "created_at": timestamp(workflow.created_s),
        "stopped_at": None if stopped_s is None else timestamp(stopped_s),
    }
    return row if workflow.canceled_by is None else {**row, "canceled_by": workflow.canceled_by}


def get(call: Call) -> JsonValue:
    """Answer `GET /workflow/{id}`."""
    return workflow_row(_workflow(call), call.world.now_s)


def list_jobs(call: Call) -> JsonValue:
    """Answer `GET /workflow/{id}/job`."""
    workflow = _workflow(call)
    jobs = workflow.progress(call.world.now_s).jobs
    return call.page(workflow.jobs, lambda each: _job_row(workflow, each, jobs[each.plan.name]))


def approve(call: Call) -> JsonValue:
    """Answer `POST /workflow/{id}/approve/{approval_request_id}`: once, and while on hold."""
    workflow, request_id = _workflow(call), call.path["approval_request_id"]
    job = next((each for each in workflow.jobs if each.approval_request_id == request_id), None)
    if job is None:
        raise not_found("Approval request")
    status = workflow.progress(call.world.now_s).jobs[job.plan.name].status
    if status != "on_hold":
        raise bad_request(f"The approval job {job.plan.name} is not on hold, it is {status}.")
    job.plan = job.plan._replace(approved_s=call.world.now_s)
    job.approved_by = call.world.current_user.id
    return ACCEPTED


def cancel(call: Call) -> JsonValue:
    """Answer `POST /workflow/{id}/cancel`; a workflow that ended cannot be canceled."""
    workflow, now_s = _workflow(call), call.world.now_s
    progress = workflow.progress(now_s)
    if progress.ended:
        raise bad_request(f"The workflow cannot be canceled, it is {progress.status}.")
    workflow.canceled_s = now_s
    workflow.canceled_by = call.world.current_user.id
    return ACCEPTED


def rerun(call: Call) -> JsonValue:
    """Answer `POST /workflow/{id}/rerun`: the whole, from the failed jobs, or some jobs.

    A job that is not run again keeps its number and result. A whole workflow may run again at any
    time; from failed only when it has ended.
    """
    jobs = call.field("jobs")
    options = RerunOptions(
        from_failed=call.field("from_failed") is True,
        enable_ssh=call.field("enable_ssh") is True,
        sparse_tree=call.field("sparse_tree") is True,
        job_ids=tuple(str(each) for each in jobs) if isinstance(jobs, list) else (),
    )
    return {"workflow_id": run_again(call.world, _workflow(call), options).id}


def _workflow(call: Call) -> Workflow:
    return call.world.workflow(call.path["workflow_id"])


def _job_row(workflow: Workflow, job: Job, progress: JobProgress) -> JsonObject:
    # `started_at` is documented as always there, so a job that waits shows when it began to wait.
    began_s = next(
        each
        for each in (progress.started_s, progress.queued_s, workflow.created_s)
        if each is not None
    )
    ids = {each.plan.name: each.id for each in workflow.jobs}
    row: JsonObject = {
        "dependencies": [ids[name] for name in job.plan.requires],
        "id": job.id,
        "started_at": timestamp(began_s),
        "name": job.plan.name,
        "project_slug": workflow.pipeline.project.slug,
        "status": progress.status,
        "type": "approval" if job.plan.is_approval else "build",
        "stopped_at": None if progress.stopped_s is None else timestamp(progress.stopped_s),
    }
    details: JsonObject = {
        "job_number": job.number,
        "approval_request_id": job.approval_request_id,
        "approved_by": job.approved_by,
        "canceled_by": _canceled_by(workflow, job) if progress.status == "canceled" else None,
    }
    return {**row, **{key: value for key, value in details.items() if value is not None}}


def _canceled_by(workflow: Workflow, job: Job) -> str | None:
    return job.canceled_by or workflow.canceled_by


ROUTES: Final[dict[str, Handler]] = {
    "get_workflow_by_id": get,
    "list_workflow_jobs": list_jobs,
    "approve_pending_approval_job_by_id": approve,
    "cancel_workflow": cancel,
    "rerun_workflow": rerun,
}
