"""The state of a simulated CircleCI: plain dataclasses, and a `World` that names and finds them.

Times are simulated seconds (`clock.py`). What CircleCI derives (a workflow's status) is derived
here too, see `progress.py`; only plans and decisions are kept. What changes is compared by identity
(`eq=False`): a project is the same project whatever its variables are.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.progress import JobPlan, WorkflowProgress, workflow_progress

_T = TypeVar("_T")

_VCS: Final = {"gh": "gh", "github": "gh", "bb": "bb", "bitbucket": "bb", "circleci": "circleci"}

VCS_TYPES: Final = {"gh": "github", "bb": "bitbucket", "circleci": "circleci"}
"""The short name in a slug -> the name CircleCI uses elsewhere."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account."""

    id: str
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Organization:
    """The owner of projects and contexts; `slug` is canonical (`gh/example-org`)."""

    id: str
    slug: str
    name: str

    @property
    def vcs(self) -> str:
        """The first segment of the slug: gh, bb or circleci."""
        return self.slug.split("/")[0]


@dataclass(eq=False, slots=True)
class EnvVar:
    """A variable of a project or a context. The value never leaves the world whole."""

    name: str
    value: str
    created_s: int
    updated_s: int


@dataclass(eq=False, slots=True)
class Project:
    """A followed project, with the numbers its next pipeline and job will get."""

    id: str
    slug: str
    name: str
    organization: Organization
    next_pipeline_number: int = 1
    next_job_number: int = 1
    env_vars: dict[str, EnvVar] = field(default_factory=dict)
    advanced_settings: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restriction:
    """What must hold for a job to use a context."""

    id: str
    type: str
    value: str
    name: str


@dataclass(eq=False, slots=True)
class Context:
    """A named set of variables that an organization shares between its projects."""

    id: str
    name: str
    owner: Organization
    created_s: int
    variables: dict[str, EnvVar] = field(default_factory=dict)
    restrictions: dict[str, Restriction] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Job:
    """A job of a workflow; an approval has no number but an approval request id."""

    id: str
    plan: JobPlan
    number: int | None = None
    approval_request_id: str | None = None
    approved_by: str | None = None
    canceled_by: str | None = None


@dataclass(eq=False, slots=True)
class Pipeline:
    """One trigger of a project. `setup` pipelines wait for `continuation_key`, once."""

    id: str
    number: int
    project: Project
    created_s: int
    actor: User
    revision: str
    trigger_type: str = "api"
    branch: str | None = None
    tag: str | None = None
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    continuation_key: str | None = None
    continued_s: int | None = None
    configuration: str | None = None


@dataclass(eq=False, slots=True)
class Workflow:
    """One run of a workflow of a pipeline; `jobs` stand after the jobs they require."""

    id: str
    name: str
    pipeline: Pipeline
    created_s: int
    jobs: list[Job]
    started_by: User
    tag: str | None = None
    canceled_s: int | None = None
    canceled_by: str | None = None

    def progress(self, now_s: int) -> WorkflowProgress:
        """Return how far the workflow is at `now_s`."""
        plans = [job.plan for job in self.jobs]
        return workflow_progress(
            plans, created_s=self.created_s, canceled_s=self.canceled_s, now_s=now_s
        )


