"""Pipelines: listed, triggered, continued, with their configuration and values."""

from collections.abc import Iterable, Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Refused, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.plans import (
    CONFIG_SOURCE,
    SETUP_CONFIG_SOURCE,
    WORKFLOW_NAME,
    build_and_test,
)
from kosmo_circleci.simulator.resources.project import PROVIDERS, vcs_url
from kosmo_circleci.simulator.resources.workflow import workflow_row
from kosmo_circleci.simulator.world import Pipeline, Project, User, World

_MAX_PARAMETERS: Final = 100


def pipeline_row(pipeline: Pipeline) -> JsonObject:
    """Return the pipeline as every operation shows one."""
    created_at = timestamp(pipeline.created_s)
    updated_s = pipeline.created_s if pipeline.continued_s is None else pipeline.continued_s
    return {
        "id": pipeline.id,
        "errors": [],
        "project_slug": pipeline.project.slug,
        "updated_at": timestamp(updated_s),
        "number": pipeline.number,
        "trigger_parameters": {**pipeline.parameters},
        "state": _state(pipeline),
        "created_at": created_at,
        "trigger": {
            "type": pipeline.trigger_type,
            "received_at": created_at,
            "actor": {"login": pipeline.actor.login, "avatar_url": None},
        },
        "vcs": _vcs_row(pipeline),
    }


def list_all(call: Call) -> JsonValue:
    """Answer `GET /pipeline`: of one organization, or of all that the user follows."""
    found: Iterable[Pipeline] = call.world.newest_pipelines()
    slug = call.asked("org-slug")
    if slug is not None:
        organization = call.world.organization(slug)
        found = [each for each in found if each.project.organization is organization]
    actor = call.world.current_user if call.asked("mine") == "true" else None
    return _page(call, found, actor=actor)


