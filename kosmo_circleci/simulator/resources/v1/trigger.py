"""The routes of API v1.1 that CircleCI ends on 2027-02-01: they trigger, and run again.

Until then they answer with the headers `Deprecation` and `Sunset`; after it they are gone (410).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode
from kosmo_circleci.simulator.answers import Answer, Refusal, bad_request
from kosmo_circleci.simulator.clock import START
from kosmo_circleci.simulator.requests import Request
from kosmo_circleci.simulator.reruns import RerunOptions, run_again
from kosmo_circleci.simulator.resources.pipeline import run_pipeline
from kosmo_circleci.simulator.world import World

SUNSET: Final = datetime(2027, 2, 1, tzinfo=UTC)

_HEADERS: Final = {
    "deprecation": "true",
    "sunset": SUNSET.strftime("%a, %d %b %Y %H:%M:%S GMT"),
}

_PROJECT: Final = r"/project/([^/]+/[^/]+/[^/]+)"


def answer_deprecated(world: World, request: Request) -> Answer | None:
    """Answer a route that is going away; None if the request is for no such route."""
    if request.method != "POST":
        return None
    for pattern, handler in _ROUTES:
        match = pattern.fullmatch(request.route)
        if match is not None:
            if world.now_s >= (SUNSET - START).total_seconds():
                raise Refusal(410, "This route is gone; use API v2 or v3.")
            return handler(world, request, [unquote(each) for each in match.groups()])
    return None


def _build(world: World, request: Request, place: Sequence[str]) -> Answer:
    """Answer `POST /project/{slug}/build`: a pipeline, of which the answer tells nothing."""
    fields = _fields(request)
    _start(world, place[0], fields.get("branch"), fields)
    return Answer(200, {"status": 200, "body": "Build created"}, _HEADERS)


def _build_branch(world: World, request: Request, place: Sequence[str]) -> Answer:
    """Answer `POST /project/{slug}[/tree/{branch}]`: a pipeline; its first job is the build."""
    fields = _fields(request)
    branch = place[1] if len(place) > 1 else fields.get("branch")
    number = _start(world, place[0], branch, fields)
    return Answer(201, {"build_num": number, "status": "queued", "lifecycle": "queued"}, _HEADERS)


def _retry(world: World, request: Request, place: Sequence[str]) -> Answer:
    """Answer `POST /project/{slug}/{num}/retry` and `…/ssh`: the job runs again, as a new build."""
    project = world.project(place[0])
    workflow, job = world.job_by_number(project, int(place[1]))
    options = RerunOptions(job_ids=(job.id,), enable_ssh=place[2] == "ssh")
    again = run_again(world, workflow, options)
    number = next(each.number for each in again.jobs if each.plan.name == job.plan.name)
    answer: JsonValue = {
        "build_num": number,
        "status": "queued",
        "lifecycle": "queued",
        "retry_of": job.number,
    }
    return Answer(200, answer, _HEADERS)


def _start(
    world: World, slug: str, branch: JsonValue, fields: Mapping[str, JsonValue]
) -> JsonValue:
    """Start a pipeline, and return the number of its first job, None if it has none."""
    parameters = fields.get("parameters")
    tag = fields.get("tag")
    pipeline = run_pipeline(
        world,
        world.project(slug),
        None if branch is None else str(branch),
        None if tag is None else str(tag),
        dict(parameters) if isinstance(parameters, dict) else {},
    )
    jobs = [job for each in world.workflows_of(pipeline) for job in each.jobs]
    return jobs[0].number if jobs else None


def _fields(request: Request) -> Mapping[str, JsonValue]:
    try:
        fields = decode(request.body) if request.body else {}
    except JsonError:
        fields = None
    if not isinstance(fields, dict):
        raise bad_request("The request body must be a JSON object.")
    return fields


_ROUTES: Final[
    Sequence[tuple[re.Pattern[str], Callable[[World, Request, Sequence[str]], Answer]]]
] = (
    (re.compile(f"{_PROJECT}/build"), _build),
    (re.compile(_PROJECT), _build_branch),
    (re.compile(f"{_PROJECT}/tree/(.+)"), _build_branch),
    (re.compile(rf"{_PROJECT}/(\d{{1,18}})/(retry|ssh)"), _retry),
)
