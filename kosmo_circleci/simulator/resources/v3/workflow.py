"""Workflows of API v3: those of a run, one, run again, canceled."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Workflow
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, one, reference
from kosmo_circleci.simulator.phases import workflow_phase
from kosmo_circleci.simulator.reruns import RerunOptions, run_again
from kosmo_circleci.simulator.resources import workflow as v2


def list_of_run(call: Call) -> JsonValue:
    """Answer `GET /workflows?filter[run_id]=`: a 404 as long as the run has none."""
    pipeline = call.world.pipeline(filter_text(call, "run_id") or "")
    workflows = call.world.workflows_of(pipeline)
    if not workflows:
        raise not_found("Workflows")
    return many(call, workflows, lambda each: _workflow(each, call.world.now_s))


def get(call: Call) -> JsonValue:
    """Answer `GET /workflows/{id}`."""
    workflow = call.world.workflow(call.path["workflow_id"])
    return one(_workflow(workflow, call.world.now_s))


def rerun(call: Call) -> JsonValue:
    """Answer `POST /workflows/{id}/rerun`; unknown fields, those of v2 too, are ignored."""
    jobs = call.field("jobs")
    options = RerunOptions(
        from_failed=call.field("is_from_failed") is True,
        enable_ssh=call.field("is_ssh_enabled") is True,
        job_ids=tuple(str(each) for each in jobs) if isinstance(jobs, list) else (),
    )
    workflow = call.world.workflow(call.path["workflow_id"])
    return {"data": {"id": run_again(call.world, workflow, options).id}}


def cancel(call: Call) -> JsonValue:
    """Answer `POST /workflows/{id}/cancel`; a workflow that ended cannot be canceled."""
    v2.cancel(call)
    return {"data": {"id": call.path["workflow_id"]}}


def _workflow(workflow: Workflow, now_s: int) -> JsonObject:
    progress = workflow.progress(now_s)
    phase = workflow_phase(progress)
    attributes: JsonObject = {
        "name": workflow.name,
        "phase": phase.phase,
        "outcome": phase.outcome,
        "current_outcome": None if phase.outcome else phase.current_outcome,
        "created_at": timestamp(workflow.created_s),
        "ended_at": None if progress.stopped_s is None else timestamp(progress.stopped_s),
    }
    return entity(
        workflow.id,
        attributes,
        run=reference(workflow.pipeline.id),
        project=reference(workflow.pipeline.project.id),
        user=reference(workflow.started_by.id),
    )


ROUTES: Final[dict[str, Handler]] = {
    "list_run_workflows": list_of_run,
    "get_workflow_v3": get,
    "rerun_workflow_v3": rerun,
    "cancel_workflow_v3": cancel,
}
