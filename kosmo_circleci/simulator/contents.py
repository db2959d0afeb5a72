"""What is in a world: the start-up screen of the server, for people and for programs."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.entities import Pipeline
from kosmo_circleci.simulator.plans import OUTCOMES
from kosmo_circleci.simulator.world import World

_LATEST: Final = 5
"""How many of the newest pipelines are shown."""


class Entry(NamedTuple):
    """An entity of the world: its kind, its id, and its name or state."""

    kind: str
    id: str
    name: str


def entries_of(world: World, token: str) -> list[Entry]:
    """Return what the owner of `token` sees in the world, with the newest pipelines."""
    world.current_user = world.users[world.tokens[token]]
    entries = [Entry("user", world.current_user.id, world.current_user.login)]
    entries += [Entry("organization", each.id, each.slug) for each in world.visible_organizations()]
    entries += [Entry("project", each.id, each.slug) for each in world.visible_projects()]
    entries += [
        Entry("context", each.id, f"{each.owner.slug} {each.name}")
        for each in world.contexts.values()
        if world.sees(each.owner)
    ]
    for pipeline in world.newest_pipelines()[:_LATEST]:
        entries += _of_pipeline(world, pipeline)
    return entries


def to_json(entries: Sequence[Entry], *, url: str, token: str, seed: int) -> dict[str, JsonValue]:
    """Return the start-up screen as JSON: the address, the token and the entries."""
    return {
        "url": url,
        "environment": {"CIRCLECI_TOKEN": token, "CIRCLECI_BASE_URL": url},
        "seed": seed,
        "contents": [{"kind": each.kind, "id": each.id, "name": each.name} for each in entries],
    }


def screen(entries: Sequence[Entry], *, url: str, token: str, notes: Sequence[str]) -> str:
    """Return the start-up screen; `notes` say how this server differs from any other."""
    width = max(len(each.id) for each in entries) + 2
    rows = [f"  {each.kind:14}{each.id:{width}}{each.name}".rstrip() for each in entries]
    endings = " ".join(f"{word}/…" for word in OUTCOMES)
    lines = [
        f"A simulated CircleCI answers at {url}. In another terminal:",
        "",
        f"  export CIRCLECI_TOKEN={token} CIRCLECI_BASE_URL={url}",
        "",
        "It begins with:",
        "",
        *rows,
        "",
        "The branch decides how a pipeline ends:",
        f"  {endings}",
        "(see: kosmo integrations:docs simulator)",
        *notes,
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _of_pipeline(world: World, pipeline: Pipeline) -> list[Entry]:
    where = f"{pipeline.project.slug} {pipeline.number} {pipeline.branch or pipeline.tag}"
    workflows = [
        Entry("workflow", each.id, f"{each.name}: {each.progress(world.now_s).status}")
        for each in world.workflows_of(pipeline)
    ]
    return [Entry("pipeline", pipeline.id, where), *workflows]
