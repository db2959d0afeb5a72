"""The pipelines every simulation begins with, one of each kind that can happen.

In `example-repo` 33 to 40 ran in the days before, one a day, and 41 to 45 in the last two hours. In
`another-repo` 1 to 5 ended in the rarer ways: killed, without a machine, with a wrong
configuration, in the deployment, canceled.
"""

from collections.abc import Sequence
from typing import Final

from kosmo_circleci.simulator.entities import Job, Pipeline, Project, User, Workflow
from kosmo_circleci.simulator.plans import (
    CONFIG_TROUBLE,
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
_HOUR_S: Final = 3600

INTEGRATION: Final = "integration"
"""The second workflow of the running pipeline: it has failed already."""

_RUNNING_TEST: Final = TEST._replace(duration_s=3600)
"""Long enough that no example sees the end of it."""

_FAILED_INTEGRATION: Final = (
    JobPlan("build", duration_s=10),
    TEST._replace(requires=("build",), parallelism=1, outcome="failed"),
)

_SUCCESS: Final = build_and_test(frozenset())
_FAILURE: Final = build_and_test(frozenset({"fail"}))
_HEALED: Final = build_and_test(frozenset({"flaky"}))
_HELD: Final = build_and_test(frozenset({"hold"}))
_TIMEOUT: Final = build_and_test(frozenset({"timeout"}))
_LOST_MACHINE: Final = build_and_test(frozenset({"infra"}))
_FAILED_DEPLOY: Final = build_and_test(frozenset({"fail"}), {"simulate_job": DEPLOY.name})

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

_FIRST_JOB_OF_HISTORY: Final = 71


def add_pipelines(world: World, example: Project, another: Project, private: Project) -> None:
    """Add the pipelines of the three projects, and set the numbers that their next ones get."""
    _add_history(world, example)
    _add_recent(world, example)
    example.next_pipeline_number, example.next_job_number = 46, 113
    _add_rare_endings(world, another)
    pipeline = _pipeline(world, private, 1, "private-", -_DAY_S, actor=_another_user(world))
    _add(world, pipeline, "private-workflow-uuid", _jobs("private-", _SUCCESS, 1))
    private.next_pipeline_number, private.next_job_number = 2, 4


def _add_history(world: World, project: Project) -> None:
    for days_ago, (number, prefix, branch, plans) in enumerate(reversed(_HISTORY), start=1):
        ids = prefix or f"{number}-"
        job_number = _FIRST_JOB_OF_HISTORY + 3 * (number - _HISTORY[0][0])
        pipeline = _pipeline(world, project, number, ids, -days_ago * _DAY_S, branch=branch)
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


def _add_recent(world: World, project: Project) -> None:
    failed = _pipeline(
        world, project, 41, "failed-", -7200, branch="fail/payments", actor=_another_user(world)
    )
    _add(world, failed, "failed-workflow-uuid", _jobs("failed-", _FAILURE, 97))
    done = _pipeline(world, project, 42, "", -3600)
    _add(world, done, "workflow-uuid", _jobs("", _SUCCESS, 101))
    on_hold = _pipeline(world, project, 43, "on-hold-", -1800)
    _add(world, on_hold, "on-hold-workflow-uuid", _jobs("on-hold-", _HELD, 104))
    running = _pipeline(world, project, 44, "running-", -60)
    endless = (LINT, _RUNNING_TEST, DEPLOY)
    _add(world, running, "running-workflow-uuid", _jobs("running-", endless, 109))
    integration = _jobs("integration-", _FAILED_INTEGRATION, 107)
    _add(world, running, "integration-workflow-uuid", integration, name=INTEGRATION)
    setup = _pipeline(world, project, 45, "setup-", -30, branch="setup/dynamic")
    setup.continuation_key = "continuation-key"
    generate = _jobs("setup-", [GENERATE_CONFIG], 112)
    _add(world, setup, "setup-workflow-uuid", generate, name=SETUP_WORKFLOW_NAME).tag = "setup"


def _add_rare_endings(world: World, project: Project) -> None:
    killed = _pipeline(
        world, project, 1, "timedout-", -4 * _DAY_S - _HOUR_S, branch="timeout/search"
    )
    _add(world, killed, "timedout-workflow-uuid", _jobs("timedout-", _TIMEOUT, 1))
    lost = _pipeline(world, project, 2, "infra-", -3 * _DAY_S - _HOUR_S, branch="infra/search")
    _add(world, lost, "infra-workflow-uuid", _jobs("infra-", _LOST_MACHINE, 4))
    wrong = _pipeline(
        world, project, 3, "config-error-", -2 * _DAY_S - _HOUR_S, branch="error/search"
    )
    wrong.trouble = CONFIG_TROUBLE
    world.pipelines[wrong.id] = wrong
    failed = _pipeline(world, project, 4, "deploy-failed-", -_DAY_S - _HOUR_S)
    _add(world, failed, "deploy-failed-workflow-uuid", _jobs("deploy-failed-", _FAILED_DEPLOY, 7))
    canceled = _pipeline(world, project, 5, "canceled-", -12 * _HOUR_S, branch="feature/search")
    workflow = _add(world, canceled, "canceled-workflow-uuid", _jobs("canceled-", _SUCCESS, 10))
    workflow.canceled_s = workflow.created_s + 21  # while `test` runs
    workflow.canceled_by = world.current_user.id
    project.next_pipeline_number, project.next_job_number = 6, 13


def _another_user(world: World) -> User:
    return world.users["another-user-uuid"]


def _pipeline(
    world: World,
    project: Project,
    number: int,
    prefix: str,
    created_s: int,
    *,
    branch: str = "main",
    actor: User | None = None,
) -> Pipeline:
    return Pipeline(
        id=f"{prefix}pipeline-uuid",
        number=number,
        project=project,
        created_s=created_s,
        actor=actor or world.current_user,
        revision=f"{number:040x}",
        trigger_type="webhook",
        branch=branch,
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
    )
    world.workflows[workflow_id] = workflow
    return workflow
