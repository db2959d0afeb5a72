"""The world every simulation begins with: the readable ids that the documentation uses.

The ids are placeholders on purpose (`pipeline-uuid`), so that an example shows at a glance what it
takes; everything created later gets a UUID.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kosmo_circleci.simulator.plans import (
    DEPLOY,
    LINT,
    TEST,
    WORKFLOW_NAME,
    build_and_test,
)
from kosmo_circleci.simulator.progress import JobPlan
from kosmo_circleci.simulator.world import (
    Context,
    EnvVar,
    Job,
    Organization,
    Pipeline,
    Project,
    Restriction,
    User,
    Workflow,
    World,
)

_DAY_S: Final = 86_400

EXAMPLE_USER: Final = User("user-uuid", "example-user", "Example User")
ANOTHER_USER: Final = User("another-user-uuid", "another-user", "Another User")
EXAMPLE_ORG: Final = Organization("org-uuid", "gh/example-org", "example-org")

CHECKOUT_KEY_FINGERPRINT: Final = "c9:0b:1c:4f:d5:65:56:b9:ad:88:f9:81:2b:37:74:2f"

_RUNNING_TEST: Final = replace(TEST, duration_s=3600)
"""Long enough that no example sees the end of it."""


def seeded_world(seed: int = 0) -> World:
    """Return a new world with `gh/example-org`, its two projects, its context and five pipelines.

    `seed` decides the ids of everything created later, and the values answered by shape.
    """
    world = World(EXAMPLE_USER, seed=seed)
    world.users[ANOTHER_USER.id] = ANOTHER_USER
    world.organizations[EXAMPLE_ORG.id] = EXAMPLE_ORG
    project = _add_project(world, "project-uuid", "example-repo")
    _add_project(world, "another-project-uuid", "another-repo")
    project.env_vars["EXAMPLE_VAR"] = _variable("EXAMPLE_VAR", "example-value")
    project.next_pipeline_number, project.next_job_number = 46, 113
    world.contexts["context-uuid"] = _production_context(project)
    _add_pipelines(world, project)
    return world


def _add_project(world: World, project_id: str, name: str) -> Project:
    project = Project(project_id, f"{EXAMPLE_ORG.slug}/{name}", name, EXAMPLE_ORG)
    world.projects[project.slug] = project
    return project


def _variable(name: str, value: str) -> EnvVar:
    return EnvVar(name, value, created_s=-30 * _DAY_S, updated_s=-7 * _DAY_S)


def _production_context(project: Project) -> Context:
    variables = (
        _variable("DEPLOY_TOKEN", "simulated-deploy-token"),
        _variable("AWS_REGION", "us-east-1"),
    )
    restriction = Restriction("restriction-uuid", "project", project.id, project.name)
    return Context(
        id="context-uuid",
        name="production",
        owner=EXAMPLE_ORG,
        created_s=-90 * _DAY_S,
        variables={each.name: each for each in variables},
        restrictions={restriction.id: restriction},
    )


def _add_pipelines(world: World, project: Project) -> None:
    # The order is that of the numbers: a list shows the newest first by its time.
    failed = _pipeline(project, 41, "failed-", -7200, branch="feature/login", actor=ANOTHER_USER)
    _add(world, failed, "failed-workflow-uuid", _jobs("failed-", build_and_test("fail/"), 97))
    done = _pipeline(project, 42, "", -3600)
    _add(world, done, "workflow-uuid", _jobs("", build_and_test("main"), 101))
    on_hold = _pipeline(project, 43, "on-hold-", -1800)
    _add(world, on_hold, "on-hold-workflow-uuid", _jobs("on-hold-", build_and_test("hold/"), 104))
    running = _pipeline(project, 44, "running-", -60)
    endless = (LINT, _RUNNING_TEST, DEPLOY)
    _add(world, running, "running-workflow-uuid", _jobs("running-", endless, 109))
    setup = _pipeline(project, 45, "setup-", -30, continuation_key="continuation-key")
    generate = JobPlan("generate-config", duration_s=20)
    _add(world, setup, "setup-workflow-uuid", _jobs("setup-", [generate], 112), name="setup")


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
) -> None:
    world.pipelines[pipeline.id] = pipeline
    world.workflows[workflow_id] = Workflow(
        id=workflow_id,
        name=name,
        pipeline=pipeline,
        created_s=pipeline.created_s,
        jobs=jobs,
        started_by=pipeline.actor,
        tag="setup" if pipeline.continuation_key else None,
    )
