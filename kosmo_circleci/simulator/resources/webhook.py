"""Outbound webhooks of a project. They are stored and never called."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import (
    Call,
    Handler,
    JsonObject,
    row_fields,
    row_of,
    rows_of,
)
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.resources.project import masked
from kosmo_circleci.simulator.world import Row, Table, World

_CHANGEABLE: Final = ("name", "events", "url", "verify-tls", "signing-secret")


def list_all(call: Call) -> JsonValue:
    """Answer `GET /webhook` for one project: `scope-id`, with `scope-type=project`."""
    project = call.world.project_by_id(call.query_text("scope-id") or "")
    return call.page(rows_of(_webhooks(call.world), project_id=project.id), _webhook)


def create(call: Call) -> JsonValue:
    """Answer `POST /webhook`: the address must be `https`, the scope a project."""
    scope = call.object("scope")
    for key in ("id", "type"):
        if not scope.get(key):
            raise bad_request(f"scope.{key}: this field is required")
    project = call.world.project_by_id(str(scope["id"]))
    _check(call)
    now = timestamp(call.world.now_s)
    row: Row = {
        "id": call.world.new_id(),
        "project_id": project.id,
        **{key: call.field(key) for key in _CHANGEABLE},
        "created-at": now,
        "updated-at": now,
    }
    _webhooks(call.world)[str(row["id"])] = row
    return _webhook(row)


def get(call: Call) -> JsonValue:
    """Answer `GET /webhook/{webhook-id}`."""
    return _webhook(_row(call))


def update(call: Call) -> JsonValue:
    """Answer `PUT /webhook/{webhook-id}`: only fields in the request change."""
    row = _row(call)
    _check(call)
    fields = {key: call.field(key) for key in _CHANGEABLE}
    row.update({key: value for key, value in fields.items() if value is not None})
    row["updated-at"] = timestamp(call.world.now_s)
    return _webhook(row)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /webhook/{webhook-id}`."""
    del _webhooks(call.world)[str(_row(call)["id"])]
    return {"message": "Webhook deleted."}


def _webhooks(world: World) -> Table:
    return world.table("webhooks", _examples)


def _row(call: Call) -> Row:
    row = row_of(_webhooks(call.world), call.path["webhook_id"], "Webhook")
    if row["project_id"] not in {each.id for each in call.world.visible_projects()}:
        raise not_found("Webhook")
    return row


def _check(call: Call) -> None:
    url, events = call.field("url"), call.field("events")
    if url is not None and not str(url).startswith("https://"):
        raise bad_request("url: expected an address that begins with https://")
    if events == []:
        raise bad_request("events: expected at least one event")


def _webhook(row: Row) -> JsonObject:
    return {
        **row_fields(row, without=("project_id",)),
        "signing-secret": masked(str(row["signing-secret"])),
        "scope": {"id": row["project_id"], "type": "project"},
    }


def _examples() -> list[Row]:
    return [
        {
            "id": "webhook-uuid",
            "project_id": "project-uuid",
            "name": "builds",
            "events": ["workflow-completed", "job-completed"],
            "url": "https://example.com/hook",
            "verify-tls": True,
            "signing-secret": "simulated-secret",
            "created-at": timestamp(-30 * 86_400),
            "updated-at": timestamp(-7 * 86_400),
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "get_webhooks": list_all,
    "create_webhook": create,
    "get_webhook_by_id": get,
    "update_webhook": update,
    "delete_webhook": delete,
}
