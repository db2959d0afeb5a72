"""Pipeline definitions of a project, and their triggers.

A definition says where configuration and code come from; a trigger names the event that starts it.
"""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import (
    Call,
    Handler,
    JsonObject,
    row_fields,
    row_of,
    rows_of,
)
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Project
from kosmo_circleci.simulator.world import Row, Table, World

_CREATED_AT: Final = timestamp(-90 * 86_400)

_SOURCE_PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "config_source": ("github_app", "github_oauth", "circleci"),
    "checkout_source": ("github_app", "github_oauth"),
}

REPOSITORY_ID: Final = "123456789"
"""The external id of every repository that is not named by the request."""

_HIDDEN_OF_TRIGGER: Final = ("project_id", "definition_id")
_TRIGGER_FIELDS: Final = ("event_preset", "checkout_ref", "config_ref", "event_name", "disabled")
_EVENT_PROVIDERS: Final = ("github_app", "github_oauth", "webhook")

_ONLY_WITH: Final[Mapping[str, str]] = {"event_preset": "github_app", "event_name": "webhook"}
"""Field -> the provider of its event source, whatever else the trigger has."""

_WEBHOOK_URL: Final = "https://internal.circleci.com/private/soc/e/simulated?secret=xxxx"


def definitions(world: World) -> Table:
    """Return the definitions of all projects by id; a row has the `project_id` it belongs to."""
    return world.table("definitions", _example_definitions)


def triggers(world: World) -> Table:
    """Return all triggers by id; a row has the `project_id` and `definition_id` it belongs to."""
    return world.table("triggers", _example_triggers)


def definition_of(world: World, project: Project, definition_id: str) -> Row:
    """Return the project's definition of that id, or refuse with 404."""
    return row_of(definitions(world), definition_id, "Pipeline definition", project_id=project.id)


