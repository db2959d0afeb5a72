"""Orbs: listed, created, put into categories; and a check of an orb's source."""

import re
from collections.abc import Sequence
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, conflict, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.envelopes import (
    attribute,
    entity,
    filter_text,
    many,
    one,
    reference,
    referenced_id,
)
from kosmo_circleci.simulator.resources.v3.namespace import namespaces, owned_namespace
from kosmo_circleci.simulator.resources.v3.orb_registry import (
    full_name,
    is_visible,
    orb_named,
    orb_versions,
    orbs,
    owned_orb,
    visible_orb,
)
from kosmo_circleci.simulator.world import Row, World

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_MOST_CATEGORIES: Final = 2
_MOST_VERSIONS: Final = 50

_CATEGORIES: Final = {
    "orb-category-uuid": "Deployment",
    "build-category-uuid": "Build",
    "testing-category-uuid": "Testing",
    "notifications-category-uuid": "Notifications",
}


def list_all(call: Call) -> JsonValue:
    """Answer `GET /orb/packages`.

    A name is looked up exactly, and switches all else off. With a namespace, `private` shows its
    private orbs instead of the public ones; without one, `certified=true` shows those of CircleCI.
    """
    name = filter_text(call, "name")
    if name is not None:
        orb = orb_named(call, name)
        rows = [] if orb is None else [orb]
        return many(call, rows, lambda each: _orb(call.world, each, _versions(call, each)))
    namespace_id = filter_text(call, "namespace_id")
    private = namespace_id is not None and filter_text(call, "visibility") == "private"
    certified = namespace_id is None and filter_text(call, "certified") == "true"
    rows = [
        orb
        for orb in orbs(call.world).values()
        if namespace_id in (None, orb["namespace_id"])
        and orb["is_private"] is private
        and orb["is_listed"] is True
        and (not certified or orb["is_certified"])
        and is_visible(call, orb)
    ]
    return many(call, rows, lambda each: _thin_orb(call, each))


def get(call: Call) -> JsonValue:
    """Answer `GET /orb/packages/{id}`: with at most 50 versions."""
    orb = visible_orb(call, call.path["orb_id"])
    return one(_orb(call.world, orb, _versions(call, orb)[:_MOST_VERSIONS]))


def create(call: Call) -> JsonValue:
    """Answer `POST /orb/packages`: the name is given without its namespace."""
    namespace = owned_namespace(call, referenced_id(call, "namespace"))
    name = str(attribute(call, "name"))
    if not _NAME.fullmatch(name):
        raise bad_request("this name is invalid", title="Invalid orb name")
    if any(
        orb["name"] == name for orb in rows_of(orbs(call.world), namespace_id=str(namespace["id"]))
    ):
        raise conflict(f"The orb {namespace['name']}/{name} already exists.")
    orb: Row = {
        "id": call.world.new_id(),
        "namespace_id": namespace["id"],
        "name": name,
        "is_private": attribute(call, "is_private") is True,
        "is_listed": True,
        "is_certified": False,
        "created_at": timestamp(call.world.now_s),
        "category_ids": [],
    }
    orbs(call.world)[str(orb["id"])] = orb
    return one(_orb(call.world, orb, []))


def set_listed(call: Call) -> JsonValue:
    """Answer `POST /orb/packages/{id}/set-listed`."""
    orb = owned_orb(call, call.path["orb_id"])
    orb["is_listed"] = call.field("is_listed")
    return one(_orb(call.world, orb, _versions(call, orb)))


def add_category(call: Call) -> JsonValue:
    """Answer `POST /orb/packages/{id}/add-category`: an orb has two categories at most."""
    orb, category_id = owned_orb(call, call.path["orb_id"]), _category_id(call)
    ids = _ids(orb)
    if category_id not in ids:
        if len(ids) >= _MOST_CATEGORIES:
            raise bad_request(f"An orb belongs to at most {_MOST_CATEGORIES} categories.")
        orb["category_ids"] = [*ids, category_id]
    return one(_orb(call.world, orb, _versions(call, orb)))


