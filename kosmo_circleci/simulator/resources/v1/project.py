"""Projects of API v1.1: followed, and listed; and the user, whom its clients ask for first."""

from collections.abc import Callable, Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.entities import VCS_TYPES, Project
from kosmo_circleci.simulator.resources.project import vcs_url
from kosmo_circleci.simulator.resources.user import user_row
from kosmo_circleci.simulator.world import World


def follow(call: Call) -> JsonValue:
    """Answer `POST /project/{vcs}/{org}/{repo}/follow`: every project here is followed already."""
    return {"followed": True, "first_build": None}


def list_followed(world: World) -> JsonValue:
    """Answer `GET /projects`: a plain list of the projects the user follows.

    Every other row has no `slug`: the reference of API v1.1 does not list that field, the
    official command line reads it where it comes, so a caller must do without.
    """
    rows = [_row(project) for project in world.visible_projects()]
    for row in rows[1::2]:
        del row["slug"]
    return [*rows]


def get_user(world: World) -> JsonValue:
    """Answer `GET /me`."""
    return user_row(world.current_user)


def _row(project: Project) -> dict[str, JsonValue]:
    organization = project.organization
    return {
        "vcs_url": vcs_url(project),
        "followed": True,
        "username": organization.name,
        "reponame": project.name,
        "name": project.name,
        "vcs_type": VCS_TYPES[organization.vcs],
        "slug": project.slug,
    }


ROUTES: Final[dict[str, Handler]] = {"follow_project": follow}

PLAIN_ROUTES: Final[Mapping[tuple[str, str], Callable[[World], JsonValue]]] = {
    ("GET", "/projects"): list_followed,
    ("GET", "/me"): get_user,
}
"""Method and path below `/api/v1.1` of what no function asks for, but clients do."""