def list_of_project(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/pipeline`, optionally of one branch."""
    branch = call.asked("branch")
    found = [each for each in _of_project(call) if branch in (None, each.branch)]
    return _page(call, found)


def list_mine(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/pipeline/mine`."""
    return _page(call, _of_project(call), actor=call.world.current_user)


def get(call: Call) -> JsonValue:
    """Answer `GET /pipeline/{pipeline-id}`."""
    return pipeline_row(_pipeline(call))


def get_by_number(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/pipeline/{pipeline-number}`."""
    number = int(call.path["pipeline_number"])
    for pipeline in _of_project(call):
        if pipeline.number == number:
            return pipeline_row(pipeline)
    raise not_found("Pipeline")


def get_config(call: Call) -> JsonValue:
    """Answer `GET /pipeline/{pipeline-id}/config`; a setup pipeline has a setup config too."""
    pipeline = _pipeline(call)
    if pipeline.continuation_key is None:
        return {"source": CONFIG_SOURCE, "compiled": CONFIG_SOURCE}
    source = pipeline.configuration or SETUP_CONFIG_SOURCE
    return {
        "source": source,
        "compiled": source,
        "setup-config": SETUP_CONFIG_SOURCE,
        "compiled-setup-config": SETUP_CONFIG_SOURCE,
    }


def get_values(call: Call) -> JsonValue:
    """Answer `GET /pipeline/{pipeline-id}/values`: what `<< pipeline.… >>` stands for."""
    pipeline = _pipeline(call)
    values: JsonObject = {
        "pipeline.id": pipeline.id,
        "pipeline.number": pipeline.number,
        "pipeline.project.git_url": vcs_url(pipeline.project),
        "pipeline.git.branch": pipeline.branch or "",
        "pipeline.git.tag": pipeline.tag or "",
        "pipeline.git.revision": pipeline.revision,
        "pipeline.trigger_source": pipeline.trigger_type,
    }
    given = {f"pipeline.parameters.{name}": each for name, each in pipeline.parameters.items()}
    return {**values, **given}


def list_workflows(call: Call) -> JsonValue:
    """Answer `GET /pipeline/{pipeline-id}/workflow`."""
    now_s = call.world.now_s
    found = call.world.workflows_of(_pipeline(call))
    return call.page([workflow_row(each, now_s) for each in found])


def trigger(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/pipeline`: branch (default main) or tag."""
    return _triggered(call, *_ref(call.body, ""))


def trigger_run(call: Call) -> JsonValue:
    """Answer `POST /project/{provider}/{organization}/{project}/pipeline/run`.

    The checkout decides which commit is built; without one, where the configuration comes from.
    """
    refs = [_ref(_object(call, key), f"{key}.") for key in ("checkout", "config")]
    branch, tag = next((each for each in refs if any(each)), (None, None))
    return _triggered(call, branch, tag)


def continue_setup(call: Call) -> JsonValue:
    """Answer `POST /pipeline/continue`: a setup pipeline gets its real workflow, once."""
    world, key = call.world, call.text("continuation-key")
    pipeline = next((p for p in world.pipelines.values() if p.continuation_key == key), None)
    if pipeline is None:
        raise not_found("Pipeline")
    if pipeline.continued_s is not None:
        raise Refused(400, "The pipeline was already continued.")
    pipeline.parameters = {**pipeline.parameters, **_parameters(call)}
    pipeline.configuration = call.text("configuration")
    pipeline.continued_s = world.now_s
    _start(world, pipeline)
    return {"message": "Accepted."}


def _pipeline(call: Call) -> Pipeline:
    return call.world.pipeline(call.path["pipeline_id"])


def _of_project(call: Call) -> list[Pipeline]:
    project = call.project
    return [each for each in call.world.newest_pipelines() if each.project is project]


def _page(call: Call, found: Iterable[Pipeline], *, actor: User | None = None) -> JsonValue:
    return call.page([pipeline_row(each) for each in found if actor in (None, each.actor)])


def _state(pipeline: Pipeline) -> str:
    waits = pipeline.continuation_key is not None and pipeline.continued_s is None
    return "setup" if waits else "created"


def _vcs_row(pipeline: Pipeline) -> JsonObject:
    url = vcs_url(pipeline.project)
    row: JsonObject = {
        "provider_name": PROVIDERS[pipeline.project.organization.vcs],
        "target_repository_url": url,
        "revision": pipeline.revision,
        "commit": {"subject": "Example commit", "body": None},
        "origin_repository_url": url,
    }
    if pipeline.tag is not None:
        return {**row, "tag": pipeline.tag}
    return {**row, "branch": pipeline.branch}


def _triggered(call: Call, branch: str | None, tag: str | None) -> JsonValue:
    parameters = _parameters(call)
    world, project = call.world, call.project
    pipeline = Pipeline(
        id=world.new_id(),
        number=_next_number(project),
        project=project,
        created_s=world.now_s,
        actor=world.current_user,
        revision=world.new_revision(),
        branch=branch or (None if tag else "main"),
        tag=tag,
        parameters=parameters,
    )
    world.pipelines[pipeline.id] = pipeline
    _start(world, pipeline)
    return {
        "id": pipeline.id,
        "state": _state(pipeline),
        "number": pipeline.number,
        "created_at": timestamp(pipeline.created_s),
    }


def _start(world: World, pipeline: Pipeline) -> None:
    plans = build_and_test(pipeline.branch)
    jobs = [world.new_job(pipeline.project, plan) for plan in plans]
    world.start_workflow(pipeline, WORKFLOW_NAME, jobs)


def _next_number(project: Project) -> int:
    number = project.next_pipeline_number
    project.next_pipeline_number += 1
    return number


def _object(call: Call, key: str) -> Mapping[str, JsonValue]:
    given = call.given(key)
    return given if isinstance(given, dict) else {}


def _ref(source: Mapping[str, JsonValue], prefix: str) -> tuple[str | None, str | None]:
    branch, tag = source.get("branch"), source.get("tag")
    if branch and tag:
        raise Refused(400, f"Only one of {prefix}branch and {prefix}tag may be given.")
    return (str(branch) if branch else None), (str(tag) if tag else None)


def _parameters(call: Call) -> JsonObject:
    given = _object(call, "parameters")
    if len(given) > _MAX_PARAMETERS:
        raise Refused(400, f"At most {_MAX_PARAMETERS} pipeline parameters may be given.")
    for name, value in given.items():
        if not isinstance(value, str | int):  # true and false are integers to Python
            raise Refused(400, f"parameters.{name}: expected a string, an integer or a boolean")
    return dict(given)


ROUTES: Final[dict[str, Handler]] = {
    "list_pipelines": list_all,
    "list_pipelines_for_project": list_of_project,
    "list_my_pipelines": list_mine,
    "get_pipeline_by_id": get,
    "get_pipeline_by_number": get_by_number,
    "get_pipeline_config_by_id": get_config,
    "get_pipeline_values_by_id": get_values,
    "list_workflows_by_pipeline_id": list_workflows,
    "trigger_pipeline": trigger,
    "trigger_pipeline_run": trigger_run,
    "continue_pipeline": continue_setup,
}
