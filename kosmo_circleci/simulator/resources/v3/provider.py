"""The connections of an organization to where its code is, and the repositories there."""

import zlib
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.entities import Organization, Project
from kosmo_circleci.simulator.envelopes import entity, filter_text, many
from kosmo_circleci.simulator.resources.definition import REPOSITORY_ID

_APP: Final = "github_app"
_OAUTH: Final = "github_oauth"


def list_connections(call: Call) -> JsonValue:
    """Answer `GET /provider/connections?filter[org_id]=`: a list without pages."""
    organization = _organization(call)
    if organization.vcs != "gh":
        return {"data": []}
    installation: JsonObject = {
        "provider": _APP,
        "external_id": "45678901",
        "login": organization.name,
        "repository_selection": "all",
    }
    authorization: JsonObject = {
        "provider": _OAUTH,
        "external_id": "12345678",
        "login": organization.name,
        "authorized_username": call.world.current_user.login,
    }
    return {
        "data": [
            entity(f"{organization.id}-app-connection", installation),
            entity(f"{organization.id}-oauth-connection", authorization),
        ]
    }


def list_repositories(call: Call) -> JsonValue:
    """Answer `GET /provider/repositories`: rows without an id; a cursor remembers its limit."""
    if call.query_text("page[limit]") and call.query_text("page[cursor]"):
        raise bad_request("page[limit] and page[cursor] cannot be given together.")
    organization, provider = _organization(call), filter_text(call, "provider") or _APP
    if provider not in (_APP, _OAUTH):
        return {"data": [], "page": {}}
    projects = [each for each in call.world.visible_projects() if each.organization is organization]
    limit, _, cursor = (call.query_text("page[cursor]") or "").partition(".")
    if cursor:
        call = call._replace(
            query={**call.query, "page[cursor]": (cursor,), "page[limit]": (_digits(limit),)}
        )
    answer = many(call, projects, lambda each: _repository(each, provider))
    page = answer["page"]
    if isinstance(page, dict) and page["next"] is not None:
        page["next"] = f"{call.query_text('page[limit]') or 20}.{page['next']}"
    return answer


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100):
        raise bad_request("Invalid page token.")
    return text


def _organization(call: Call) -> Organization:
    return call.world.organization_by_id(filter_text(call, "org_id") or "")


def _repository(project: Project, provider: str) -> JsonValue:
    owner = project.organization.name
    attributes: JsonObject = {
        "repo_id": _repository_id(project),
        "owner": owner,
        "repo_name": project.name,
        "repo_full_name": f"{owner}/{project.name}",
        "default_branch": "main",
        "is_private": True,
        "provider": provider,
    }
    return entity(None, attributes)


def _repository_id(project: Project) -> str:
    if project.id == "project-uuid":
        return REPOSITORY_ID
    return str(zlib.crc32(project.id.encode()))


ROUTES: Final[dict[str, Handler]] = {
    "list_provider_connections": list_connections,
    "list_provider_repositories": list_repositories,
}
