"""Organizations: created, read and deleted."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Refused
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.world import VCS_TYPES, Organization

_SHORT_VCS: Final = {long: short for short, long in VCS_TYPES.items()}


def organization_row(organization: Organization) -> dict[str, JsonValue]:
    """Return the organization with its long vcs type (`github`)."""
    return {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "vcs_type": VCS_TYPES[organization.vcs],
    }


def create(call: Call) -> JsonValue:
    """Answer `POST /organization`."""
    slug = f"{_SHORT_VCS[call.text('vcs_type')]}/{call.text('name')}"
    if any(each.slug == slug for each in call.world.organizations.values()):
        raise Refused(400, f"Organization {slug} already exists.")
    organization = Organization(call.world.new_id(), slug, call.text("name"))
    call.world.organizations[organization.id] = organization
    return organization_row(organization)


def get(call: Call) -> JsonValue:
    """Answer `GET /organization/{org-slug-or-id}`."""
    return organization_row(call.world.organization(call.path["org_slug_or_id"]))


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /organization/{org-slug-or-id}`: its projects and contexts go with it.

    No source documents a body.
    """
    world = call.world
    gone = world.organization(call.path["org_slug_or_id"])
    del world.organizations[gone.id]
    world.projects = {k: v for k, v in world.projects.items() if v.organization is not gone}
    world.contexts = {k: v for k, v in world.contexts.items() if v.owner is not gone}
    return None


ROUTES: Final[dict[str, Handler]] = {
    "create_organization": create,
    "get_organization": get,
    "delete_organization": delete,
}
