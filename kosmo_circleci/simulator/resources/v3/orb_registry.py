"""The registry of orbs: all of them with their versions, found by id or name, seen or not."""

from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.calls import Call, row_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.resources.v3.namespace import namespaces, owned_namespace
from kosmo_circleci.simulator.world import Row, Table, World


def orbs(world: World) -> Table:
    """Return all orbs by id; a row has its `namespace_id` and its name without the namespace."""
    return world.table("orbs", _examples)


def orb_versions(world: World) -> Table:
    """Return the versions of all orbs by id, the oldest first; a row has its `orb_id`."""
    return world.table("orb_versions", _example_versions)


def full_name(world: World, orb: Row) -> str:
    """Return `namespace/orb`."""
    return f"{namespaces(world)[str(orb['namespace_id'])]['name']}/{orb['name']}"


def visible_orb(call: Call, orb_id: str) -> Row:
    """Return the orb, or refuse with 404; a private one is its organization's alone."""
    orb = row_of(orbs(call.world), orb_id, "Orb")
    if not is_visible(call, orb):
        raise not_found("Orb")
    return orb


def owned_orb(call: Call, orb_id: str) -> Row:
    """Return an orb of one of the user's organizations, or refuse with 404."""
    orb = row_of(orbs(call.world), orb_id, "Orb")
    owned_namespace(call, str(orb["namespace_id"]))
    return orb


def orb_named(call: Call, name: str) -> Row | None:
    """Return the orb of that full name if the user may see it, else None."""
    for orb in orbs(call.world).values():
        if full_name(call.world, orb) == name and is_visible(call, orb):
            return orb
    return None


def is_visible(call: Call, orb: Row) -> bool:
    """Tell whether the user may see the orb: a public one always."""
    if not orb["is_private"]:
        return True
    owner = namespaces(call.world)[str(orb["namespace_id"])]["org_id"]
    return owner in {each.id for each in call.world.visible_organizations()}


def _examples() -> list[Row]:
    created_at = timestamp(-90 * 86_400)
    common: Row = {"is_listed": True, "created_at": created_at}
    return [
        {
            "id": "orb-uuid",
            "namespace_id": "namespace-uuid",
            "name": "example-orb",
            "is_private": False,
            "is_certified": False,
            "category_ids": ["build-category-uuid"],
            **common,
        },
        {
            "id": "private-orb-uuid",
            "namespace_id": "namespace-uuid",
            "name": "private-orb",
            "is_private": True,
            "is_certified": False,
            "category_ids": [],
            **common,
        },
        {
            "id": "node-orb-uuid",
            "namespace_id": "circleci-namespace-uuid",
            "name": "node",
            "is_private": False,
            "is_certified": True,
            "category_ids": ["build-category-uuid", "testing-category-uuid"],
            **common,
        },
    ]


def _example_versions() -> list[Row]:
    ids = (
        ("orb-uuid", "first-orb-version-uuid", "1.0.0", 60),
        ("orb-uuid", "orb-version-uuid", "1.1.0", 30),
        ("orb-uuid", "orb-dev-version-uuid", "dev:example", 1),
        ("private-orb-uuid", "private-orb-version-uuid", "0.1.0", 20),
        ("node-orb-uuid", "node-orb-version-uuid", "7.1.0", 40),
    )
    return [
        {
            "id": version_id,
            "orb_id": orb_id,
            "version": version,
            "created_at": timestamp(-days * 86_400),
            "source": f"version: 2.1\ndescription: version {version} of an example\n",
        }
        for orb_id, version_id, version, days in ids
    ]
