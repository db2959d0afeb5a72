"""The world as plain JSON data, and back: all that it knows, with nothing of this process in it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.entities import (
    Context,
    EnvVar,
    Job,
    Organization,
    Pipeline,
    Project,
    Restriction,
    User,
    Workflow,
)
from kosmo_circleci.simulator.progress import JobPlan
from kosmo_circleci.simulator.world import Row, World

_T = TypeVar("_T")

Fields = Mapping[str, Any]
"""One entity of the data, not yet checked."""

FORMAT: Final = 1
"""The form of the data; it grows when older data can no longer be read."""

_CHANGING: Final = (Project, Job, Pipeline, Workflow)
_REFERENCES: Final = (User, Organization, Project, Pipeline)
_PARTS: Final = (Job, JobPlan, EnvVar, Restriction)
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def to_json(world: World) -> dict[str, JsonValue]:
    """Return all that the world knows. What belongs to something names it by its id.

    The data shares nothing with the world: neither changes with the other.
    """
    return {
        "format": FORMAT,
        "seed": world.seed,
        "now_s": world.clock.exact_now_s,
        "has_examples": world.has_examples,
        "ids_given": world.ids_given,
        "requests_answered": world.requests_answered,
        "user": world.current_user.id,
        "tokens": {**world.tokens},
        "users": _rows(world.users),
        "organizations": _rows(world.organizations),
        "projects": _rows(world.projects),
        "contexts": _rows(world.contexts),
        "pipelines": _rows(world.pipelines),
        "workflows": _rows(world.workflows),
        "tables": {name: _field([*table.values()]) for name, table in world.tables.items()},
    }


def from_json(data: JsonValue, clock: Clock | None = None) -> World:
    """Return the world that `to_json` described, at the time it had then.

    `clock` decides how its time advances (`Clock.at`). Raises `ValueError` for anything else.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"expected a world of format {FORMAT}")
    try:
        return _world(data, clock or Clock())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _world(state: Fields, clock: Clock) -> World:
    users = {each["id"]: _new(User, each) for each in state["users"]}
    clock = clock.at(float(state["now_s"]))
    world = World(users[state["user"]], seed=int(state["seed"]), clock=clock)
    world.users = users
    world.tokens = {token: users[user_id].id for token, user_id in state["tokens"].items()}
    world.has_examples = bool(state["has_examples"])
    world.ids_given = int(state["ids_given"])
    world.requests_answered = int(state["requests_answered"])
    for each in state["organizations"]:
        members = tuple(each["members"])
        world.organizations[each["id"]] = _new(Organization, each, members=members)
    for each in state["projects"]:
        project = _project(world, each)
        world.projects[project.slug] = project
    for each in state["contexts"]:
        world.contexts[each["id"]] = _context(world, each)
    for each in state["pipelines"]:
        world.pipelines[each["id"]] = _pipeline(world, each)
    for each in state["workflows"]:
        world.workflows[each["id"]] = _workflow(world, each)
    for name, rows in state["tables"].items():
        world.tables[name] = {row["id"]: _row(row) for row in rows}
    return world


def _rows(entities: Mapping[str, Any]) -> list[JsonValue]:
    return [_fields_of(entity) for entity in entities.values()]


def _fields_of(entity: Any) -> dict[str, JsonValue]:
    changes = isinstance(entity, _CHANGING)
    names = type(entity).__slots__ if changes else entity._fields
    fields = {}
    for name in names:
        value = getattr(entity, name)
        # Most are plain, and a large world is written after each of its changes.
        fields[name] = value if type(value) in _PLAIN else _field(value)
    return fields


def _field(value: Any) -> JsonValue:
    """Return a field's value as JSON: an entity that has an id as that id, the rest as it is."""
    if isinstance(value, _REFERENCES):
        return value.id
    if isinstance(value, _PARTS):
        return _fields_of(value)
    if isinstance(value, dict):
        return {str(key): _field(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_field(each) for each in value]
    plain: JsonValue = value
    return plain


def _row(fields: Fields) -> Row:
    return {key: _field(value) for key, value in fields.items()}


def _new(kind: Callable[..., _T], fields: Fields, **parts: Any) -> _T:
    return kind(**{**fields, **parts})


def _project(world: World, fields: Fields) -> Project:
    variables = {name: _new(EnvVar, each) for name, each in fields["env_vars"].items()}
    organization = world.organizations[fields["organization"]]
    return _new(Project, fields, organization=organization, env_vars=variables)


def _context(world: World, fields: Fields) -> Context:
    return _new(
        Context,
        fields,
        owner=world.organizations[fields["owner"]],
        variables={name: _new(EnvVar, each) for name, each in fields["variables"].items()},
        restrictions={key: _new(Restriction, each) for key, each in fields["restrictions"].items()},
    )


def _pipeline(world: World, fields: Fields) -> Pipeline:
    projects = {each.id: each for each in world.projects.values()}
    actor = world.users[fields["actor"]]
    return _new(Pipeline, fields, project=projects[fields["project"]], actor=actor)


def _workflow(world: World, fields: Fields) -> Workflow:
    return _new(
        Workflow,
        fields,
        pipeline=world.pipelines[fields["pipeline"]],
        started_by=world.users[fields["started_by"]],
        jobs=[_new(Job, each, plan=_plan(each["plan"])) for each in fields["jobs"]],
    )


def _plan(fields: Fields) -> JobPlan:
    ran = None if fields["ran"] is None else tuple(fields["ran"])
    return _new(JobPlan, fields, requires=tuple(fields["requires"]), ran=ran)
