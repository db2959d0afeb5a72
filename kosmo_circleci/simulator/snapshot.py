"""The world as plain JSON data, and back: all that it knows, with nothing of this process in it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.progress import JobPlan
from kosmo_circleci.simulator.things import (
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
from kosmo_circleci.simulator.world import Row, World

_T = TypeVar("_T")

Fields = Mapping[str, Any]
"""One thing of the file: its fields, of which nothing is known yet."""

FORMAT: Final = 1
"""The form of the data; it grows when what was written before cannot be read any more."""

_CHANGING: Final = (Project, Job, Pipeline, Workflow)
_KNOWN_BY_ID: Final = (User, Organization, Project, Pipeline)
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

    `clock` tells how its time goes on (`Clock.at`). Raises `ValueError` for anything else.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"expected a world of format {FORMAT}")
    try:
        return _world(data, clock or Clock())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _world(state: Fields, clock: Clock) -> World:
    users = {each["id"]: _made(User, each) for each in state["users"]}
    clock = clock.at(float(state["now_s"]))
    world = World(users[state["user"]], seed=int(state["seed"]), clock=clock)
    world.users = users
    world.tokens = {token: users[user_id].id for token, user_id in state["tokens"].items()}
    world.has_examples = bool(state["has_examples"])
    world.ids_given = int(state["ids_given"])
    world.requests_answered = int(state["requests_answered"])
    for each in state["organizations"]:
        members = tuple(each["members"])
        world.organizations[each["id"]] = _made(Organization, each, members=members)
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


def _rows(things: Mapping[str, Any]) -> list[JsonValue]:
    return [_fields_of(thing) for thing in things.values()]


def _fields_of(thing: Any) -> dict[str, JsonValue]:
    changes = isinstance(thing, _CHANGING)
    names = type(thing).__slots__ if changes else thing._fields
    found = {}
    for name in names:
        value = getattr(thing, name)
        # Most are plain, and a large world is written after each of its changes.
        found[name] = value if type(value) in _PLAIN else _field(value)
    return found


def _field(value: Any) -> JsonValue:
    """Return a field's value as JSON: what is known by an id as that id, the rest as it is."""
    if isinstance(value, _KNOWN_BY_ID):
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


def _made(kind: Callable[..., _T], given: Fields, **parts: Any) -> _T:
    return kind(**{**given, **parts})


def _project(world: World, given: Fields) -> Project:
    variables = {name: _made(EnvVar, each) for name, each in given["env_vars"].items()}
    organization = world.organizations[given["organization"]]
    return _made(Project, given, organization=organization, env_vars=variables)


def _context(world: World, given: Fields) -> Context:
    return _made(
        Context,
        given,
        owner=world.organizations[given["owner"]],
        variables={name: _made(EnvVar, each) for name, each in given["variables"].items()},
        restrictions={key: _made(Restriction, each) for key, each in given["restrictions"].items()},
    )


def _pipeline(world: World, given: Fields) -> Pipeline:
    projects = {each.id: each for each in world.projects.values()}
    actor = world.users[given["actor"]]
    return _made(Pipeline, given, project=projects[given["project"]], actor=actor)


def _workflow(world: World, given: Fields) -> Workflow:
    return _made(
        Workflow,
        given,
        pipeline=world.pipelines[given["pipeline"]],
        started_by=world.users[given["started_by"]],
        jobs=[_made(Job, each, plan=_plan(each["plan"])) for each in given["jobs"]],
    )


def _plan(given: Fields) -> JobPlan:
    ran = None if given["ran"] is None else tuple(given["ran"])
    return _made(JobPlan, given, requires=tuple(given["requires"]), ran=ran)
