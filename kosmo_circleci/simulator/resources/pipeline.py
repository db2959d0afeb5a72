"""Pipelines: listed, triggered, continued, with their configuration and values."""

from collections.abc import Mapping, Sequence
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.configs import CONFIG_SOURCE, SETUP_CONFIG_SOURCE
from kosmo_circleci.simulator.entities import Pipeline, Project
from kosmo_circleci.simulator.plans import (
    CONFIG_TROUBLE,
    GENERATE_CONFIG,
    SETUP_WORKFLOW_NAME,
    WORKFLOW_NAME,
    build_and_test,
    outcomes,
)
from kosmo_circleci.simulator.progress import JobPlan
from kosmo_circleci.simulator.resources.project import PROVIDERS, vcs_url
from kosmo_circleci.simulator.resources.workflow import workflow_row
from kosmo_circleci.simulator.world import World

_MAX_PARAMETERS: Final = 100

_MOST_RECENT: Final = 250
"""How many pipelines `GET /pipeline` shows at most."""


def pipeline_row(pipeline: Pipeline) -> JsonObject:
    """Return the pipeline as every operation shows one."""
    created_at = timestamp(pipeline.created_s)
    updated_s = pipeline.created_s if pipeline.continued_s is None else pipeline.continued_s
    return {
        "id": pipeline.id,
        "errors": _errors(pipeline),
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
    pipelines = call.world.newest_pipelines()
    slug = call.query_text("org-slug")
    if slug is not None:
        organization = call.world.organization_by_slug(slug)
        pipelines = [each for each in pipelines if each.project.organization is organization]
    if call.query_text("mine") == "true":
        pipelines = [each for each in pipelines if each.actor is call.world.current_user]
    return call.page(pipelines[:_MOST_RECENT], pipeline_row)


def list_of_project(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/pipeline`, optionally of one branch."""
    branch = call.query_text("branch")
    pipelines = [each for each in _of_project(call) if branch in (None, each.branch)]
    return call.page(pipelines, pipeline_row)


def list_mine(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/pipeline/mine`."""
    user = call.world.current_user
    return call.page([each for each in _of_project(call) if each.actor is user], pipeline_row)


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
    parameters = {f"pipeline.parameters.{name}": each for name, each in pipeline.parameters.items()}
    return {**values, **parameters}


def list_workflows(call: Call) -> JsonValue:
    """Answer `GET /pipeline/{pipeline-id}/workflow`."""
    now_s = call.world.now_s
    workflows = call.world.workflows_of(_pipeline(call))
    return call.page(workflows, lambda each: workflow_row(each, now_s))


def trigger(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/pipeline`: branch (default main) or tag."""
    return _start_and_describe(call, *_ref(call.body, ""))


def trigger_run(call: Call) -> JsonValue:
    """Answer `POST /project/{provider}/{organization}/{project}/pipeline/run`.

    The checkout decides which commit is built; without one, where the configuration comes from.
    """
    if call.field("definition_id") is not None:
        from kosmo_circleci.simulator.resources.definition import definition_of

        definition_of(call.world, call.project, call.text("definition_id"))
    refs = [_ref(call.object(key), f"{key}.") for key in ("checkout", "config")]
    branch, tag = next((each for each in refs if any(each)), (None, None))
    return _start_and_describe(call, branch, tag)


def continue_setup(call: Call) -> JsonValue:
    """Answer `POST /pipeline/continue`: a setup pipeline gets its real workflow, once."""
    world, key = call.world, call.text("continuation-key")
    pipeline = next((p for p in world.pipelines.values() if p.continuation_key == key), None)
    if pipeline is None or not world.sees(pipeline.project.organization):
        raise not_found("Pipeline")
    if pipeline.continued_s is not None:
        raise bad_request("The pipeline was already continued.")
    parameters = {**pipeline.parameters, **_parameters(call)}
    # `setup` and `error` applied to the setup itself; the other words decide how it continues.
    words = outcomes(pipeline.branch, parameters) - {"setup", "error"}
    plans = build_and_test(words, parameters)
    pipeline.parameters = parameters
    pipeline.configuration = call.text("configuration")
    pipeline.continued_s = world.now_s
    start(world, pipeline, WORKFLOW_NAME, plans)
    return {"message": "Accepted."}


def run_pipeline(
    world: World,
    project: Project,
    branch: str | None,
    tag: str | None,
    parameters: JsonObject,
) -> Pipeline:
    """Start a pipeline of the current user now, as its branch and parameters say.

    Neither branch nor tag means `main`. Refuses (400) parameters that make no sense, and then
    nothing has started.
    """
    branch = branch or (None if tag else "main")
    words = outcomes(branch, parameters)
    plans = build_and_test(words, parameters)
    pipeline = Pipeline(
        id=world.new_id(),
        number=project.next_pipeline_number,
        project=project,
        created_s=world.now_s,
        actor=world.current_user,
        revision=world.new_revision(),
        branch=branch,
        tag=tag,
        parameters=parameters,
    )
    project.next_pipeline_number += 1
    world.pipelines[pipeline.id] = pipeline
    if "error" in words:
        pipeline.trouble = CONFIG_TROUBLE
    elif "setup" in words:
        pipeline.continuation_key = world.new_id()
        start(world, pipeline, SETUP_WORKFLOW_NAME, [GENERATE_CONFIG], tag="setup")
    else:
        start(world, pipeline, WORKFLOW_NAME, plans)
    return pipeline


def start(
    world: World, pipeline: Pipeline, name: str, plans: Sequence[JobPlan], *, tag: str | None = None
) -> None:
    """Start a workflow of the pipeline now, with a new job for each of `plans`."""
    jobs = [world.new_job(pipeline.project, plan) for plan in plans]
    world.start_workflow(pipeline, name, jobs, tag=tag)


def _pipeline(call: Call) -> Pipeline:
    return call.world.pipeline(call.path["pipeline_id"])


def _of_project(call: Call) -> list[Pipeline]:
    return call.world.newest_pipelines(call.project)


def _errors(pipeline: Pipeline) -> list[JsonValue]:
    if pipeline.trouble is None:
        return []
    return [{"type": "config", "message": pipeline.trouble}]


def _state(pipeline: Pipeline) -> str:
    if pipeline.trouble is not None:
        return "errored"
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


def _start_and_describe(call: Call, branch: str | None, tag: str | None) -> JsonValue:
    parameters = _parameters(call)
    pipeline = run_pipeline(call.world, call.project, branch, tag, parameters)
    return {
        "id": pipeline.id,
        "state": _state(pipeline),
        "number": pipeline.number,
        "created_at": timestamp(pipeline.created_s),
    }


def _ref(source: Mapping[str, JsonValue], prefix: str) -> tuple[str | None, str | None]:
    branch, tag = source.get("branch"), source.get("tag")
    if branch and tag:
        raise bad_request(f"Only one of {prefix}branch and {prefix}tag may be given.")
    return (str(branch) if branch else None), (str(tag) if tag else None)


def _parameters(call: Call) -> JsonObject:
    parameters = call.object("parameters")
    if len(parameters) > _MAX_PARAMETERS:
        raise bad_request(f"At most {_MAX_PARAMETERS} pipeline parameters may be given.")
    for name, value in parameters.items():
        if not isinstance(value, str | int):  # true and false are integers to Python
            raise bad_request(f"parameters.{name}: expected a string, an integer or a boolean")
    return dict(parameters)


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
