"""Triggers of a pipeline definition: the events that would start it."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of, shown
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.resources.definition import (
    REPOSITORY_ID,
    definition_of,
    repository,
)
from kosmo_circleci.simulator.world import Row, Table, World

_WORLDS_OWN: Final = ("project_id", "definition_id")
_PLAIN: Final = ("event_preset", "checkout_ref", "config_ref", "event_name", "disabled")
_PROVIDERS: Final = ("github_app", "github_oauth", "webhook")

_ONLY_WITH: Final[Mapping[str, str]] = {"event_preset": "github_app", "event_name": "webhook"}
"""Field -> the provider of its event source, whatever else is given."""


def triggers(world: World) -> Table:
    """Return all triggers by id; a row has the `project_id` and `definition_id` it belongs to."""
    return world.table("triggers", _examples)


def list_all(call: Call) -> JsonValue:
    """Answer `GET …/pipeline-definitions/{pipeline_definition_id}/triggers`: `{items}`."""
    definition_id = _definition_id(call)
    rows = rows_of(triggers(call.world), definition_id=definition_id)
    return {"items": [_trigger(row) for row in rows]}


def create(call: Call) -> JsonValue:
    """Answer `POST …/pipeline-definitions/{pipeline_definition_id}/triggers`.

    Without an event source it is every push to the project's own repository.
    """
    row: Row = {
        "id": call.world.new_id(),
        "project_id": call.project.id,
        "definition_id": _definition_id(call),
        "created_at": timestamp(call.world.now_s),
        "event_source": _event_source(call, call.object("event_source")),
        "disabled": False,
        **_given(call),
    }
    if _provider(row) == "github_app":
        row.setdefault("event_preset", "all-pushes")
    _check(row)
    triggers(call.world)[str(row["id"])] = row
    return _trigger(row)


def get(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/triggers/{trigger_id}`."""
    return _trigger(_row(call))


def update(call: Call) -> JsonValue:
    """Answer `PATCH /projects/{project_id}/triggers/{trigger_id}`: what is given changes."""
    row = _row(call)
    changed = {**row, **_given(call)}
    if call.given("event_source") is not None:
        before = row["event_source"] if isinstance(row["event_source"], dict) else {}
        changed["event_source"] = _event_source(call, {**before, **call.object("event_source")})
    _check(changed)
    row.update(changed)
    return _trigger(row)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /projects/{project_id}/triggers/{trigger_id}`: no documented body."""
    del triggers(call.world)[str(_row(call)["id"])]
    return None


def _definition_id(call: Call) -> str:
    row = definition_of(call.world, call.project, call.path["pipeline_definition_id"])
    return str(row["id"])


def _row(call: Call) -> Row:
    found = triggers(call.world)
    return row_of(found, call.path["trigger_id"], "Trigger", project_id=call.project.id)


def _given(call: Call) -> Row:
    return {key: call.given(key) for key in _PLAIN if call.given(key) is not None}


def _event_source(call: Call, given: Mapping[str, JsonValue]) -> JsonObject:
    provider = given.get("provider", "github_app")
    if provider not in _PROVIDERS:
        raise bad_request(f"event_source.provider: expected one of {', '.join(_PROVIDERS)}")
    if provider != "webhook":
        if given and not given.get("repo"):
            raise bad_request("event_source.repo: this field is required")
        return {"provider": provider, "repo": repository(call.project, given.get("repo"))}
    asked = given.get("webhook")
    sender = asked.get("sender") if isinstance(asked, dict) else None
    url = "https://internal.circleci.com/private/soc/e/simulated?secret=xxxx"
    return {"provider": provider, "webhook": {"url": url, "sender": sender or "custom"}}


def _check(row: Row) -> None:
    provider = _provider(row)
    for key, only in _ONLY_WITH.items():
        if row.get(key) and provider != only:
            raise bad_request(f"{key}: only for the event source {only}")
    for key in ("checkout_ref", "config_ref"):
        if provider == "webhook" and not row.get(key):
            raise bad_request(f"{key}: this field is required for the event source webhook")


def _provider(row: Row) -> JsonValue:
    source = row["event_source"]
    return source["provider"] if isinstance(source, dict) else None


def _trigger(row: Row) -> JsonObject:
    return shown(row, without=_WORLDS_OWN)


def _examples() -> list[Row]:
    repo: JsonObject = {"full_name": "example-org/example-repo", "external_id": REPOSITORY_ID}
    return [
        {
            "id": "trigger-uuid",
            "project_id": "project-uuid",
            "definition_id": "definition-uuid",
            "created_at": timestamp(-90 * 86_400),
            "event_source": {"provider": "github_app", "repo": repo},
            "event_preset": "all-pushes",
            "disabled": False,
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_pipeline_definition_triggers": list_all,
    "create_trigger": create,
    "get_trigger": get,
    "update_trigger": update,
    "delete_trigger": delete,
}
