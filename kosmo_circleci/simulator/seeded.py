"""The world every simulation begins with: the readable ids that the documentation uses.

The ids are placeholders on purpose (`pipeline-uuid`), so that an example shows at a glance what it
takes; everything created later gets a UUID. What is only a row in a table (webhooks, schedules, …)
is seeded by its resource on first use.
"""

from typing import Final

from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.entities import (
    Context,
    EnvVar,
    Organization,
    Project,
    Restriction,
    User,
)
from kosmo_circleci.simulator.seeded_pipelines import add_pipelines
from kosmo_circleci.simulator.world import World

_DAY_S: Final = 86_400

EXAMPLE_TOKEN: Final = "simulated-token"
ANOTHER_TOKEN: Final = "another-simulated-token"

EXAMPLE_USER: Final = User("user-uuid", "example-user", "Example User")
ANOTHER_USER: Final = User("another-user-uuid", "another-user", "Another User")
EXAMPLE_ORG: Final = Organization(
    "org-uuid", "gh/example-org", "example-org", members=(EXAMPLE_USER.id, ANOTHER_USER.id)
)
ANOTHER_ORG: Final = Organization(
    "another-org-uuid", "gh/another-org", "another-org", members=(ANOTHER_USER.id,)
)
"""What `EXAMPLE_USER` must not see."""

CHECKOUT_KEY_FINGERPRINT: Final = "c9:0b:1c:4f:d5:65:56:b9:ad:88:f9:81:2b:37:74:2f"


def seeded_world(seed: int = 0, *, clock: Clock | None = None) -> World:
    """Return a new world with `gh/example-org`, its two projects, its context and their pipelines.

    `seed` decides the ids of everything created later.
    """
    world = World(EXAMPLE_USER, seed=seed, clock=clock)
    world.has_examples = True
    world.users[ANOTHER_USER.id] = ANOTHER_USER
    world.tokens = {EXAMPLE_TOKEN: EXAMPLE_USER.id, ANOTHER_TOKEN: ANOTHER_USER.id}
    for organization in (EXAMPLE_ORG, ANOTHER_ORG):
        world.organizations[organization.id] = organization
    project = _add_project(world, "project-uuid", "example-repo")
    another = _add_project(world, "another-project-uuid", "another-repo")
    another.env_vars["LEGACY_API_KEY"] = _variable("LEGACY_API_KEY", "simulated-legacy-key")
    project.env_vars["EXAMPLE_VAR"] = _variable("EXAMPLE_VAR", "example-value")
    context = _context("context-uuid", "production", EXAMPLE_ORG)
    restriction = Restriction("restriction-uuid", "project", project.id, project.name)
    context.restrictions[restriction.id] = restriction
    world.contexts[context.id] = context
    private = _add_project(world, "private-project-uuid", "private-repo", ANOTHER_ORG)
    world.contexts["private-context-uuid"] = _context(
        "private-context-uuid", "private", ANOTHER_ORG
    )
    add_pipelines(world, project, another, private)
    return world


def _add_project(
    world: World, project_id: str, name: str, organization: Organization = EXAMPLE_ORG
) -> Project:
    project = Project(project_id, f"{organization.slug}/{name}", name, organization)
    world.projects[project.slug] = project
    return project


def _variable(name: str, value: str) -> EnvVar:
    return EnvVar(name, value, created_s=-30 * _DAY_S, updated_s=-7 * _DAY_S)


def _context(context_id: str, name: str, owner: Organization) -> Context:
    variables = (
        _variable("DEPLOY_TOKEN", "simulated-deploy-token"),
        _variable("AWS_REGION", "us-east-1"),
    )
    return Context(
        id=context_id,
        name=name,
        owner=owner,
        created_s=-90 * _DAY_S,
        variables={each.name: each for each in variables},
        restrictions={},
    )
