"""The content of a usage export: a row for each job that ran, as gzip CSV with all its columns.

The columns and the way of writing them (everything quoted, `\\N` for nothing) are those of
github.com/CircleCI-Labs/circleci-usage-reporter.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from typing import Final

from kosmo_circleci.simulator import metrics
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Organization
from kosmo_circleci.simulator.metrics import JobRun, Window, WorkflowRun
from kosmo_circleci.simulator.resources.project import PROVIDERS, vcs_url
from kosmo_circleci.simulator.world import World

_NOTHING: Final = "\\N"
_CREATED_S: Final = -90 * 86_400

COLUMNS: Final = (
    "ORGANIZATION_ID", "ORGANIZATION_NAME", "ORGANIZATION_CREATED_DATE", "PROJECT_ID",
    "PROJECT_NAME", "PROJECT_CREATED_DATE", "LAST_BUILD_FINISHED_AT", "VCS_NAME", "VCS_URL",
    "VCS_BRANCH", "PIPELINE_ID", "PIPELINE_CREATED_AT", "PIPELINE_NUMBER", "IS_UNREGISTERED_USER",
    "PIPELINE_TRIGGER_SOURCE", "PIPELINE_TRIGGER_USER_ID", "WORKFLOW_ID", "WORKFLOW_NAME",
    "WORKFLOW_FIRST_JOB_QUEUED_AT", "WORKFLOW_FIRST_JOB_STARTED_AT", "WORKFLOW_STOPPED_AT",
    "IS_WORKFLOW_SUCCESSFUL", "JOB_NAME", "JOB_RUN_NUMBER", "JOB_ID", "JOB_RUN_DATE",
    "JOB_RUN_QUEUED_AT", "JOB_RUN_STARTED_AT", "JOB_RUN_STOPPED_AT", "JOB_BUILD_STATUS",
    "RESOURCE_CLASS", "OPERATING_SYSTEM", "EXECUTOR", "PARALLELISM", "JOB_RUN_SECONDS",
    "MEDIAN_CPU_UTILIZATION_PCT", "MAX_CPU_UTILIZATION_PCT", "MEDIAN_RAM_UTILIZATION_PCT",
    "MAX_RAM_UTILIZATION_PCT", "COMPUTE_CREDITS", "DLC_CREDITS", "USER_CREDITS", "STORAGE_CREDITS",
    "NETWORK_CREDITS", "LEASE_CREDITS", "LEASE_OVERAGE_CREDITS", "IPRANGES_CREDITS",
    "TOTAL_CREDITS",
)  # fmt: skip


def usage_csv(world: World, organization: Organization, window: Window) -> bytes:
    """Return the jobs of the organization that ran in workflows of that time, the oldest first."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(world, organization, window):
        writer.writerow([row.get(column, _NOTHING) for column in COLUMNS])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _rows(
    world: World, organization: Organization, window: Window
) -> Iterator[dict[str, str | int]]:
    for project in world.projects.values():
        if project.organization is not organization:
            continue
        for run in reversed(metrics.workflow_runs(world, project, window)):
            for job in metrics.job_runs([run]):
                yield {**_of_workflow(run, organization), **_of_job(job)}


def _of_workflow(run: WorkflowRun, organization: Organization) -> dict[str, str | int]:
    workflow, pipeline = run.workflow, run.workflow.pipeline
    project = pipeline.project
    starts = [each.started_s for each in run.progress.jobs.values() if each.started_s is not None]
    return {
        "ORGANIZATION_ID": organization.id,
        "ORGANIZATION_NAME": organization.name,
        "ORGANIZATION_CREATED_DATE": timestamp(_CREATED_S),
        "PROJECT_ID": project.id,
        "PROJECT_NAME": project.name,
        "PROJECT_CREATED_DATE": timestamp(_CREATED_S),
        "VCS_NAME": PROVIDERS[organization.vcs],
        "VCS_URL": vcs_url(project),
        "VCS_BRANCH": pipeline.branch or _NOTHING,
        "PIPELINE_ID": pipeline.id,
        "PIPELINE_CREATED_AT": timestamp(pipeline.created_s),
        "PIPELINE_NUMBER": pipeline.number,
        "IS_UNREGISTERED_USER": "false",
        "PIPELINE_TRIGGER_SOURCE": pipeline.trigger_type,
        "PIPELINE_TRIGGER_USER_ID": pipeline.actor.id,
        "WORKFLOW_ID": workflow.id,
        "WORKFLOW_NAME": workflow.name,
        "WORKFLOW_FIRST_JOB_QUEUED_AT": timestamp(workflow.created_s),
        "WORKFLOW_FIRST_JOB_STARTED_AT": timestamp(min(starts)) if starts else _NOTHING,
        "WORKFLOW_STOPPED_AT": timestamp(run.ended_s),
        "IS_WORKFLOW_SUCCESSFUL": "true" if run.status == "success" else "false",
    }


def _of_job(run: JobRun) -> dict[str, str | int]:
    queued_s = run.began_s if run.progress.queued_s is None else run.progress.queued_s
    return {
        "LAST_BUILD_FINISHED_AT": timestamp(run.ended_s),
        "JOB_NAME": run.job.plan.name,
        "JOB_RUN_NUMBER": run.job.number or 0,
        "JOB_ID": run.job.id,
        "JOB_RUN_DATE": timestamp(run.began_s)[:10],
        "JOB_RUN_QUEUED_AT": timestamp(queued_s),
        "JOB_RUN_STARTED_AT": timestamp(run.began_s),
        "JOB_RUN_STOPPED_AT": timestamp(run.ended_s),
        "JOB_BUILD_STATUS": run.status,
        "RESOURCE_CLASS": "medium",
        "OPERATING_SYSTEM": "linux",
        "EXECUTOR": "docker",
        "PARALLELISM": run.job.plan.parallelism,
        "JOB_RUN_SECONDS": run.ended_s - run.began_s,
        "MEDIAN_CPU_UTILIZATION_PCT": 31,
        "MAX_CPU_UTILIZATION_PCT": 78,
        "MEDIAN_RAM_UTILIZATION_PCT": 24,
        "MAX_RAM_UTILIZATION_PCT": 39,
        "COMPUTE_CREDITS": run.credits,
        "TOTAL_CREDITS": run.credits,
    }
