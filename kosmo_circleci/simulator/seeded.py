"""The world every simulation begins with: the readable ids that the documentation uses.

The ids are placeholders on purpose (`pipeline-uuid`), so that an example shows at a glance what it
takes; everything created later gets a UUID. What is only a row in a table (webhooks, schedules, …)
is seeded by its resource on first use.
"""

from collections.abc import Sequence
from typing import Final

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
from kosmo_circleci.simulator.plans import (
    DEPLOY,
    GENERATE_CONFIG,
    LINT,
    SETUP_WORKFLOW_NAME,
    TEST,
    WORKFLOW_NAME,
    build_and_test,
)
from kosmo_circleci.simulator.progress import JobPlan
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

_RUNNING_TEST: Final = TEST._replace(duration_s=3600)
"""Long enough that no example sees the end of it."""

_SUCCESS: Final = build_and_test(frozenset())
_FAILURE: Final = build_and_test(frozenset({"fail"}))
_HEALED: Final = build_and_test(frozenset({"flaky"}))
_HELD: Final = build_and_test(frozenset({"hold"}))

_HISTORY: Final[Sequence[tuple[int, str, str, tuple[JobPlan, ...]]]] = (
    (33, "", "main", _SUCCESS),
    (34, "", "main", _SUCCESS),
    (35, "", "main", _FAILURE),
    (36, "", "main", _SUCCESS),
    (37, "", "feature/login", _FAILURE),
    (38, "", "main", _SUCCESS),
    (39, "flaky-", "flaky/login", _HEALED),
    (40, "", "main", _SUCCESS),
)
"""Number, prefix of the ids, branch and plan of what ran in the days before, one a day."""


def seeded_world(seed: int = 0, *, clock: Clock | None = None) -> World:
    """Return a new world with `gh/example-org`, its two projects, its context and its pipelines.

    `seed` decides the ids of everything created later.
    """
    world = World(EXAMPLE_USER, seed=seed, clock=clock)
    world.has_examples = True
    world.users[ANOTHER_USER.id] = ANOTHER_USER
    world.tokens = {EXAMPLE_TOKEN: EXAMPLE_USER.id, ANOTHER_TOKEN: ANOTHER_USER.id}
    for organization in (EXAMPLE_ORG, ANOTHER_ORG):
        world.organizations[organization.id] = organization
    project = _add_project(world, "project-uuid", "example-repo")
    _add_project(world, "another-project-uuid", "another-repo")
    project.env_vars["EXAMPLE_VAR"] = _variable("EXAMPLE_VAR", "example-value")
    project.next_pipeline_number, project.next_job_number = 46, 113
    context = _context("context-uuid", "production", EXAMPLE_ORG)
    restriction = Restriction("restriction-uuid", "project", project.id, project.name)
    context.restrictions[restriction.id] = restriction
    world.contexts[context.id] = context
    _add_history(world, project)
    _add_pipelines(world, project)
    _add_what_another_user_has(world)
    return world


def _add_what_another_user_has(world: World) -> None:
    project = _add_project(world, "private-project-uuid", "private-repo", ANOTHER_ORG)
    project.next_pipeline_number, project.next_job_number = 2, 4
    world.contexts["private-context-uuid"] = _context(
        "private-context-uuid", "private", ANOTHER_ORG
    )
    pipeline = _pipeline(project, 1, "private-", -_DAY_S, actor=ANOTHER_USER)
    _add(world, pipeline, "private-workflow-uuid", _jobs("private-", _SUCCESS, 1))


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


def _add_history(world: World, project: Project) -> None:
    first_number = 71
    for days_ago, (number, prefix, branch, plans) in enumerate(reversed(_HISTORY), start=1):
        ids = prefix or f"{number}-"
        job_number = first_number + 3 * (number - _HISTORY[0][0])
        pipeline = _pipeline(project, number, ids, -days_ago * _DAY_S, branch=branch)
        first = _add(world, pipeline, f"{ids}workflow-uuid", _jobs(ids, plans, job_number))
        if plans is _HEALED:
            _add_rerun(world, first)
    # The order is that of the numbers: a list shows the newest first by its time.
    world.pipelines = dict(sorted(world.pipelines.items(), key=lambda each: each[1].number))


def _add_rerun(world: World, first: Workflow) -> None:
    """Add the rerun of a flaky workflow: `lint` is taken over, `test` and `deploy` run again."""
    lint = first.jobs[0]
    ended = first.progress(0).jobs["lint"]
    assert ended.started_s is not None
    assert ended.stopped_s is not None
    jobs = [
        lint.taken_over(ended.started_s, ended.stopped_s),
        Job("flaky-again-job-uuid", TEST, number=95),
        Job("flaky-again-deploy-job-uuid", DEPLOY, number=96),
    ]
    again = _add(world, first.pipeline, "flaky-again-workflow-uuid", jobs)
    again.created_s = first.created_s + 600


def _add_pipelines(world: World, project: Project) -> None:
    failed = _pipeline(project, 41, "failed-", -7200, branch="feature/login", actor=ANOTHER_USER)
    _add(world, failed, "failed-workflow-uuid", _jobs("failed-", _FAILURE, 97))
    done = _pipeline(project, 42, "", -3600)
    _add(world, done, "workflow-uuid", _jobs("", _SUCCESS, 101))
    on_hold = _pipeline(project, 43, "on-hold-", -1800)
    _add(world, on_hold, "on-hold-workflow-uuid", _jobs("on-hold-", _HELD, 104))
    running = _pipeline(project, 44, "running-", -60)
    endless = (LINT, _RUNNING_TEST, DEPLOY)
    _add(world, running, "running-workflow-uuid", _jobs("running-", endless, 109))
    setup = _pipeline(project, 45, "setup-", -30, continuation_key="continuation-key")
    generate = _jobs("setup-", [GENERATE_CONFIG], 112)
    _add(world, setup, "setup-workflow-uuid", generate, name=SETUP_WORKFLOW_NAME)


def _pipeline(
    project: Project,
    number: int,
    prefix: str,
    created_s: int,
    *,
    branch: str = "main",
    actor: User = EXAMPLE_USER,
    continuation_key: str | None = None,
) -> Pipeline:
    return Pipeline(
        id=f"{prefix}pipeline-uuid",
        number=number,
        project=project,
        created_s=created_s,
        actor=actor,
        revision=f"{number:040x}",
        trigger_type="webhook",
        branch=branch,
        continuation_key=continuation_key,
    )


def _jobs(prefix: str, plans: Sequence[JobPlan], first_number: int) -> list[Job]:
    jobs, number = [], first_number
    for plan in plans:
        if plan.is_approval:
            jobs.append(Job(f"{plan.name}-job-uuid", plan, approval_request_id="approval-uuid"))
            continue
        # The job `test` is the one the documentation shows: it has the short id.
        name = "" if plan.name == "test" else f"{plan.name}-"
        jobs.append(Job(f"{prefix}{name}job-uuid", plan, number=number))
        number += 1
    return jobs


def _add(
    world: World,
    pipeline: Pipeline,
    workflow_id: str,
    jobs: list[Job],
    *,
    name: str = WORKFLOW_NAME,
) -> Workflow:
    world.pipelines[pipeline.id] = pipeline
    workflow = Workflow(
        id=workflow_id,
        name=name,
        pipeline=pipeline,
        created_s=pipeline.created_s,
        jobs=jobs,
        started_by=pipeline.actor,
        tag="setup" if pipeline.continuation_key else None,
    )
    world.workflows[workflow_id] = workflow
    return workflow
