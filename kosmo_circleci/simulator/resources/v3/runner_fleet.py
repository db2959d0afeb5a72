"""The agents of self-hosted runners, and the fleets they form: one for each resource class.

The seeded class has two agents, one of them busy; a new class has none.
"""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.envelopes import entity, many, one, reference, the_filter
from kosmo_circleci.simulator.resources.v3.runner import classes_by, owned_class
from kosmo_circleci.simulator.world import Row, Table, World

_FIRST_SEEN_S: Final = -20 * 86_400
_HEARTBEAT_S: Final = 10


def list_agents(call: Call) -> JsonValue:
    """Answer `GET /runner/agents` for exactly one filter: those that are connected."""
    classes = classes_by(call, *the_filter(call, "org_id", "namespace", "resource_class"))
    pairs = [(agent, row) for row in classes for agent in _of_class(call.world, row)]
    return many(call, pairs, lambda each: _agent(call.world, *each))


def list_fleets(call: Call) -> JsonValue:
    """Answer `GET /runner/fleets` for exactly one filter: without the depth of the queues."""
    filters = ("org_id", "namespace", "resource_class", "resource_class_id")
    classes = classes_by(call, *the_filter(call, *filters))
    return many(call, classes, lambda each: _fleet(call.world, each))


def get_fleet(call: Call) -> JsonValue:
    """Answer `GET /runner/fleets/{id}`, the id of a resource class: with the depth of its queue."""
    if any(key.startswith("filter[") for key in call.query):
        raise bad_request("A fleet by its id takes no filter.")
    row = owned_class(call, call.path["fleet_id"])
    busy = sum(agent["is_busy"] is True for agent in _of_class(call.world, row))
    return one(_fleet(call.world, row, running_tasks=busy, queued_tasks=3 if busy else 0))


def _agents(world: World) -> Table:
    return world.table("runner_agents", _examples)


def _of_class(world: World, resource_class: Row) -> list[Row]:
    return rows_of(_agents(world), resource_class_id=str(resource_class["id"]))


def _agent(world: World, row: Row, resource_class: Row) -> JsonObject:
    attributes: JsonObject = {
        "name": row["name"],
        "is_busy": row["is_busy"],
        "version": "3.1.5",
        "first_connected_at": timestamp(_FIRST_SEEN_S),
        "last_connected_at": timestamp(world.now_s - _HEARTBEAT_S),
    }
    name = resource_class["resource_class"]
    return entity(
        str(row["id"]),
        attributes,
        resource_class=reference(str(resource_class["id"]), resource_class=name),
    )


def _fleet(world: World, resource_class: Row, **depth: int) -> JsonObject:
    agents = _of_class(world, resource_class)
    busy = sum(agent["is_busy"] is True for agent in agents)
    attributes: JsonObject = {
        "name": resource_class["resource_class"],
        "active_agents": busy,
        "idle_agents": len(agents) - busy,
        "disconnected_agents": 0,
        "agent_count": len(agents),
        **depth,
        "last_task_claimed_at": timestamp(world.now_s - 60) if busy else None,
    }
    row = entity(
        str(resource_class["id"]),
        attributes,
        resource_class=reference(str(resource_class["id"])),
        runner_agents=[reference(str(each["id"]), name=each["name"]) for each in agents],
    )
    # Always there, null for a fleet that never worked.
    return {**row, "attributes": attributes}


def _examples() -> list[Row]:
    return [
        {
            "id": f"{name}-uuid",
            "resource_class_id": "resource-class-uuid",
            "name": name,
            "is_busy": is_busy,
        }
        for name, is_busy in (("runner-agent", True), ("another-runner-agent", False))
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_runner_agents": list_agents,
    "list_runner_fleets": list_fleets,
    "get_runner_fleet": get_fleet,
}
