"""Projects, their settings and their variables."""

import re
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.entities import EnvVar, Project
from kosmo_circleci.simulator.world import canonical_slug

PROVIDERS: Final = {"gh": "GitHub", "bb": "Bitbucket", "circleci": "CircleCI"}
"""First segment of a slug -> the provider as CircleCI spells it."""

_HOSTS: Final = {"gh": "github.com", "bb": "bitbucket.org", "circleci": "circleci.com"}

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

DEFAULT_SETTINGS: Final[JsonObject] = {
    "autocancel_builds": False,
    "build_fork_prs": False,
    "build_prs_only": False,
    "disable_ssh": False,
    "forks_receive_secret_env_vars": False,
    "oss": False,
    "set_github_status": True,
    "setup_workflows": True,
    "write_settings_requires_admin": False,
    "pr_only_branch_overrides": ["main"],
}


def vcs_url(project: Project) -> str:
    """Return where the repository lies: `https://github.com/example-org/example-repo`."""
    vcs, _, rest = project.slug.partition("/")
    return f"https://{_HOSTS[vcs]}/{rest}"


def project_row(project: Project) -> JsonObject:
    """Return the project with its organization and repository."""
    organization = project.organization
    return {
        "slug": project.slug,
        "name": project.name,
        "id": project.id,
        "organization_name": organization.name,
        "organization_slug": organization.slug,
        "organization_id": organization.id,
        "vcs_info": {
            "vcs_url": vcs_url(project),
            "provider": PROVIDERS[organization.vcs],
            "default_branch": "main",
        },
    }


def get(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}`."""
    return project_row(call.project)


def create(call: Call) -> JsonValue:
    """Answer `POST /organization/{org-slug-or-id}/project`."""
    organization, name = call.organization, call.text("name")
    if not name or "/" in name:
        raise bad_request("name: expected a name without a slash")
    slug = f"{organization.slug}/{name}"
    if slug in call.world.projects:
        raise bad_request(f"Project {slug} already exists.")
    return project_row(call.world.add_project(organization, name))


def create_from_repository(call: Call) -> JsonValue:
    """Answer `POST /project/{provider}/{organization}/{project}`: a project twice is the same."""
    slug = canonical_slug(call.path["project_slug"])
    organization_slug, _, name = slug.rpartition("/")
    organization = call.world.organization_by_slug(organization_slug)
    project = call.world.projects.get(slug) or call.world.add_project(organization, name)
    return _settings(project)


def delete(call: Call) -> JsonValue:
    """Answer `DELETE /project/{project-slug}`: no source documents a body."""
    call.world.delete_project(call.project)
    return None


def get_settings(call: Call) -> JsonValue:
    """Answer `GET /project/{provider}/{organization}/{project}/settings`."""
    return _settings(call.project)


def patch_settings(call: Call) -> JsonValue:
    """Answer the `PATCH` of the settings: only fields in the request change."""
    advanced = call.object("advanced")
    unknown = [key for key in advanced if key not in DEFAULT_SETTINGS]
    if unknown:
        raise bad_request(f"Unknown setting: advanced.{unknown[0]}")
    call.project.advanced_settings.update(advanced)
    return _settings(call.project)


def list_env_vars(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/envvar`, by name."""
    variables = sorted(call.project.env_vars.values(), key=lambda each: each.name)
    return call.page(variables, _env_var_row)


def create_env_var(call: Call) -> JsonValue:
    """Answer `POST /project/{project-slug}/envvar`: an existing variable gets the new value."""
    now_s = call.world.now_s
    variable = EnvVar(variable_name(call.text("name")), call.text("value"), now_s, now_s)
    call.project.env_vars[variable.name] = variable
    return _env_var_row(variable)


def get_env_var(call: Call) -> JsonValue:
    """Answer `GET /project/{project-slug}/envvar/{name}`."""
    return _env_var_row(_env_var(call))


def delete_env_var(call: Call) -> JsonValue:
    """Answer `DELETE /project/{project-slug}/envvar/{name}`."""
    del call.project.env_vars[_env_var(call).name]
    return {"message": "Environment variable deleted."}


def masked(value: str) -> str:
    """Return `xxxx` and the last four characters, as CircleCI shows a project's variable.

    A value of four characters or fewer would be shown whole; it is shown as `xxxx`.
    """
    return "xxxx" + (value[-4:] if len(value) > 4 else "")


def variable_name(name: str) -> str:
    """Return the name of a variable, or refuse (400) one that a shell could not have."""
    if not _VARIABLE_NAME.fullmatch(name):
        raise bad_request(
            "The name of a variable has letters, digits and underscores, and begins with no digit."
        )
    return name


def _env_var(call: Call) -> EnvVar:
    variable = call.project.env_vars.get(call.path["name"])
    if variable is None:
        raise not_found("Environment variable")
    return variable


def _env_var_row(variable: EnvVar) -> JsonObject:
    return {
        "name": variable.name,
        "value": masked(variable.value),
        "created-at": timestamp(variable.created_s),
    }


def _settings(project: Project) -> JsonValue:
    # The settings that only API v3 has are kept beside the others.
    settings = project.advanced_settings
    return {"advanced": {key: settings.get(key, value) for key, value in DEFAULT_SETTINGS.items()}}


ROUTES: Final[dict[str, Handler]] = {
    "get_project_by_slug": get,
    "create_project": create,
    "create_project_from_repository": create_from_repository,
    "delete_project_by_slug": delete,
    "get_project_settings": get_settings,
    "patch_project_settings": patch_settings,
    "list_env_vars": list_env_vars,
    "create_env_var": create_env_var,
    "get_env_var": get_env_var,
    "delete_env_var": delete_env_var,
}
