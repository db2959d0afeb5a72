"""Groups of an organization."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, row_fields, row_of, rows_of
from kosmo_circleci.simulator.world import Row, Table, World


def groups(world: World) -> Table:
    """Return the groups of all organizations by id; a row has the `org_id` it belongs to."""
    return world.table("groups", _examples)


def list_all(call: Call) -> JsonValue:
    """Answer `GET /organizations/{org_id}/groups`; `limit` is the size of a page."""
    return call.page(rows_of(groups(call.world), org_id=call.organization.id), _group)


def create(call: Call) -> JsonValue:
    """Answer `POST /organizations/{org_id}/groups`: no two groups share a name."""
    organization, name = call.organization, call.text("name")
    if not name:
        raise bad_request("name: this field is required")
    if any(each["name"] == name for each in rows_of(groups(call.world), org_id=organization.id)):
        raise bad_request(f"A group named {name} already exists.")
    row: Row = {
        "id": call.world.new_id(),
        "name": name,
        "description": call.field("description") or "",
        "org_id": organization.id,
    }
    groups(call.world)[str(row["id"])] = row
    return _group(row)


def get(call: Call) -> JsonValue:
    """Answer `GET /organizations/{org_id}/groups/{group_id}`."""
    return _group(_row(call))


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /organizations/{org_id}/groups/{group_id}`: no source documents a body."""
    del groups(call.world)[str(_row(call)["id"])]
    return None


def _row(call: Call) -> Row:
    table = groups(call.world)
    return row_of(table, call.path["group_id"], "Group", org_id=call.organization.id)


def _group(row: Row) -> JsonValue:
    return row_fields(row, without=("org_id",))


def _examples() -> list[Row]:
    examples = (("group-uuid", "developers"), ("another-group-uuid", "release managers"))
    return [
        {"id": group_id, "name": name, "description": f"The {name}", "org_id": "org-uuid"}
        for group_id, name in examples
    ]


ROUTES: Final[dict[str, Handler]] = {
    "get_organization_groups": list_all,
    "create_organization_group": create,
    "get_group": get,
    "delete_group": delete,
}
