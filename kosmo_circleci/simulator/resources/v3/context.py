"""Contexts of API v3, and their variables, which come in pages that lead through all of them."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import Context, EnvVar
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, reference
from kosmo_circleci.simulator.resources.project import masked


def list_all(call: Call) -> JsonValue:
    """Answer `GET /contexts?filter[org_id]=&filter[name]=`: the name by a part of it."""
    owner = call.world.organization_by_id(filter_text(call, "org_id") or "")
    part = (filter_text(call, "name") or "").lower()
    contexts = [
        each
        for each in call.world.contexts.values()
        if each.owner is owner and part in each.name.lower()
    ]
    return many(call, contexts, _context)


def list_variables(call: Call) -> JsonValue:
    """Answer `GET /contexts/{id}/env-vars`, by name."""
    context = call.world.context(call.path["context_id"])
    variables = sorted(context.variables.values(), key=lambda each: each.name)
    return many(call, variables, lambda each: _variable(context, each))


def _context(context: Context) -> JsonValue:
    return entity(context.id, {"name": context.name, "created_at": timestamp(context.created_s)})


def _variable(context: Context, variable: EnvVar) -> JsonValue:
    attributes: dict[str, JsonValue] = {
        "name": variable.name,
        "truncated_value": masked(variable.value).removeprefix("xxxx"),
        "created_at": timestamp(variable.created_s),
        "updated_at": timestamp(variable.updated_s),
    }
    return entity(None, attributes, context=reference(context.id))


ROUTES: Final[dict[str, Handler]] = {
    "list_contexts_v3": list_all,
    "list_context_env_vars_v3": list_variables,
}
