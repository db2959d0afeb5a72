"""Organizations of API v3, and their settings."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Refusal, bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.entities import VCS_TYPES, Organization
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, one

_DEFAULTS: Final[JsonObject] = {
    "is_runner_terms_of_service_accepted": True,
    "enable_ai_error_summarization": True,
    "enable_ai_agents": False,
    "enable_unversioned_config": False,
    "enable_certified_public_orbs": True,
    "enable_chunk_ip_ranges": False,
    "enable_minor_ai_features": False,
    "enable_private_orbs": True,
    "enable_uncertified_public_orbs": True,
    "is_bitbucket_workspace_member_org_member": False,
    "is_user_checkout_keys_disabled": False,
    "is_running_disabled": False,
    "enable_image_brownouts": False,
    "is_context_group_restriction_required": False,
    "enable_resource_class_brownouts": False,
}


def list_all(call: Call) -> JsonValue:
    """Answer `GET /orgs`: the user's, or the one of `filter[slug]`; an unknown slug is empty."""
    slug = filter_text(call, "slug")
    organizations = call.world.visible_organizations()
    if slug is not None:
        try:
            organizations = [call.world.organization_by_slug(slug)]
        except Refusal:
            organizations = []
    return many(call, organizations, _organization)


def get(call: Call) -> JsonValue:
    """Answer `GET /orgs/{id}`."""
    return one(_organization(call.organization))


def get_settings(call: Call) -> JsonValue:
    """Answer `GET /orgs/{id}/settings`."""
    return one(entity(None, {key: _settings(call)[key] for key in _DEFAULTS}))


def update_settings(call: Call) -> JsonValue:
    """Answer `POST /orgs/{id}/update-settings`: a flat body; unknown settings are refused."""
    for key in call.body:
        if key not in _DEFAULTS:
            raise bad_request(f"{key} is not a setting of an organization.", title="Unknown member")
    _settings(call).update(call.body)
    return get_settings(call)


def _settings(call: Call) -> JsonObject:
    organization_id = call.organization.id
    table = call.world.table("organization_settings")
    return table.setdefault(organization_id, {"id": organization_id, **_DEFAULTS})


def _organization(organization: Organization) -> JsonObject:
    row = entity(organization.id, {"name": organization.name})
    provider = VCS_TYPES[organization.vcs]
    vcs: JsonValue = None if provider == "circleci" else {"provider": provider}
    return {**row, "attributes": {"name": organization.name, "vcs": vcs}}


ROUTES: Final[dict[str, Handler]] = {
    "list_orgs": list_all,
    "get_org": get,
    "get_org_settings": get_settings,
    "update_org_settings": update_settings,
}
