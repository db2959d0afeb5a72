"""Deployments of API v3: every job `deploy` of the branch main that began, the newest first."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Job, Project, Workflow
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, reference
from kosmo_circleci.simulator.plans import DEPLOY
from kosmo_circleci.simulator.progress import FAILURES, JobProgress
from kosmo_circleci.simulator.resources.deploy import components, environment_of, versions_of
from kosmo_circleci.simulator.step_texts import HEALTH_CHECK

_STATUSES: Final = {
    "running": "running",
    "success": "success",
    "failed": "failed",
    "timedout": "failed",
    "infrastructure_fail": "failed",
    "canceled": "canceled",
}


class _Deployment(NamedTuple):
    project: Project
    workflow: Workflow
    job: Job
    progress: JobProgress


def list_all(call: Call) -> JsonValue:
    """Answer `GET /deploy/deployments` of one organization, optionally of one project."""
    organization = call.world.organization_by_id(filter_text(call, "org_id") or "")
    project_id = filter_text(call, "project_id")
    projects = [each for each in call.world.visible_projects() if each.organization is organization]
    if project_id is not None:
        projects = [call.world.project_by_id(project_id)]
    deployments = [each for project in projects for each in _of_project(call, project)]
    deployments.sort(key=lambda each: -(each.progress.started_s or 0))
    return many(call, deployments, lambda each: _row(call, each))


def _of_project(call: Call, project: Project) -> Iterator[_Deployment]:
    for workflow in call.world.workflows.values():
        if workflow.pipeline.project is not project or workflow.pipeline.branch != "main":
            continue
        progress = workflow.progress(call.world.now_s).jobs
        for job in workflow.jobs:
            ran = progress[job.plan.name]
            if job.plan.name == DEPLOY.name and ran.started_s is not None and not job.plan.ran:
                yield _Deployment(project, workflow, job, ran)


def _row(call: Call, deployment: _Deployment) -> JsonValue:
    project, workflow, job, progress = deployment
    rows = rows_of(components(call.world), project_id=project.id)
    component = rows[0] if rows else {"id": f"{project.id}-component", "name": project.name}
    failed = progress.status in FAILURES
    stopped_s = progress.stopped_s
    attributes: JsonObject = {
        "type": "deploy",
        "status": _STATUSES[progress.status],
        "target_version": {"name": _version(call, deployment)},
        "is_rollback": False,
        "created_at": timestamp(progress.started_s or 0),
        "ended_at": None if stopped_s is None else timestamp(stopped_s),
        "failure_reason": HEALTH_CHECK.removeprefix("Error: ") if failed else None,
    }
    return entity(
        f"{job.id}-deployment",
        attributes,
        deploy_component=reference(str(component["id"]), name=component["name"]),
        deploy_environment=reference(str(environment_of(call.world, project)["id"])),
        pipeline=reference(workflow.pipeline.id),
        workflow=reference(workflow.id),
    )


def _version(call: Call, deployment: _Deployment) -> str:
    """Return the version that was deployed, or the one after the last for any other attempt."""
    versions = versions_of(call.world, deployment.project)
    for version in versions:
        if version.job.id == deployment.job.id:
            return version.name
    before = [each for each in versions if each.deployed_s < (deployment.progress.started_s or 0)]
    return f"1.{len(before)}.0"


ROUTES: Final[dict[str, Handler]] = {"list_deployments": list_all}
