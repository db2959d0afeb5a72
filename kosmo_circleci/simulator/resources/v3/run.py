"""Runs, which API v2 calls pipelines: one, the user's own, and a search with a filter."""

from collections.abc import Sequence
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import second_of, timestamp
from kosmo_circleci.simulator.entities import Pipeline, Project
from kosmo_circleci.simulator.envelopes import (
    entity,
    filter_text,
    many,
    many_by_body,
    one,
    reference,
)
from kosmo_circleci.simulator.phases import run_state
from kosmo_circleci.simulator.resources.project import PROVIDERS, vcs_url
from kosmo_circleci.simulator.resources.v3.filters import Filter, run_variables

_ORDERS: Final = ("", "created_at", "created_at desc", "created_at asc")


def get(call: Call) -> JsonValue:
    """Answer `GET /runs/{id}`."""
    return one(_run(call, call.world.pipeline(call.path["run_id"])))


def list_mine(call: Call) -> JsonValue:
    """Answer `GET /runs` for `filter[user_id]=me`: in all projects, the newest first."""
    if filter_text(call, "user_id") != "me":
        message = "Query parameter 'filter[user_id]' is required, and only 'me' is known."
        raise bad_request(message, title="Missing Required Filter")
    world, phase, outcome = (
        call.world,
        filter_text(call, "phase"),
        filter_text(call, "current_outcome"),
    )
    states = {each.id: run_state(world, each) for each in world.newest_pipelines()}
    runs = [
        each
        for each in _between(
            world.newest_pipelines(), filter_text(call, "from"), filter_text(call, "to")
        )
        if each.actor is world.current_user
        and phase in (None, states[each.id].phase)
        and outcome in (None, states[each.id].current_outcome)
    ]
    return many(call, runs, lambda each: _run(call, each))


def search(call: Call) -> JsonValue:
    """Answer `POST /runs/search`: of some projects in some time, those that the filter keeps."""
    projects, period = scope_of(call)
    order = str(call.field("order_by") or "")
    if order not in _ORDERS:
        raise bad_request("order_by: expected created_at, with asc or desc")
    keep = Filter(call)
    runs = [
        each
        for each in _between(call.world.newest_pipelines(), *period)
        if each.project in projects and keep(run_variables(call.world, each))
    ]
    if order.endswith("asc"):
        runs.reverse()
    return many_by_body(call, runs, lambda each: _run(call, each))


def scope_of(call: Call) -> tuple[list[Project], tuple[str | None, str | None]]:
    """Return the projects of `scope` in the body, and its time: from, to.

    Refuses a request without a project (400) or with one that is not there (404).
    """
    scope = call.object("scope")
    ids = scope.get("project_ids")
    if not isinstance(ids, list) or not ids:
        raise bad_request("At least one project is needed.", title="scope.project_ids")
    projects = [call.world.project_by_id(str(each)) for each in ids]
    times = [scope.get(key) for key in ("from", "to")]
    start, end = (None if each is None else str(each) for each in times)
    if start and end and second_of(end) < second_of(start):
        raise bad_request("The end is before the start.", title="scope.to")
    return projects, (start, end)


def _between(pipelines: Sequence[Pipeline], start: str | None, end: str | None) -> list[Pipeline]:
    return [
        each
        for each in pipelines
        if (not start or second_of(start) <= each.created_s)
        and (not end or each.created_s <= second_of(end))
    ]


def _run(call: Call, pipeline: Pipeline) -> JsonObject:
    state = run_state(call.world, pipeline)
    errors: list[JsonValue] = []
    if pipeline.trouble is not None:
        errors = [{"type": "config", "message": pipeline.trouble}]
    attributes: JsonObject = {
        "number": pipeline.number,
        "phase": state.phase,
        "current_outcome": state.current_outcome,
        "created_at": timestamp(pipeline.created_s),
        "errors": errors,
        "warnings": [],
    }
    source: JsonObject = {"event_source": {"type": pipeline.trigger_type}}
    return entity(
        pipeline.id,
        attributes,
        event={"attributes": _event(pipeline)},
        trigger={"attributes": source},
        project=reference(pipeline.project.id),
        user=reference(pipeline.actor.id, login=pipeline.actor.login),
    )


def _event(pipeline: Pipeline) -> JsonObject:
    url = vcs_url(pipeline.project)
    return {
        "type": "push" if pipeline.trigger_type == "webhook" else pipeline.trigger_type,
        "action": "created",
        "vcs": {
            "provider_name": PROVIDERS[pipeline.project.organization.vcs],
            "branch": pipeline.branch or "",
            "tag": pipeline.tag or "",
            "revision": pipeline.revision,
            "origin_repository_url": url,
            "commit": {
                "subject": "Example commit",
                "url": f"{url}/commit/{pipeline.revision}",
                "author": {"name": pipeline.actor.name, "login": pipeline.actor.login},
            },
        },
    }


ROUTES: Final[dict[str, Handler]] = {
    "get_run": get,
    "list_my_runs": list_mine,
    "search_runs": search,
}
