"""Namespaces of orbs and runners: their names are unique in all of CircleCI.

One is deleted with its orbs, in `orb.py`.
"""

import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, conflict, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of
from kosmo_circleci.simulator.envelopes import entity, filter_text, one
from kosmo_circleci.simulator.world import Row, Table, World

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")


def namespaces(world: World) -> Table:
    """Return all namespaces by id; a row has the `org_id` it belongs to."""
    return world.table("namespaces", _examples)


def namespace_named(world: World, name: str) -> Row:
    """Return the namespace of that name, or refuse with 404."""
    for row in namespaces(world).values():
        if row["name"] == name:
            return row
    raise not_found("Namespace")


def owned_namespace(call: Call, namespace_id: str) -> Row:
    """Return a namespace of one of the user's organizations, or refuse with 404."""
    row = row_of(namespaces(call.world), namespace_id, "Namespace")
    call.world.organization_by_id(str(row["org_id"]))
    return row


def find(call: Call) -> JsonValue:
    """Answer `GET /namespaces?filter[name]=`: one entity, not a list."""
    return one(_namespace(namespace_named(call.world, filter_text(call, "name") or "")))


def get(call: Call) -> JsonValue:
    """Answer `GET /namespaces/{id}`."""
    return one(_namespace(row_of(namespaces(call.world), call.path["namespace_id"], "Namespace")))


def create(call: Call) -> JsonValue:
    """Answer `POST /namespaces`: a flat body."""
    organization = call.world.organization_by_id(call.text("org_id"))
    row: Row = {
        "id": call.world.new_id(),
        "org_id": organization.id,
        "name": _free_name(call, call.text("name")),
    }
    namespaces(call.world)[str(row["id"])] = row
    return one(_namespace(row))


def rename(call: Call) -> JsonValue:
    """Answer `POST /namespaces/{id}/rename`: orbs and runners follow their namespace."""
    row = owned_namespace(call, call.path["namespace_id"])
    if row["name"] != call.text("name"):
        row["name"] = _free_name(call, call.text("name"))
    return one(_namespace(row))


def _free_name(call: Call, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise bad_request(
            "A name has lower case letters, digits, hyphens and underscores.",
            title="Invalid namespace name",
        )
    if any(row["name"] == name for row in namespaces(call.world).values()):
        raise conflict(f"The namespace {name} already exists.")
    return name


def _namespace(row: Row) -> JsonObject:
    return entity(str(row["id"]), {"name": row["name"]})


def _examples() -> list[Row]:
    return [
        {"id": "namespace-uuid", "org_id": "org-uuid", "name": "example-org"},
        {"id": "circleci-namespace-uuid", "org_id": "circleci-org-uuid", "name": "circleci"},
    ]


ROUTES: Final[dict[str, Handler]] = {
    "find_namespace": find,
    "get_namespace": get,
    "create_namespace": create,
    "rename_namespace": rename,
}
