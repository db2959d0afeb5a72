"""What is fetched from beside the API: artifacts, exported usage, the output of a step.

None of them needs a token: what makes up their URLs cannot be guessed.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import unquote

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Answer, Refusal, not_found
from kosmo_circleci.simulator.clock import second_of, timestamp
from kosmo_circleci.simulator.entities import Job, Workflow
from kosmo_circleci.simulator.progress import JobProgress
from kosmo_circleci.simulator.requests import Request
from kosmo_circleci.simulator.steps import Step, executions_of
from kosmo_circleci.simulator.world import World

_Place: TypeAlias = Sequence[str]

_ARTIFACT: Final = re.compile(r"/output/job/([^/]+)/artifacts/(\d{1,9})/(.+)")
_USAGE: Final = re.compile(r"/circleci-usage-exports/([^/]+)/([^/]+)\.csv\.gz")
_PRESIGNED: Final = re.compile(r"/api/private/output/presigned/([^/]+)/(\d{1,9})/(\d{1,9})")


def download(world: World, request: Request) -> Answer:
    """Answer a GET of a file; refuses with 404 what is not there, with 405 any other method."""
    for pattern, answer in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match is None:
            continue
        if request.method != "GET":
            raise Refusal(405, "Method not allowed", headers={"allow": "GET"})
        return answer(world, request, [unquote(each) for each in match.groups()])
    raise Refusal(404, "Not found")


def _artifact(world: World, request: Request, place: _Place) -> Answer:
    """Return the content of an artifact: a page, test results, or the log of its job."""
    from kosmo_circleci.simulator.resources.job import Artifact, artifacts_of, case_results

    workflow, job, progress = _job(world, place[0])
    artifact = Artifact(int(place[1]), place[2])
    if artifact not in artifacts_of(job, progress):
        raise not_found("Artifact")
    if artifact.path.endswith(".html"):
        return _file("text/html", f"<html><body>Coverage of {job.plan.name}</body></html>\n")
    if artifact.path.endswith(".xml"):
        rows = "".join(
            f'<testcase name="{each.name}" time="{each.run_time_s}"/>\n'
            for each in case_results(job, progress)
        )
        return _file("application/xml", f"<testsuite>\n{rows}</testsuite>\n")
    steps = _executions(world, workflow, job, progress)[artifact.execution]
    text = b"".join(each.stdout.read(0, each.stdout_bytes) for each in steps)
    return Answer(200, text, {"content-type": "text/plain; charset=utf-8"})


def _presigned(world: World, request: Request, place: _Place) -> Answer:
    """Return the output of a step as the web page reads it: `[{type, time, message}]`."""
    from kosmo_circleci.simulator.resources.v1.build import find_step, output_token

    index, num = int(place[1]), int(place[2])
    token = request.query.get("token", ("",))[-1]
    if token != output_token(world, place[0], index, num):
        raise Refusal(401, "The token does not fit this output.")
    workflow, job, progress = _job(world, place[0])
    step = find_step(_executions(world, workflow, job, progress), index, num)
    if step is None:
        raise not_found("Output")
    streams = (("out", step.stdout, step.stdout_bytes), ("err", step.stderr, step.stderr_bytes))
    rows: list[JsonValue] = [
        {
            "type": kind,
            "time": timestamp(step.started_s),
            "message": stream.read(0, size).decode("utf-8", "replace"),
        }
        for kind, stream, size in streams
        if size
    ]
    return Answer(200, rows)


def _job(world: World, job_id: str) -> tuple[Workflow, Job, JobProgress]:
    for workflow in reversed(world.workflows.values()):
        for job in workflow.jobs:
            if job.id == job_id:
                return workflow, job, workflow.progress(world.now_s).jobs[job.plan.name]
    raise not_found("Job")


def _executions(
    world: World, workflow: Workflow, job: Job, progress: JobProgress
) -> list[list[Step]]:
    return executions_of(job, progress, workflow.pipeline.revision, world.now_s)


def _file(media_type: str, text: str) -> Answer:
    return Answer(200, text.encode(), {"content-type": media_type})


def _usage(world: World, request: Request, place: _Place) -> Answer:
    """Return one file of a usage export."""
    from kosmo_circleci.simulator.metrics import Window
    from kosmo_circleci.simulator.resources.usage import export_signature, usage_exports
    from kosmo_circleci.simulator.usage_csv import usage_csv

    signature = request.query.get("X-Amz-Signature", ("",))[-1]
    if signature != export_signature(world, place[0], place[1]):
        raise Refusal(403, "The signature does not fit this file.")
    row = usage_exports(world).get(place[0])
    if row is None or place[1] not in world.organizations:
        raise not_found("Usage export")
    window = Window(second_of(str(row["start"])), second_of(str(row["end"])))
    content = usage_csv(world, world.organizations[place[1]], window)
    return Answer(200, content, {"content-type": "application/gzip"})


_ROUTES: Final[Sequence[tuple[re.Pattern[str], Callable[[World, Request, _Place], Answer]]]] = (
    (_ARTIFACT, _artifact),
    (_PRESIGNED, _presigned),
    (_USAGE, _usage),
)