def remove_category(call: Call) -> JsonValue:
    """Answer `POST /orb/packages/{id}/remove-category`."""
    orb, category_id = owned_orb(call, call.path["orb_id"]), _category_id(call)
    orb["category_ids"] = [each for each in _ids(orb) if each != category_id]
    return one(_orb(call.world, orb, _versions(call, orb)))


def list_categories(call: Call) -> JsonValue:
    """Answer `GET /orb/categories`."""
    rows = sorted(_CATEGORIES.items(), key=lambda each: each[1])
    return many(call, rows, lambda each: entity(each[0], {"name": each[1]}))


def validate(call: Call) -> JsonValue:
    """Answer `POST /orb/packages/validate`: an orb with a `version` is processed to itself."""
    faults = orb_faults(call.text("yaml"))
    attributes: JsonObject = {"is_valid": not faults, "errors": [*faults]}
    if not faults:
        attributes["output_yaml"] = call.text("yaml")
    return one(entity(None, attributes))


def orb_faults(source: str) -> Sequence[str]:
    """Return what is wrong with the source of an orb: nothing more is checked than its version."""
    if any(line.startswith("version:") for line in source.splitlines()):
        return ()
    return ("version: this key is required",)


def delete_namespace(call: Call) -> JsonValue:
    """Answer `DELETE /namespaces/{id}`: its orbs and their versions go with it."""
    world = call.world
    namespace_id = str(owned_namespace(call, call.path["namespace_id"])["id"])
    for orb in rows_of(orbs(world), namespace_id=namespace_id):
        for version in rows_of(orb_versions(world), orb_id=str(orb["id"])):
            del orb_versions(world)[str(version["id"])]
        del orbs(world)[str(orb["id"])]
    del namespaces(world)[namespace_id]
    return None


def _versions(call: Call, orb: Row) -> list[Row]:
    """Return the stable versions of an orb, the newest first."""
    rows = rows_of(orb_versions(call.world), orb_id=str(orb["id"]))
    return [row for row in reversed(rows) if not str(row["version"]).startswith("dev:")]


def _orb(world: World, orb: Row, versions: Sequence[Row]) -> JsonObject:
    namespace = namespaces(world)[str(orb["namespace_id"])]
    attributes: JsonObject = {
        "name": full_name(world, orb),
        "is_private": orb["is_private"],
        "is_listed": orb["is_listed"],
        "created_at": orb["created_at"],
        "home_url": f"https://circleci.com/developer/orbs/orb/{full_name(world, orb)}",
        "last_30_days_build_count": 1200 if orb["is_certified"] else 12,
        "last_30_days_project_count": 80 if orb["is_certified"] else 2,
        "last_30_days_org_count": 40 if orb["is_certified"] else 1,
    }
    return entity(
        str(orb["id"]),
        attributes,
        namespace=reference(str(namespace["id"]), name=namespace["name"]),
        orb_versions=[
            reference(str(row["id"]), version=row["version"], created_at=row["created_at"])
            for row in versions
        ],
        orb_categories=[reference(each, name=_CATEGORIES[each]) for each in _ids(orb)],
    )


def _thin_orb(call: Call, orb: Row) -> JsonObject:
    """Return the orb as a list shows it: without its time, its page, its namespace's name."""
    row = _orb(call.world, orb, _versions(call, orb)[:1])
    attributes, references = row["attributes"], row["references"]
    if isinstance(attributes, dict) and isinstance(references, dict):
        del attributes["created_at"], attributes["home_url"]
        references["namespace"] = reference(str(orb["namespace_id"]))
    return row


def _category_id(call: Call) -> str:
    if call.text("category_id") not in _CATEGORIES:
        raise not_found("Orb category")
    return call.text("category_id")


def _ids(orb: Row) -> list[str]:
    ids = orb["category_ids"]
    return [str(each) for each in ids] if isinstance(ids, list) else []


ROUTES: Final[dict[str, Handler]] = {
    "list_orbs": list_all,
    "get_orb": get,
    "create_orb": create,
    "delete_namespace": delete_namespace,
    "set_orb_listed": set_listed,
    "add_orb_category": add_category,
    "remove_orb_category": remove_category,
    "list_orb_categories": list_categories,
    "validate_orb": validate,
}
