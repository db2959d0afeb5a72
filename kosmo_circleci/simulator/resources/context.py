"""Contexts, their variables and their restrictions."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Context, EnvVar, Organization, Restriction
from kosmo_circleci.simulator.pages import PAGE_SIZE
from kosmo_circleci.simulator.resources.project import masked, variable_name


def list_all(call: Call) -> JsonValue:
    """Answer `GET /context` for one owner, by id or by slug."""
    owner = _owner(
        call, call.query_text("owner-id"), call.query_text("owner-slug"), "owner-id, owner-slug"
    )
    name = call.query_text("name")
    contexts = [
        each
        for each in call.world.contexts.values()
        if each.owner is owner and name in (None, each.name)
    ]
    return call.page(contexts, _context_row)


def create(call: Call) -> JsonValue:
    """Answer `POST /context`: `{name, owner: {id | slug}}`."""
    fields = call.object("owner")
    owner = _owner(call, fields.get("id"), fields.get("slug"), "owner.id, owner.slug")
    name = call.text("name")
    if not name.strip():
        raise bad_request("name: must not be empty")
    if any(each.owner is owner and each.name == name for each in call.world.contexts.values()):
        raise bad_request(f"A context named {name} already exists.")
    context = Context(call.world.new_id(), name, owner, call.world.now_s, {}, {})
    call.world.contexts[context.id] = context
    return _context_row(context)


def get(call: Call) -> JsonValue:
    """Answer `GET /context/{context_id}`."""
    return _context_row(_context(call))


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /context/{context_id}`: variables and restrictions go with it."""
    del call.world.contexts[_context(call).id]
    return {"message": "Context deleted."}


def list_variables(call: Call) -> JsonValue:
    """Answer `GET /context/{context_id}/environment-variable`: no row has a value.

    As CircleCI does, it ignores `page-token` and shows the first page again, with the same token,
    the name of its last variable. API v3 has a list that pages.
    """
    context = _context(call)
    variables = sorted(context.variables.values(), key=lambda each: each.name)
    page = variables[:PAGE_SIZE]
    return {
        "items": [_variable_row(context, each) for each in page],
        "next_page_token": page[-1].name if len(variables) > len(page) else None,
    }


def put_variable(call: Call) -> JsonValue:
    """Answer `PUT /context/{context_id}/environment-variable/{env_var_name}`."""
    context, now_s = _context(call), call.world.now_s
    name = variable_name(call.path["env_var_name"])
    before = context.variables.get(name)
    created_s = before.created_s if before else now_s
    variable = EnvVar(name, call.text("value"), created_s, now_s)
    context.variables[name] = variable
    return _variable_row(context, variable)


def delete_variable(call: Call) -> JsonValue:
    """Answer `DELETE /context/{context_id}/environment-variable/{env_var_name}`."""
    if _context(call).variables.pop(call.path["env_var_name"], None) is None:
        raise not_found("Environment variable")
    return {"message": "Environment variable deleted."}


def list_restrictions(call: Call) -> JsonValue:
    """Answer `GET /context/{context_id}/restrictions`."""
    context = _context(call)
    return call.page(
        list(context.restrictions.values()),
        lambda each: {"context_id": context.id, **_restriction_row(each)},
    )


def create_restriction(call: Call) -> JsonValue:
    """Answer `POST /context/{context_id}/restrictions`: a project's row carries its name."""
    context = _context(call)
    kind, value = call.text("restriction_type"), call.text("restriction_value")
    name = _restricted_name(call, context.owner, kind, value)
    restriction = Restriction(call.world.new_id(), kind, value, name)
    context.restrictions[restriction.id] = restriction
    return _restriction_row(restriction)


def delete_restriction(call: Call) -> JsonValue:
    """Answer `DELETE /context/{context_id}/restrictions/{restriction_id}`."""
    if _context(call).restrictions.pop(call.path["restriction_id"], None) is None:
        raise not_found("Context restriction")
    return {"message": "Context restriction deleted."}


def _context(call: Call) -> Context:
    return call.world.context(call.path["context_id"])


def _owner(call: Call, owner_id: JsonValue, slug: JsonValue, fields: str) -> Organization:
    if bool(owner_id) == bool(slug):
        raise bad_request(f"Exactly one of these must be given: {fields}")
    if slug:
        return call.world.organization_by_slug(str(slug))
    if "/" in str(owner_id):
        by_id, by_slug = fields.split(", ")
        raise bad_request(f"{by_id}: expected the id of an organization; {by_slug} takes a slug")
    return call.world.organization_by_id(str(owner_id))


def _restricted_name(call: Call, owner: Organization, kind: str, value: str) -> str:
    if kind == "project":
        project = call.world.project_by_id(value)
        if project.organization is not owner:
            raise not_found("Project")
        return project.name
    if kind == "group":
        from kosmo_circleci.simulator.resources.group import groups

        return str(row_of(groups(call.world), value, "Group", org_id=owner.id)["name"])
    return value


def _context_row(context: Context) -> JsonObject:
    return {"id": context.id, "name": context.name, "created_at": timestamp(context.created_s)}


def _variable_row(context: Context, variable: EnvVar) -> JsonObject:
    return {
        "variable": variable.name,
        "created_at": timestamp(variable.created_s),
        "updated_at": timestamp(variable.updated_s),
        "context_id": context.id,
        "truncated_value": masked(variable.value).removeprefix("xxxx"),
    }


def _restriction_row(restriction: Restriction) -> JsonObject:
    row: JsonObject = {
        "id": restriction.id,
        "name": restriction.name,
        "restriction_type": restriction.type,
        "restriction_value": restriction.value,
    }
    if restriction.type == "project":
        row["project_id"] = restriction.value
    return row


ROUTES: Final[dict[str, Handler]] = {
    "list_contexts": list_all,
    "create_context": create,
    "get_context": get,
    "delete_context": delete,
    "list_environment_variables_from_context": list_variables,
    "add_environment_variable_to_context": put_variable,
    "delete_environment_variable_from_context": delete_variable,
    "get_context_restrictions": list_restrictions,
    "create_context_restriction": create_restriction,
    "delete_context_restriction": delete_restriction,
}
