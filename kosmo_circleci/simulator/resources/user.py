"""Users and the organizations they work in."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.entities import VCS_TYPES, User


def user_row(user: User) -> dict[str, JsonValue]:
    """Return the user as every operation shows one."""
    return {"id": user.id, "login": user.login, "name": user.name}


def current_user(call: Call) -> JsonValue:
    """Answer `GET /me`."""
    return user_row(call.world.current_user)


def user(call: Call) -> JsonValue:
    """Answer `GET /user/{id}`."""
    return user_row(call.world.user(call.path["user_id"]))


def collaborations(call: Call) -> JsonValue:
    """Answer `GET /me/collaborations`: a plain list, one row per organization."""
    return [
        {
            "id": each.id,
            "vcs-type": VCS_TYPES[each.vcs],
            "name": each.name,
            "avatar_url": f"https://avatars.example.com/{each.name}",
            "slug": each.slug,
        }
        for each in call.world.visible_organizations()
    ]


ROUTES: Final[dict[str, Handler]] = {
    "get_current_user": current_user,
    "get_user": user,
    "get_collaborations": collaborations,
}
