"""Self-hosted runners: resource classes and the tokens that agents sign in with."""

import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, conflict, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.envelopes import (
    attribute,
    entity,
    many,
    one,
    reference,
    referenced_id,
    the_filter,
)
from kosmo_circleci.simulator.resources.v3.namespace import namespace_named
from kosmo_circleci.simulator.world import Row, Table, World

_NAME: Final = re.compile(r"[a-z0-9_-]+/[a-z0-9][a-z0-9_.-]*")


def resource_classes(world: World) -> Table:
    """Return all resource classes by id; a row has the `org_id` it belongs to."""
    return world.table("resource_classes", _examples)


def owned_class(call: Call, class_id: str) -> Row:
    """Return a resource class of one of the user's organizations, or refuse with 404."""
    row = row_of(resource_classes(call.world), class_id, "Resource class")
    if row["org_id"] not in {each.id for each in call.world.visible_organizations()}:
        raise not_found("Resource class")
    return row


def class_named(call: Call, name: str) -> Row:
    """Return the resource class `namespace/name`, or refuse with 404."""
    for row in resource_classes(call.world).values():
        if row["resource_class"] == name:
            return owned_class(call, str(row["id"]))
    raise not_found("Resource class")


def classes_by(call: Call, name: str, value: str) -> list[Row]:
    """Return the resource classes that one filter names.

    A class that does not exist is a 404; an organization or a namespace without classes is empty.
    """
    if name == "resource_class":
        return [class_named(call, value)]
    if name == "resource_class_id":
        return [owned_class(call, value)]
    visible = {each.id for each in call.world.visible_organizations()}
    rows = [row for row in resource_classes(call.world).values() if row["org_id"] in visible]
    if name == "org_id":
        return [row for row in rows if row["org_id"] == value]
    return [row for row in rows if str(row["resource_class"]).partition("/")[0] == value]


def list_classes(call: Call) -> JsonValue:
    """Answer `GET /runner/resource-classes` for exactly one filter."""
    rows = classes_by(call, *the_filter(call, "org_id", "namespace", "resource_class"))
    return many(call, rows, _class)


def get_class(call: Call) -> JsonValue:
    """Answer `GET /runner/resource-classes/{id}`."""
    return one(_class(owned_class(call, call.path["resource_class_id"])))


def create_class(call: Call) -> JsonValue:
    """Answer `POST /runner/resource-classes`: the organization must own the namespace."""
    organization = call.world.organization_by_id(referenced_id(call, "org"))
    name = str(attribute(call, "resource_class"))
    if not _NAME.fullmatch(name):
        raise bad_request("expected namespace/name", title="Invalid resource class")
    if namespace_named(call.world, name.partition("/")[0])["org_id"] != organization.id:
        raise bad_request("The organization does not own the namespace.")
    if any(row["resource_class"] == name for row in resource_classes(call.world).values()):
        raise conflict(f"The resource class {name} already exists.")
    row: Row = {
        "id": call.world.new_id(),
        "org_id": organization.id,
        "resource_class": name,
        "description": attribute(call, "description") or "",
    }
    resource_classes(call.world)[str(row["id"])] = row
    return one(_class(row))


def update_class(call: Call) -> JsonValue:
    """Answer `POST /runner/resource-classes/{id}/update`: a flat body, the description alone."""
    row = owned_class(call, call.path["resource_class_id"])
    row["description"] = call.text("description")
    return one(_class(row))


def delete_class(call: Call) -> JsonValue:
    """Answer `DELETE /runner/resource-classes/{id}`: a 409 while it has tokens, unless forced."""
    row = owned_class(call, call.path["resource_class_id"])
    tokens = rows_of(_tokens(call.world), resource_class_id=str(row["id"]))
    if tokens and call.query_text("force") != "true":
        raise conflict("The resource class has tokens. With force=true they are deleted too.")
    for token in tokens:
        del _tokens(call.world)[str(token["id"])]
    del resource_classes(call.world)[str(row["id"])]
    return None


def list_tokens(call: Call) -> JsonValue:
    """Answer `GET /runner/tokens` for exactly one filter: never the tokens themselves."""
    [row] = classes_by(call, *the_filter(call, "resource_class", "resource_class_id"))
    tokens = rows_of(_tokens(call.world), resource_class_id=str(row["id"]))
    return many(call, tokens, lambda each: _token(call, each))


def get_token(call: Call) -> JsonValue:
    """Answer `GET /runner/tokens/{id}`."""
    return one(_token(call, _owned_token(call)))


def create_token(call: Call) -> JsonValue:
    """Answer `POST /runner/tokens`: the one answer that has the token itself."""
    resource_class = owned_class(call, referenced_id(call, "resource_class"))
    row: Row = {
        "id": call.world.new_id(),
        "resource_class_id": resource_class["id"],
        "nickname": str(attribute(call, "nickname")),
        "created_at": timestamp(call.world.now_s),
    }
    _tokens(call.world)[str(row["id"])] = row
    return one(_token(call, row, token=f"{call.world.random().getrandbits(320):080x}"))


def delete_token(call: Call) -> JsonValue:
    """Answer `DELETE /runner/tokens/{id}`."""
    del _tokens(call.world)[str(_owned_token(call)["id"])]
    return None


def _tokens(world: World) -> Table:
    return world.table("runner_tokens", _example_tokens)


def _owned_token(call: Call) -> Row:
    row = row_of(_tokens(call.world), call.path["token_id"], "Runner token")
    owned_class(call, str(row["resource_class_id"]))
    return row


def _class(row: Row) -> JsonObject:
    return entity(
        str(row["id"]),
        {"resource_class": row["resource_class"], "description": row["description"]},
    )


def _token(call: Call, row: Row, *, token: str | None = None) -> JsonObject:
    resource_class = resource_classes(call.world)[str(row["resource_class_id"])]
    return entity(
        str(row["id"]),
        {"nickname": row["nickname"], "created_at": row["created_at"], "token": token},
        resource_class=reference(
            str(resource_class["id"]), resource_class=resource_class["resource_class"]
        ),
    )


def _examples() -> list[Row]:
    return [
        {
            "id": "resource-class-uuid",
            "org_id": "org-uuid",
            "resource_class": "example-org/example-runner",
            "description": "Builds on our own machines",
        }
    ]


def _example_tokens() -> list[Row]:
    return [
        {
            "id": "runner-token-uuid",
            "resource_class_id": "resource-class-uuid",
            "nickname": "example",
            "created_at": timestamp(-30 * 86_400),
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_runner_resource_classes": list_classes,
    "get_runner_resource_class": get_class,
    "create_runner_resource_class": create_class,
    "update_runner_resource_class": update_class,
    "delete_runner_resource_class": delete_class,
    "list_runner_tokens": list_tokens,
    "get_runner_token": get_token,
    "create_runner_token": create_token,
    "delete_runner_token": delete_token,
}
