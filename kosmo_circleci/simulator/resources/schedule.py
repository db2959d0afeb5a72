"""Schedule triggers: when a project's pipelines start by themselves. None ever does, here."""

from collections.abc import Mapping
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
from kosmo_circleci.simulator.resources.user import user_row
from kosmo_circleci.simulator.world import Row, Table, World

SYSTEM_ACTOR: Final[JsonObject] = {
    "id": "system-actor-uuid",
    "login": "system-actor",
    "name": "Scheduled",
}
"""The actor of schedules with the attribution actor `system`."""

_RANGES: Final = {"per-hour": (1, 60), "hours-of-day": (0, 23), "days-of-month": (1, 31)}
_DAYS: Final = ("days-of-week", "days-of-month")


def list_all(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/schedule`."""
    return call.page(rows_of(_schedules(call.world), project_id=call.project.id), _schedule)


def create(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/schedule`."""
    timetable, parameters = call.object("timetable"), call.object("parameters")
    _check_timetable(timetable)
    _check_parameters(parameters)
    now = timestamp(call.world.now_s)
    row: Row = {
        "id": call.world.new_id(),
        "project_id": call.project.id,
        "timetable": dict(timetable),
        "updated-at": now,
        "name": call.text("name"),
        "created-at": now,
        "project-slug": call.project.slug,
        "parameters": dict(parameters),
        "actor": _actor(call),
        "description": call.field("description") or "",
    }
    _schedules(call.world)[str(row["id"])] = row
    return _schedule(row)


def get(call: Call) -> JsonValue:
    """Answer `GET /schedule/{schedule-id}`."""
    return _schedule(_row(call))


def update(call: Call) -> JsonValue:
    """Answer `PATCH /schedule/{schedule-id}`: only fields in the request change.

    A timetable is merged key by key. Days of the week replace days of the month, and the other
    way round.
    """
    row = _row(call)
    changed: Row = {key: call.field(key) for key in ("name", "description") if key in call.body}
    if call.field("timetable") is not None:
        changed["timetable"] = _merged_timetable(row["timetable"], call.object("timetable"))
    if call.field("parameters") is not None:
        _check_parameters(call.object("parameters"))
        changed["parameters"] = dict(call.object("parameters"))
    if call.field("attribution-actor") is not None:
        changed["actor"] = _actor(call)
    row.update({key: value for key, value in changed.items() if value is not None})
    row["updated-at"] = timestamp(call.world.now_s)
    return _schedule(row)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /schedule/{schedule-id}`."""
    del _schedules(call.world)[str(_row(call)["id"])]
    return {"message": "Schedule deleted."}


def _schedules(world: World) -> Table:
    return world.table("schedules", lambda: _examples(world))


def _row(call: Call) -> Row:
    row = row_of(_schedules(call.world), call.path["schedule_id"], "Schedule")
    if row["project_id"] not in {each.id for each in call.world.visible_projects()}:
        raise not_found("Schedule")
    return row


def _schedule(row: Row) -> JsonObject:
    return row_fields(row, without=("project_id",))


def _actor(call: Call) -> JsonObject:
    if call.field("attribution-actor") == "system":
        return {**SYSTEM_ACTOR}
    return user_row(call.world.current_user)


def _merged_timetable(before: JsonValue, changes: Mapping[str, JsonValue]) -> JsonObject:
    timetable = dict(before) if isinstance(before, dict) else {}
    for key in _DAYS:
        if key in changes:
            timetable = {name: value for name, value in timetable.items() if name not in _DAYS}
    timetable = {**timetable, **changes}
    _check_timetable(timetable)
    return timetable


def _check_timetable(timetable: Mapping[str, JsonValue]) -> None:
    for key in ("per-hour", "hours-of-day"):
        if timetable.get(key) in (None, []):
            raise bad_request(f"timetable.{key}: this field is required")
    if sum(bool(timetable.get(key)) for key in _DAYS) != 1:
        raise bad_request(f"Exactly one of these must be given: {', '.join(_DAYS)}")
    for key, (least, most) in _RANGES.items():
        value = timetable.get(key)
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(each, int) and not least <= each <= most for each in numbers):
            raise bad_request(f"timetable.{key}: expected integers from {least} to {most}")


def _check_parameters(parameters: Mapping[str, JsonValue]) -> None:
    if not (parameters.get("branch") or parameters.get("tag")):
        raise bad_request("parameters: expected a branch or a tag")


def _examples(world: World) -> list[Row]:
    row: Row = {
        "id": "schedule-uuid",
        "project_id": "project-uuid",
        "timetable": {"per-hour": 1, "hours-of-day": [3], "days-of-week": ["MON", "THU"]},
        "updated-at": timestamp(-7 * 86_400),
        "name": "nightly",
        "created-at": timestamp(-30 * 86_400),
        "project-slug": "gh/example-org/example-repo",
        "parameters": {"branch": "main"},
        "actor": user_row(world.users["user-uuid"]),
        "description": "the nightly build",
    }
    return [row]


ROUTES: Final[dict[str, Handler]] = {
    "list_schedules_for_project": list_all,
    "create_schedule": create,
    "get_schedule_by_id": get,
    "update_schedule": update,
    "delete_schedule_by_id": delete,
}