class World:
    """An empty CircleCI; `seeded.py` fills one. The same seed and requests give the same ids.

    Not safe for several threads at once: the transport lets one request in at a time.
    """

    def __init__(self, user: User, *, seed: int = 0) -> None:
        """Start at the first simulated second, with `user` as the owner of every token."""
        self.seed = seed
        self.clock = Clock()
        self.current_user = user
        self.users: dict[str, User] = {user.id: user}
        self.organizations: dict[str, Organization] = {}
        self.projects: dict[str, Project] = {}
        self.contexts: dict[str, Context] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.workflows: dict[str, Workflow] = {}
        self._random = random.Random(f"{seed}/ids")

    @property
    def now_s(self) -> int:
        """The current simulated second."""
        return self.clock.now_s

    def new_id(self) -> str:
        """Return the next id, in the form of a random UUID (version 4)."""
        return random_uuid(self._random)

    def new_revision(self) -> str:
        """Return the next commit hash."""
        return f"{self._random.getrandbits(160):040x}"

    def user(self, user_id: str) -> User:
        """Return the user, or refuse with 404."""
        return _found(self.users.get(user_id), "User")

    def organization(self, slug_or_id: str) -> Organization:
        """Return the organization with that id or slug (`github/acme` is `gh/acme`), or refuse."""
        slug = canonical_slug(slug_or_id)
        known = self.organizations.values()
        return _found(
            next((each for each in known if slug_or_id == each.id or slug == each.slug), None),
            "Organization",
        )

    def project(self, slug: str) -> Project:
        """Return the project of that slug, or refuse with 404."""
        return _found(self.projects.get(canonical_slug(slug)), "Project")

    def context(self, context_id: str) -> Context:
        """Return the context, or refuse with 404."""
        return _found(self.contexts.get(context_id), "Context")

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """Return the pipeline, or refuse with 404."""
        return _found(self.pipelines.get(pipeline_id), "Pipeline")

    def workflow(self, workflow_id: str) -> Workflow:
        """Return the workflow, or refuse with 404."""
        return _found(self.workflows.get(workflow_id), "Workflow")

    def newest_pipelines(self) -> list[Pipeline]:
        """Return every pipeline, the newest first, as CircleCI lists them."""
        return sorted(self.pipelines.values(), key=lambda each: -each.created_s)

    def workflows_of(self, pipeline: Pipeline) -> list[Workflow]:
        """Return the pipeline's workflows in the order they were created."""
        return [each for each in self.workflows.values() if each.pipeline is pipeline]

    def job_by_id(self, job_id: str) -> tuple[Workflow, Job]:
        """Return the job and the newest workflow it is part of, or refuse with 404."""
        return _found(next((hit for hit in self._jobs() if hit[1].id == job_id), None), "Job")

    def job_by_number(self, project: Project, number: int) -> tuple[Workflow, Job]:
        """Return the project's job of that number with its newest workflow, or refuse with 404."""
        hits = (
            (workflow, job)
            for workflow, job in self._jobs()
            if job.number == number and workflow.pipeline.project is project
        )
        return _found(next(hits, None), "Job")

    def start_workflow(
        self, pipeline: Pipeline, name: str, jobs: Sequence[Job], *, workflow_id: str | None = None
    ) -> Workflow:
        """Add a workflow of `jobs` that the current user starts now, and return it."""
        workflow = Workflow(
            id=workflow_id or self.new_id(),
            name=name,
            pipeline=pipeline,
            created_s=self.now_s,
            jobs=list(jobs),
            started_by=self.current_user,
        )
        self.workflows[workflow.id] = workflow
        return workflow

    def new_job(self, project: Project, plan: JobPlan) -> Job:
        """Return a job for `plan`: numbered in its project, or with an approval request id."""
        if plan.is_approval:
            return Job(self.new_id(), plan, approval_request_id=self.new_id())
        number, project.next_job_number = project.next_job_number, project.next_job_number + 1
        return Job(self.new_id(), plan, number=number)

    def _jobs(self) -> Iterator[tuple[Workflow, Job]]:
        for workflow in reversed(self.workflows.values()):
            for job in workflow.jobs:
                yield workflow, job


def canonical_slug(slug: str) -> str:
    """Return a project or organization slug with CircleCI's short name of the version control."""
    vcs, slash, rest = slug.partition("/")
    return f"{_VCS.get(vcs, vcs)}{slash}{rest}"


def random_uuid(source: random.Random) -> str:
    """Return the next UUID of `source`, with the marks of version 4."""
    digits = f"{source.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _found(thing: _T | None, what: str) -> _T:
    if thing is None:
        raise not_found(what)
    return thing
