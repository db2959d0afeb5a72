"""Projects of API v3: found by slug, by organization or as followed; and their settings."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Refusal, bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.entities import Project
from kosmo_circleci.simulator.envelopes import entity, filter_text, many, one, reference
from kosmo_circleci.simulator.resources.project import DEFAULT_SETTINGS

_NAMES_OF_V2: Final[Mapping[str, str]] = {
    "enable_auto_cancel_redundant_workflows": "autocancel_builds",
    "enable_building_fork_prs": "build_fork_prs",
    "is_build_prs_only": "build_prs_only",
    "can_pass_secrets_to_fork_pr_jobs": "forks_receive_secret_env_vars",
    "can_set_github_status": "set_github_status",
    "is_ssh_disabled": "disable_ssh",
    "enable_dynamic_config": "setup_workflows",
    "is_admin_required_for_writing_settings": "write_settings_requires_admin",
    "is_oss": "oss",
    "pr_only_branch_overrides": "pr_only_branch_overrides",
}
"""A setting of v3 -> the same one in v2."""

_ONLY_V3: Final[JsonObject] = {
    "enable_ai_error_summarization": True,
    "is_running_disabled": False,
    "enable_unversioned_config": False,
}


def search(call: Call) -> JsonValue:
    """Answer `GET /projects` for a slug, an organization, or what the user follows."""
    slug, org_id, following = (filter_text(call, key) for key in ("slug", "org_id", "following"))
    if following not in (None, "true"):
        raise bad_request("filter[following]: only true is known")
    if slug is None and org_id is None and following is None:
        message = "One of filter[slug], filter[org_id] and filter[following] is required."
        raise bad_request(message, title="Missing Required Filter")
    if call.query_text("order_by") not in (None, "name"):
        raise bad_request("order_by: only name is known")
    projects = call.world.visible_projects()
    if slug is not None:
        projects = _of_slug(call, slug)
    if org_id is not None:
        organization = call.world.organization_by_id(org_id)
        projects = [each for each in projects if each.organization is organization]
    part = (filter_text(call, "name") or "").lower()
    projects = [each for each in projects if part in each.name.lower()]
    if call.query_text("order_by"):
        projects = sorted(projects, key=lambda each: each.name)
    return many(call, projects, _project)


def get(call: Call) -> JsonValue:
    """Answer `GET /projects/{id}`."""
    return one(_project(call.project))


def get_settings(call: Call) -> JsonValue:
    """Answer `GET /projects/{id}/settings`."""
    return one(entity(None, _settings(call.project)))


def update_settings(call: Call) -> JsonValue:
    """Answer `POST /projects/{id}/update-settings`: a flat body; unknown settings are refused."""
    for key in call.body:
        if key not in _NAMES_OF_V2 and key not in _ONLY_V3:
            raise bad_request(f"{key} is not a setting of a project.", title="Unknown member")
    call.project.advanced_settings.update(
        {_NAMES_OF_V2.get(key, key): value for key, value in call.body.items()}
    )
    return get_settings(call)


def purge_cache(call: Call) -> JsonValue:
    """Answer `DELETE /projects/{id}/dlc`: there is no layer cache here, so nothing changes."""
    return None


def _of_slug(call: Call, slug: str) -> list[Project]:
    try:
        return [call.world.project(slug)]
    except Refusal:  # an unknown slug is an empty list, not a 404
        return [each for each in call.world.visible_projects() if _slug_of_ids(each) == slug]


def _slug_of_ids(project: Project) -> str:
    return f"circleci/{project.organization.id}/{project.id}"


def _project(project: Project) -> JsonObject:
    organization = project.organization
    return entity(
        project.id,
        {"name": project.name, "is_followed": True},
        org=reference(organization.id, name=organization.name),
    )


def _settings(project: Project) -> JsonObject:
    of_v2 = {**DEFAULT_SETTINGS, **project.advanced_settings}
    shared: JsonObject = {key: of_v2[name] for key, name in _NAMES_OF_V2.items()}
    own: JsonObject = {
        key: project.advanced_settings.get(key, value) for key, value in _ONLY_V3.items()
    }
    return {**own, **shared}


ROUTES: Final[dict[str, Handler]] = {
    "search_projects": search,
    "get_project_v3": get,
    "get_project_settings_v3": get_settings,
    "update_project_settings_v3": update_settings,
    "purge_docker_layer_cache": purge_cache,
}
