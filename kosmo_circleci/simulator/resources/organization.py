"""Organizations: created, read and deleted; the URLs that their orbs may be loaded from."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, row_fields, row_of, rows_of
from kosmo_circleci.simulator.entities import VCS_TYPES, Organization
from kosmo_circleci.simulator.world import Row, Table, World

_SHORT_VCS: Final = {long: short for short, long in VCS_TYPES.items()}

_HIDDEN: Final = ("organization_id",)
"""Fields of an allow-list entry that no answer shows."""


def organization_row(organization: Organization) -> dict[str, JsonValue]:
    """Return the organization with its long vcs type (`github`)."""
    return {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "vcs_type": VCS_TYPES[organization.vcs],
    }


def create(call: Call) -> JsonValue:
    """Answer `POST /organization`: the creator is its only member."""
    world, name = call.world, call.text("name")
    if not name or "/" in name:
        raise bad_request("name: expected a name without a slash")
    slug = f"{_SHORT_VCS[call.text('vcs_type')]}/{name}"
    if any(each.slug == slug for each in world.organizations.values()):
        raise bad_request(f"Organization {slug} already exists.")
    organization = Organization(world.new_id(), slug, name, members=(world.current_user.id,))
    world.organizations[organization.id] = organization
    return organization_row(organization)


def get(call: Call) -> JsonValue:
    """Answer `GET /organization/{org-slug-or-id}`."""
    return organization_row(call.organization)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /organization/{org-slug-or-id}`: all that it owns goes with it.

    No source documents a body.
    """
    world, gone = call.world, call.organization
    del world.organizations[gone.id]
    for project in [each for each in world.projects.values() if each.organization is gone]:
        world.delete_project(project)
    world.contexts = {k: v for k, v in world.contexts.items() if v.owner is not gone}
    return None


def list_allowed(call: Call) -> JsonValue:
    """Answer `GET /organization/{org-slug-or-id}/url-orb-allow-list`."""
    rows = rows_of(_entries(call.world), organization_id=call.organization.id)
    return call.page(rows, _entry)


def allow(call: Call) -> JsonValue:
    """Answer `POST /organization/{org-slug-or-id}/url-orb-allow-list`.

    `name` and `prefix` are required, and a prefix is an address that begins with `https://`.
    """
    for key in ("name", "prefix"):
        if not call.field(key):
            raise bad_request(f"{key}: this field is required")
    if not call.text("prefix").startswith("https://"):
        raise bad_request("prefix: expected an address that begins with https://")
    row: Row = {
        "id": call.world.new_id(),
        "name": call.text("name"),
        "prefix": call.text("prefix"),
        "auth": call.field("auth") or "none",
        "organization_id": call.organization.id,
    }
    _entries(call.world)[str(row["id"])] = row
    return _entry(row)


def disallow(call: Call) -> JsonValue:
    """Answer the `DELETE` of an allow-list entry: no source documents a body."""
    entries = _entries(call.world)
    row = row_of(
        entries,
        call.path["allow_list_entry_id"],
        "Allow-list entry",
        organization_id=call.organization.id,
    )
    del entries[str(row["id"])]
    return None


def _entries(world: World) -> Table:
    return world.table("url_orb_allow_list", _examples)


def _examples() -> list[Row]:
    return [
        {
            "id": "allow-list-entry-uuid",
            "name": "example orbs",
            "prefix": "https://orbs.example.com/",
            "auth": "none",
            "organization_id": "org-uuid",
        }
    ]


def _entry(row: Row) -> JsonValue:
    return row_fields(row, without=_HIDDEN)


ROUTES: Final[dict[str, Handler]] = {
    "create_organization": create,
    "get_organization": get,
    "delete_organization": delete,
    "list_url_orb_allow_list_entries": list_allowed,
    "create_url_orb_allow_list_entry": allow,
    "remove_url_orb_allow_list_entry": disallow,
}
