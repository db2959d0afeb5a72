"""Usage exports: created, processed while time passes, then ready to download."""

import hashlib
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of
from kosmo_circleci.simulator.clock import second_of, timestamp
from kosmo_circleci.simulator.world import Row, Table, World

_DAY_S: Final = 86_400
_LONGEST_S: Final = 31 * _DAY_S
_OLDEST_S: Final = 365 * _DAY_S

_PROCESSING_AFTER_S: Final = 5
_COMPLETED_AFTER_S: Final = 20


def usage_exports(world: World) -> Table:
    """Return all usage exports by id; a row has its time as `start` and `end`."""
    return world.table("usage_exports", _examples)


def export_signature(world: World, export_id: str, organization_id: str) -> str:
    """Return the signature in the URL of one file: it is all that reading the file takes."""
    text = f"{world.seed}/usage/{export_id}/{organization_id}"
    return hashlib.sha256(text.encode()).hexdigest()


def create(call: Call) -> JsonValue:
    """Answer `POST /organizations/{org_id}/usage_export_job`: at most 31 days, a year back."""
    world, start, end = call.world, call.text("start"), call.text("end")
    length_s = second_of(end) - second_of(start)
    if length_s <= 0:
        raise bad_request("end: expected a time after start")
    if length_s > _LONGEST_S:
        raise bad_request("end: expected at most 31 days after start")
    if second_of(start) < world.now_s - _OLDEST_S:
        raise bad_request("start: expected at most a year ago")
    row: Row = {
        "id": world.new_id(),
        "org_id": call.organization.id,
        "created_s": world.now_s,
        "start": start,
        "end": end,
        "organizations": _shared(call),
    }
    usage_exports(world)[str(row["id"])] = row
    return {**_export(call, row), "start": start, "end": end}


def get(call: Call) -> JsonValue:
    """Answer `GET /organizations/{org_id}/usage_export_job/{usage_export_job_id}`."""
    job_id = call.path["usage_export_job_id"]
    row = row_of(usage_exports(call.world), job_id, "Usage export", org_id=call.organization.id)
    return _export(call, row)


def _shared(call: Call) -> list[JsonValue]:
    ids = call.field("shared_org_ids")
    others = [str(each) for each in ids] if isinstance(ids, list) else []
    return [call.organization.id, *(call.world.organization_by_id(each).id for each in others)]


def _export(call: Call, row: Row) -> JsonObject:
    age_s = call.world.now_s - int(str(row["created_s"]))
    state = "created" if age_s < _PROCESSING_AFTER_S else "processing"
    urls: list[JsonValue] = []
    if age_s >= _COMPLETED_AFTER_S:
        state = "completed"
        urls = [_url(call, str(row["id"]), str(each)) for each in _parts(row)]
    return {"usage_export_job_id": row["id"], "state": state, "download_urls": urls}


def _url(call: Call, export_id: str, organization_id: str) -> str:
    host = call.file_host("https://s3.amazonaws.com")
    signature = export_signature(call.world, export_id, organization_id)
    path = f"/circleci-usage-exports/{export_id}/{organization_id}.csv.gz"
    return f"{host}{path}?X-Amz-Signature={signature}"


def _parts(row: Row) -> list[JsonValue]:
    return row["organizations"] if isinstance(row["organizations"], list) else []


def _examples() -> list[Row]:
    return [
        {
            "id": "usage-export-uuid",
            "org_id": "org-uuid",
            "created_s": -_DAY_S,
            "start": timestamp(-31 * _DAY_S),
            "end": timestamp(-_DAY_S),
            "organizations": ["org-uuid"],
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "create_usage_export": create,
    "get_usage_export": get,
}
