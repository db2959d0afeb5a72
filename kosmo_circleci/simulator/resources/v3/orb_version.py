"""Versions of orbs: stable ones, which are for good, and dev ones, which may be overwritten."""

import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Answer, bad_request, conflict
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.envelopes import (
    attribute,
    entity,
    filter_text,
    many,
    one,
    reference,
)
from kosmo_circleci.simulator.resources.v3.orb import orb_faults
from kosmo_circleci.simulator.resources.v3.orb_registry import (
    full_name,
    orb_named,
    orb_versions,
    orbs,
    owned_orb,
    visible_orb,
)
from kosmo_circleci.simulator.world import Row

_STABLE: Final = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
_DEV: Final = re.compile(r"dev:[A-Za-z0-9_./-]{1,1023}")
_SEGMENTS: Final = ("major", "minor", "patch")


def list_all(call: Call) -> JsonValue:
    """Answer `GET /orb/versions` for a `ref`, or for an orb and a channel (`stable` or `dev`)."""
    ref = filter_text(call, "ref")
    if ref is not None:
        row = _by_ref(call, ref)
        return {"data": [] if row is None else [_version(call, row)]}
    orb = visible_orb(call, filter_text(call, "orb_id") or "")
    dev = filter_text(call, "channel") == "dev"
    rows = [row for row in _versions(call, orb) if _is_dev(row) is dev]
    return many(call, rows, lambda each: _version(call, each))


def get_source(call: Call) -> JsonValue:
    """Answer `GET /orb/versions/{id}/source`: the YAML, as text."""
    row = row_of(orb_versions(call.world), call.path["version_id"], "Orb version")
    visible_orb(call, str(row["orb_id"]))
    return row["source"]


def publish(call: Call) -> "JsonValue | Answer":
    """Answer `POST /orb/versions`: a stable version once, a dev version as often as one likes."""
    orb = owned_orb(call, str(attribute(call, "orb_id")))
    version, source = str(attribute(call, "version")), str(attribute(call, "yaml"))
    if not (_STABLE.fullmatch(version) or _DEV.fullmatch(version)):
        raise bad_request("expected 1.2.3 or dev:label", title="Invalid version")
    faults = orb_faults(source)
    if faults:
        raise bad_request(faults[0], title="Invalid orb")
    row: Row = {
        "id": call.world.new_id(),
        "orb_id": orb["id"],
        "version": version,
        "created_at": timestamp(call.world.now_s),
        "source": source,
    }
    for old in rows_of(orb_versions(call.world), orb_id=str(orb["id"])):
        if old["version"] == version:
            _replace(call, old)
    orb_versions(call.world)[str(row["id"])] = row
    return one(_version(call, row))


def promote(call: Call) -> JsonValue:
    """Answer `POST /orb/versions/{id}/promote`: a dev version becomes a stable one, with a new id.

    With both fields, `segment` wins.
    """
    row = row_of(orb_versions(call.world), call.path["version_id"], "Orb version")
    orb = owned_orb(call, str(row["orb_id"]))
    if not _is_dev(row):
        raise bad_request("Only a dev version can be promoted.")
    version = _next_version(call, orb)
    if any(each["version"] == version for each in _versions(call, orb)):
        raise conflict(f"The version {version} already exists.")
    stable: Row = {
        **row,
        "id": call.world.new_id(),
        "version": version,
        "created_at": timestamp(call.world.now_s),
    }
    orb_versions(call.world)[str(stable["id"])] = stable
    return one(_version(call, stable))


def _next_version(call: Call, orb: Row) -> str:
    segment, chosen = call.field("segment"), call.field("semantic_version")
    if segment is None and chosen is None:
        raise bad_request("One of segment and semantic_version is required.")
    if segment is None:
        if not _STABLE.fullmatch(str(chosen)):
            raise bad_request("expected a version such as 1.2.3", title="Invalid version")
        return str(chosen)
    numbers = max(map(_numbers, _versions(call, orb)), default=(0, 0, 0))
    place = _SEGMENTS.index(str(segment))
    raised = [*numbers[:place], numbers[place] + 1, 0, 0][:3]
    return ".".join(str(each) for each in raised)


def _numbers(row: Row) -> tuple[int, int, int]:
    match = _STABLE.fullmatch(str(row["version"]))
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def _replace(call: Call, old: Row) -> None:
    if not _is_dev(old):
        raise conflict(f"The version {old['version']} already exists, and is for good.")
    del orb_versions(call.world)[str(old["id"])]


def _by_ref(call: Call, ref: str) -> Row | None:
    name, _, version = ref.partition("@")
    orb = orb_named(call, name)
    rows = [] if orb is None else _versions(call, orb)
    if version == "volatile":
        return max((row for row in rows if not _is_dev(row)), key=_numbers, default=None)
    return next((row for row in rows if row["version"] == version), None)


def _versions(call: Call, orb: Row) -> list[Row]:
    return rows_of(orb_versions(call.world), orb_id=str(orb["id"]))[::-1]


def _is_dev(row: Row) -> bool:
    return str(row["version"]).startswith("dev:")


def _version(call: Call, row: Row) -> JsonObject:
    name = full_name(call.world, orbs(call.world)[str(row["orb_id"])])
    return entity(
        str(row["id"]),
        {"version": row["version"], "created_at": row["created_at"]},
        orb_package=reference(str(row["orb_id"]), name=name),
    )


ROUTES: Final[dict[str, Handler]] = {
    "list_orb_versions": list_all,
    "get_orb_source": get_source,
    "publish_orb_version": publish,
    "promote_orb_version": promote,
}
