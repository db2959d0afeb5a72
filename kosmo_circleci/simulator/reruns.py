"""Running a workflow again: the whole, from its failed jobs, or some jobs and what needs them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.entities import Job, Workflow
from kosmo_circleci.simulator.progress import JobProgress
from kosmo_circleci.simulator.world import World


class RerunOptions(NamedTuple):
    """What is run again: everything, unless `from_failed` or `job_ids` say otherwise."""

    from_failed: bool = False
    enable_ssh: bool = False
    sparse_tree: bool = False
    job_ids: tuple[str, ...] = ()


def run_again(world: World, workflow: Workflow, options: RerunOptions) -> Workflow:
    """Start the workflow's jobs again as a new workflow of its pipeline, and return that.

    A job that is not run again keeps its number and result. Refuses (400) options that contradict
    each other or the state of the workflow.
    """
    again = _jobs_to_run_again(world, workflow, options)
    progress = workflow.progress(world.now_s).jobs
    jobs = [
        _new_run(world, workflow, job, options)
        if job.plan.name in again
        else _reused(job, progress)
        for job in workflow.jobs
    ]
    return world.start_workflow(workflow.pipeline, workflow.name, jobs, tag=workflow.tag)


def _jobs_to_run_again(world: World, workflow: Workflow, options: RerunOptions) -> Collection[str]:
    extras = [
        name
        for name, chosen in (
            ("enable_ssh", options.enable_ssh),
            ("sparse_tree", options.sparse_tree),
        )
        if chosen
    ]
    if options.from_failed and (options.job_ids or extras):
        other = "jobs" if options.job_ids else extras[0]
        raise bad_request(f"Only one of from_failed and {other} may be given.")
    if extras and not options.job_ids:
        raise bad_request(f"{extras[0]} needs jobs: the ids of the jobs to run again.")
    if options.from_failed:
        return _not_succeeded(workflow, world.now_s)
    if options.job_ids:
        return _with_dependents(workflow, options.job_ids)
    return {each.plan.name for each in workflow.jobs}


def _not_succeeded(workflow: Workflow, now_s: int) -> set[str]:
    progress = workflow.progress(now_s)
    if not progress.ended:
        raise bad_request(f"The workflow has not ended, it is {progress.status}.")
    return {name for name, job in progress.jobs.items() if job.status != "success"}


def _with_dependents(workflow: Workflow, ids: Collection[str]) -> set[str]:
    unknown = set(ids) - {each.id for each in workflow.jobs}
    if unknown:
        raise bad_request(f"The workflow has no job {min(unknown)}.")
    names = {each.plan.name for each in workflow.jobs if each.id in ids}
    for job in workflow.jobs:  # in the order of their requirements, so one pass is enough
        if names.intersection(job.plan.requires):
            names.add(job.plan.name)
    return names


def _new_run(world: World, workflow: Workflow, job: Job, options: RerunOptions) -> Job:
    outcome = "success" if job.plan.heals else job.plan.outcome
    plan = job.plan._replace(
        approved_s=None, canceled_s=None, ran=None, outcome=outcome, heals=False
    )
    run = world.new_job(workflow.pipeline.project, plan)
    run.ssh = options.enable_ssh
    return run


def _reused(job: Job, progress: Mapping[str, JobProgress]) -> Job:
    ran = progress[job.plan.name]
    if ran.status != "success" or ran.started_s is None or ran.stopped_s is None:
        raise bad_request(f"The job {job.plan.name} did not succeed and must be run again too.")
    return job.taken_over(ran.started_s, ran.stopped_s)