def list_definitions(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/pipeline-definitions`: `{items}`, never in pages."""
    rows = rows_of(definitions(call.world), project_id=call.project.id)
    return {"items": [_definition(row) for row in rows]}


def create_definition(call: Call) -> JsonValue:
    """Answer `POST /projects/{project_id}/pipeline-definitions`.

    The default source is the project's own repository with `.circleci/config.yml`.
    """
    project = call.project
    row: Row = {
        "id": call.world.new_id(),
        "project_id": project.id,
        "name": call.field("name") or project.name,
        "description": call.field("description") or "",
        "created_at": timestamp(call.world.now_s),
        "config_source": _source(call, project, "config_source"),
        "checkout_source": _source(call, project, "checkout_source"),
    }
    definitions(call.world)[str(row["id"])] = row
    return _definition(row)


def get_definition(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/pipeline-definitions/{pipeline_definition_id}`."""
    return _definition(_definition_row(call))


def update_definition(call: Call) -> JsonValue:
    """Answer the `PATCH` of a definition: only fields that are in the request change."""
    row, project = _definition_row(call), call.project
    changes: Row = {key: call.field(key) for key in ("name", "description")}
    for key in ("config_source", "checkout_source"):
        if call.field(key) is not None:
            changes[key] = _source(call, project, key)
    row.update({key: value for key, value in changes.items() if value is not None})
    return _definition(row)


def delete_definition(call: Call) -> JsonValue:
    """Answer the `DELETE` of a definition and its triggers. No source documents a body."""
    definition_id = str(_definition_row(call)["id"])
    table = triggers(call.world)
    for row in rows_of(table, definition_id=definition_id):
        del table[str(row["id"])]
    del definitions(call.world)[definition_id]
    return None


def list_triggers(call: Call) -> JsonValue:
    """Answer `GET …/pipeline-definitions/{pipeline_definition_id}/triggers`: `{items}`."""
    definition_id = _definition_row(call)["id"]
    rows = rows_of(triggers(call.world), definition_id=str(definition_id))
    return {"items": [_trigger(row) for row in rows]}


def create_trigger(call: Call) -> JsonValue:
    """Answer `POST …/pipeline-definitions/{pipeline_definition_id}/triggers`.

    Without an event source it is every push to the project's own repository.
    """
    row: Row = {
        "id": call.world.new_id(),
        "project_id": call.project.id,
        "definition_id": _definition_row(call)["id"],
        "created_at": timestamp(call.world.now_s),
        "event_source": _event_source(call, call.object("event_source")),
        "disabled": False,
        **_trigger_fields(call),
    }
    if _provider(row) == "github_app":
        row.setdefault("event_preset", "all-pushes")
    _check_trigger(row)
    triggers(call.world)[str(row["id"])] = row
    return _trigger(row)


def get_trigger(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/triggers/{trigger_id}`."""
    return _trigger(_trigger_row(call))


def update_trigger(call: Call) -> JsonValue:
    """Answer `PATCH /projects/{project_id}/triggers/{trigger_id}`.

    Only fields that are in the request change.
    """
    row = _trigger_row(call)
    changed = {**row, **_trigger_fields(call)}
    if call.field("event_source") is not None:
        before = row["event_source"] if isinstance(row["event_source"], dict) else {}
        changed["event_source"] = _event_source(call, {**before, **call.object("event_source")})
    _check_trigger(changed)
    row.update(changed)
    return _trigger(row)


def delete_trigger(call: Call) -> JsonValue:
    """Answer `DELETE /projects/{project_id}/triggers/{trigger_id}`: no documented body."""
    del triggers(call.world)[str(_trigger_row(call)["id"])]
    return None


def _definition_row(call: Call) -> Row:
    return definition_of(call.world, call.project, call.path["pipeline_definition_id"])


def _definition(row: Row) -> JsonObject:
    return row_fields(row, without=("project_id",))


def _source(call: Call, project: Project, key: str) -> JsonObject:
    fields = call.object(key)
    provider = fields.get("provider", "github_app")
    if provider not in _SOURCE_PROVIDERS[key]:
        raise bad_request(f"{key}.provider: expected one of {', '.join(_SOURCE_PROVIDERS[key])}")
    source: JsonObject = {"provider": provider}
    if provider != "circleci":
        source["repo"] = _repository(project, fields.get("repo"))
    if key == "config_source":
        source["file_path"] = fields.get("file_path") or ".circleci/config.yml"
    return source


def _repository(project: Project, fields: JsonValue) -> JsonObject:
    external_id = fields.get("external_id") if isinstance(fields, dict) else None
    return {
        "full_name": f"{project.organization.name}/{project.name}",
        "external_id": external_id or REPOSITORY_ID,
    }


def _trigger_row(call: Call) -> Row:
    table = triggers(call.world)
    return row_of(table, call.path["trigger_id"], "Trigger", project_id=call.project.id)


def _trigger(row: Row) -> JsonObject:
    return row_fields(row, without=_HIDDEN_OF_TRIGGER)


def _trigger_fields(call: Call) -> Row:
    fields = {key: call.field(key) for key in _TRIGGER_FIELDS}
    return {key: value for key, value in fields.items() if value is not None}


def _event_source(call: Call, fields: Mapping[str, JsonValue]) -> JsonObject:
    provider = fields.get("provider", "github_app")
    if provider not in _EVENT_PROVIDERS:
        raise bad_request(f"event_source.provider: expected one of {', '.join(_EVENT_PROVIDERS)}")
    if provider != "webhook":
        if fields and not fields.get("repo"):
            raise bad_request("event_source.repo: this field is required")
        return {"provider": provider, "repo": _repository(call.project, fields.get("repo"))}
    webhook = fields.get("webhook")
    sender = webhook.get("sender") if isinstance(webhook, dict) else None
    return {"provider": provider, "webhook": {"url": _WEBHOOK_URL, "sender": sender or "custom"}}


def _check_trigger(row: Row) -> None:
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


def _example_repository() -> JsonObject:
    return {"full_name": "example-org/example-repo", "external_id": REPOSITORY_ID}


def _example_definitions() -> list[Row]:
    return [
        {
            "id": "definition-uuid",
            "project_id": "project-uuid",
            "name": "build-and-test",
            "description": "Builds every push",
            "created_at": _CREATED_AT,
            "config_source": {
                "provider": "github_app",
                "repo": _example_repository(),
                "file_path": ".circleci/config.yml",
            },
            "checkout_source": {"provider": "github_app", "repo": _example_repository()},
        }
    ]


def _example_triggers() -> list[Row]:
    return [
        {
            "id": "trigger-uuid",
            "project_id": "project-uuid",
            "definition_id": "definition-uuid",
            "created_at": _CREATED_AT,
            "event_source": {"provider": "github_app", "repo": _example_repository()},
            "event_preset": "all-pushes",
            "disabled": False,
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_pipeline_definitions": list_definitions,
    "create_pipeline_definition": create_definition,
    "get_pipeline_definition": get_definition,
    "update_pipeline_definition": update_definition,
    "delete_pipeline_definition": delete_definition,
    "list_pipeline_definition_triggers": list_triggers,
    "create_trigger": create_trigger,
    "get_trigger": get_trigger,
    "update_trigger": update_trigger,
    "delete_trigger": delete_trigger,
}
