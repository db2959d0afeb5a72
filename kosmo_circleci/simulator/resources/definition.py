"""Pipeline definitions of a project: where its configuration and its code come from."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject, row_of, rows_of, shown
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.things import Project
from kosmo_circleci.simulator.world import Row, Table, World

_PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "config_source": ("github_app", "github_oauth", "circleci"),
    "checkout_source": ("github_app", "github_oauth"),
}

REPOSITORY_ID: Final = "123456789"
"""The external id of every repository that is not named by the request."""


def definitions(world: World) -> Table:
    """Return the definitions of all projects by id; a row has the `project_id` it belongs to."""
    return world.table("definitions", _examples)


def definition_of(world: World, project: Project, definition_id: str) -> Row:
    """Return the project's definition of that id, or refuse with 404."""
    found = definitions(world)
    return row_of(found, definition_id, "Pipeline definition", project_id=project.id)


def list_all(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/pipeline-definitions`: `{items}`, never in pages."""
    rows = rows_of(definitions(call.world), project_id=call.project.id)
    return {"items": [_definition(row) for row in rows]}


def create(call: Call) -> JsonValue:
    """Answer `POST /projects/{project_id}/pipeline-definitions`.

    What is not given is the project's own repository with `.circleci/config.yml`.
    """
    project = call.project
    row: Row = {
        "id": call.world.new_id(),
        "project_id": project.id,
        "name": call.given("name") or project.name,
        "description": call.given("description") or "",
        "created_at": timestamp(call.world.now_s),
        "config_source": _source(call, project, "config_source"),
        "checkout_source": _source(call, project, "checkout_source"),
    }
    definitions(call.world)[str(row["id"])] = row
    return _definition(row)


def get(call: Call) -> JsonValue:
    """Answer `GET /projects/{project_id}/pipeline-definitions/{pipeline_definition_id}`."""
    return _definition(_row(call))


def update(call: Call) -> JsonValue:
    """Answer the `PATCH` of a definition: what is given changes."""
    row, project = _row(call), call.project
    changed: Row = {key: call.given(key) for key in ("name", "description")}
    for key in ("config_source", "checkout_source"):
        if call.given(key) is not None:
            changed[key] = _source(call, project, key)
    row.update({key: value for key, value in changed.items() if value is not None})
    return _definition(row)


def delete(call: Call) -> JsonValue:
    """Answer the `DELETE` of a definition: its triggers go with it. No source documents a body."""
    from kosmo_circleci.simulator.resources.trigger import triggers

    gone = str(_row(call)["id"])
    known = triggers(call.world)
    for row in rows_of(known, definition_id=gone):
        del known[str(row["id"])]
    del definitions(call.world)[gone]
    return None


def repository(project: Project, given: JsonValue) -> JsonObject:
    """Return a repository as answers show one; `given` may name it by `external_id`."""
    fields = given if isinstance(given, dict) else {}
    return {
        "full_name": f"{project.organization.name}/{project.name}",
        "external_id": fields.get("external_id") or REPOSITORY_ID,
    }


def _row(call: Call) -> Row:
    return definition_of(call.world, call.project, call.path["pipeline_definition_id"])


def _source(call: Call, project: Project, key: str) -> JsonObject:
    given = call.object(key)
    provider = given.get("provider", "github_app")
    if provider not in _PROVIDERS[key]:
        raise bad_request(f"{key}.provider: expected one of {', '.join(_PROVIDERS[key])}")
    source: JsonObject = {"provider": provider}
    if provider != "circleci":
        source["repo"] = repository(project, given.get("repo"))
    if key == "config_source":
        source["file_path"] = given.get("file_path") or ".circleci/config.yml"
    return source


def _definition(row: Row) -> JsonObject:
    return shown(row, without=("project_id",))


def _examples() -> list[Row]:
    repo: JsonObject = {"full_name": "example-org/example-repo", "external_id": REPOSITORY_ID}
    return [
        {
            "id": "definition-uuid",
            "project_id": "project-uuid",
            "name": "build-and-test",
            "description": "Builds every push",
            "created_at": timestamp(-90 * 86_400),
            "config_source": {
                "provider": "github_app",
                "repo": repo,
                "file_path": ".circleci/config.yml",
            },
            "checkout_source": {"provider": "github_app", "repo": repo},
        }
    ]


ROUTES: Final[dict[str, Handler]] = {
    "list_pipeline_definitions": list_all,
    "create_pipeline_definition": create,
    "get_pipeline_definition": get,
    "update_pipeline_definition": update,
    "delete_pipeline_definition": delete,
}
