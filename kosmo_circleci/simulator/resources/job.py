"""Jobs: details, artifacts, test results, cancellation."""

from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import VCS_TYPES, Job, Workflow
from kosmo_circleci.simulator.plans import DEPLOY, TEST
from kosmo_circleci.simulator.progress import ENDED, JobProgress
from kosmo_circleci.simulator.resources.project import vcs_url
from kosmo_circleci.simulator.resources.workflow import ACCEPTED
from kosmo_circleci.simulator.step_templates import TEST_NAMES
from kosmo_circleci.simulator.step_texts import ASSERTION, FAILING_TEST, TEST_FILE
from kosmo_circleci.simulator.steps import status_of_execution

_TEST_SECONDS: Final = dict(zip(TEST_NAMES, (1.25, 0.25, 0.5), strict=True))
"""The tests of the job `test`, with how long each runs."""

TEST_CLASS: Final = "tests.test_account"
TEST_SOURCE: Final = "pytest"

_SSH_MESSAGE: Final[JsonObject] = {
    "type": "info",
    "message": "This job was run again with SSH enabled.",
}

LOST_MACHINE: Final = "The machine of this job was lost. CircleCI did not charge for the job."
"""Why a job with the status `infrastructure_fail` failed."""


class Artifact(NamedTuple):
    """A file that one parallel execution of a job stored."""

    execution: int
    path: str


class CaseResult(NamedTuple):
    """How one test of a job went."""

    name: str
    run_time_s: float
    failed: bool


def get_details(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/job/{job-number}`."""
    workflow, job, progress = _job_by_number(call)
    began_s = workflow.created_s if progress.queued_s is None else progress.queued_s
    started_s = began_s if progress.started_s is None else progress.started_s
    project = workflow.pipeline.project
    return {
        "web_url": _web_url(workflow, job),
        "project": {
            "id": project.id,
            "slug": project.slug,
            "name": project.name,
            "external_url": vcs_url(project),
        },
        "parallel_runs": [
            {"index": index, "status": status_of_execution(index, progress)}
            for index in range(job.plan.parallelism)
        ],
        # Documented as always there, so a job that waits shows when it began to wait.
        "started_at": timestamp(started_s),
        "latest_workflow": {"id": workflow.id, "name": workflow.name},
        "name": job.plan.name,
        "executor": {"resource_class": "medium", "type": "docker"},
        "parallelism": job.plan.parallelism,
        "status": progress.status,
        "number": job.number,
        "pipeline": {"id": workflow.pipeline.id},
        "duration": _duration_ms(progress),
        "created_at": timestamp(workflow.created_s),
        "messages": _messages(job, progress),
        "contexts": [{"name": "production"}] if job.plan.name == DEPLOY.name else [],
        "organization": {"name": project.organization.name},
        "queued_at": timestamp(began_s),
        "stopped_at": None if progress.stopped_s is None else timestamp(progress.stopped_s),
    }


def list_artifacts(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/{job-number}/artifacts`: none before the job ran.

    Every parallel run has its own.
    """
    _, job, progress = _job_by_number(call)
    return call.page(
        artifacts_of(job, progress),
        lambda each: {
            "path": each.path,
            "node_index": each.execution,
            "url": artifact_url(call, job, each),
        },
    )


def list_tests(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/{job-number}/tests`: the job `test` has results."""
    _, job, progress = _job_by_number(call)
    return call.page(case_results(job, progress), _test_row)


def artifacts_of(job: Job, progress: JobProgress) -> list[Artifact]:
    """Return what the job stored: nothing before it ended, or when its machine was lost."""
    if progress.started_s is None or progress.stopped_s is None:
        return []
    if progress.status == "infrastructure_fail":
        return []
    paths = [f"logs/{job.plan.name}.log"]
    if case_results(job, progress):
        paths = ["coverage/index.html", "test-results/results.xml", *paths]
    return [
        Artifact(execution, path) for execution in range(job.plan.parallelism) for path in paths
    ]


def artifact_url(call: Call, job: Job, artifact: Artifact) -> str:
    """Return where the artifact is downloaded from."""
    place = f"{job.id}/artifacts/{artifact.execution}/{artifact.path}"
    return f"{call.file_host('https://output.circle-artifacts.com')}/output/job/{place}"


def message_of(result: CaseResult) -> str | None:
    """Return why a test failed, None for one that passed."""
    return ASSERTION if result.failed else None


def case_results(job: Job, progress: JobProgress) -> list[CaseResult]:
    """Return what the job's tests gave: nothing for a job without tests, or one that did not run.

    A failed job has one failed test, the first. A job that was killed leaves no results behind.
    """
    if job.plan.name != TEST.name or progress.status not in ("success", "failed"):
        return []
    failed = progress.status == "failed"
    return [
        CaseResult(name, run_time_s, failed=failed and name == FAILING_TEST)
        for name, run_time_s in _TEST_SECONDS.items()
    ]


def cancel_by_number(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/job/{job-number}/cancel`."""
    return _cancel(call, *_job_by_number(call))


def cancel_by_id(call: Call) -> JsonValue:
    """Answer `POST /jobs/{job-id}/cancel`."""
    workflow, job = call.world.job_by_id(call.path["job_id"])
    return _cancel(call, workflow, job, _progress(call, workflow, job))


def _job_by_number(call: Call) -> tuple[Workflow, Job, JobProgress]:
    number = int(call.path["job_number"])
    workflow, job = call.world.job_by_number(call.project, number)
    return workflow, job, _progress(call, workflow, job)


def _progress(call: Call, workflow: Workflow, job: Job) -> JobProgress:
    return workflow.progress(call.world.now_s).jobs[job.plan.name]


def _cancel(call: Call, workflow: Workflow, job: Job, progress: JobProgress) -> JsonValue:
    if progress.status in ENDED:
        raise bad_request(f"The job cannot be canceled, it is {progress.status}.")
    job.plan = job.plan._replace(canceled_s=call.world.now_s)
    job.canceled_by = call.world.current_user.id
    return ACCEPTED


def _messages(job: Job, progress: JobProgress) -> list[JsonValue]:
    messages: list[JsonValue] = [_SSH_MESSAGE] if job.ssh else []
    if progress.status == "infrastructure_fail":
        messages.append({"type": "error", "message": LOST_MACHINE})
    return messages


def _duration_ms(progress: JobProgress) -> int | None:
    if progress.started_s is None or progress.stopped_s is None:
        return None
    return (progress.stopped_s - progress.started_s) * 1000


def _web_url(workflow: Workflow, job: Job) -> str:
    vcs, _, rest = workflow.pipeline.project.slug.partition("/")
    number = workflow.pipeline.number
    return (
        f"https://app.circleci.com/pipelines/{VCS_TYPES[vcs]}/{rest}/{number}"
        f"/workflows/{workflow.id}/jobs/{job.number}"
    )


def _test_row(test: CaseResult) -> JsonObject:
    return {
        "message": message_of(test),
        "source": TEST_SOURCE,
        "run_time": test.run_time_s,
        "file": TEST_FILE,
        "result": "failure" if test.failed else "success",
        "name": test.name,
        "classname": TEST_CLASS,
    }


ROUTES: Final[dict[str, Handler]] = {
    "get_job_details": get_details,
    "get_job_artifacts": list_artifacts,
    "get_tests": list_tests,
    "cancel_job_by_job_id": cancel_by_id,
    "cancel_job_by_job_number": cancel_by_number,
}
