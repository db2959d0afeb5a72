"""The state of a simulated CircleCI: a `World` that names and finds its entities (`entities.py`).

What CircleCI derives (a workflow's status) is derived here too, see `progress.py`; only plans and
decisions are kept.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias, TypeVar

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import not_found
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.entities import (
    Context,
    Job,
    Organization,
    Pipeline,
    Project,
    User,
    Workflow,
)
from kosmo_circleci.simulator.progress import JobPlan

_T = TypeVar("_T")

Row: TypeAlias = dict[str, JsonValue]
"""A resource that is nothing but its fields: a webhook, a group. It has an `id`."""

Table: TypeAlias = dict[str, Row]
"""Such resources by their id."""

_VCS: Final = {"gh": "gh", "github": "gh", "bb": "bb", "bitbucket": "bb", "circleci": "circleci"}


class World:
    """An empty CircleCI; `seeded.py` fills one. The same seed and requests give the same ids.

    Not safe for several threads at once: the transport lets one request in at a time, and says
    whose it is in `current_user`, which decides what is visible.
    """

    def __init__(self, user: User, *, seed: int = 0, clock: Clock | None = None) -> None:
        """Start at the first simulated second, with `user` as the one who asks."""
        self.seed = seed
        self.clock = clock or Clock()
        self.current_user = user
        self.has_examples = False
        self.ids_given = 0
        self.requests_answered = 0
        self.users: dict[str, User] = {user.id: user}
        self.tokens: dict[str, str] = {}
        self.organizations: dict[str, Organization] = {}
        self.projects: dict[str, Project] = {}
        self.contexts: dict[str, Context] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.workflows: dict[str, Workflow] = {}
        self.tables: dict[str, Table] = {}

    @property
    def now_s(self) -> int:
        """The current simulated second."""
        return self.clock.now_s

    def new_id(self) -> str:
        """Return the next id, in the form of a random UUID (version 4)."""
        return random_uuid(self.random())

    def new_revision(self) -> str:
        """Return the next commit hash."""
        return f"{self.random().getrandbits(160):040x}"

    def random(self) -> random.Random:
        """Return a new source of randomness: the next one of this world's seed."""
        self.ids_given += 1
        return random.Random(f"{self.seed}/ids/{self.ids_given}")

    def next_request_id(self) -> str:
        """Count one more request, and return its id. It does not change the ids of resources."""
        self.requests_answered += 1
        return random_uuid(random.Random(f"{self.seed}/requests/{self.requests_answered}"))

    def table(self, name: str, examples: Callable[[], Iterable[Row]] | None = None) -> Table:
        """Return the table of that name; in a seeded world a new one begins with `examples()`."""
        if name not in self.tables:
            rows = examples() if examples is not None and self.has_examples else ()
            self.tables[name] = {str(row["id"]): row for row in rows}
        return self.tables[name]

    def sees(self, organization: Organization) -> bool:
        """Tell whether the current user is a member of the organization."""
        return self.current_user.id in organization.members

    def user(self, user_id: str) -> User:
        """Return the user, or refuse with 404."""
        return _or_not_found(self.users.get(user_id), "User")

    def visible_organizations(self) -> list[Organization]:
        """Return the organizations of the current user."""
        return [each for each in self.organizations.values() if self.sees(each)]

    def organization_by_id(self, organization_id: str) -> Organization:
        """Return the organization of that id, or refuse with 404."""
        matches = (each for each in self.visible_organizations() if each.id == organization_id)
        return _or_not_found(next(matches, None), "Organization")

    def organization_by_slug(self, slug: str) -> Organization:
        """Return the organization of that slug (`github/acme` is `gh/acme`), or refuse with 404."""
        name = canonical_slug(slug)
        matches = (each for each in self.visible_organizations() if each.slug == name)
        return _or_not_found(next(matches, None), "Organization")

    def visible_projects(self) -> list[Project]:
        """Return the projects of the current user's organizations."""
        return [each for each in self.projects.values() if self.sees(each.organization)]

    def project(self, slug: str) -> Project:
        """Return the project of that slug, or refuse with 404."""
        match = self.projects.get(canonical_slug(slug))
        return _or_not_found(match if match and self.sees(match.organization) else None, "Project")

    def project_by_id(self, project_id: str) -> Project:
        """Return the project of that id, or refuse with 404."""
        projects = self.visible_projects()
        return _or_not_found(
            next((each for each in projects if each.id == project_id), None), "Project"
        )

    def context(self, context_id: str) -> Context:
        """Return the context, or refuse with 404."""
        match = self.contexts.get(context_id)
        return _or_not_found(match if match and self.sees(match.owner) else None, "Context")

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """Return the pipeline, or refuse with 404."""
        match = self.pipelines.get(pipeline_id)
        return _or_not_found(match if match and self._sees_run(match) else None, "Pipeline")

    def workflow(self, workflow_id: str) -> Workflow:
        """Return the workflow, or refuse with 404."""
        match = self.workflows.get(workflow_id)
        return _or_not_found(
            match if match and self._sees_run(match.pipeline) else None, "Workflow"
        )

    def newest_pipelines(self, project: Project | None = None) -> list[Pipeline]:
        """Return the pipelines (of one project, or all that are visible), the newest first."""
        pipelines = [
            each
            for each in reversed(self.pipelines.values())
            if (each.project is project if project else self._sees_run(each))
        ]
        return sorted(pipelines, key=lambda each: -each.created_s)

    def workflows_of(self, pipeline: Pipeline) -> list[Workflow]:
        """Return the pipeline's workflows in the order they were created."""
        return [each for each in self.workflows.values() if each.pipeline is pipeline]

    def job_by_id(self, job_id: str) -> tuple[Workflow, Job]:
        """Return the job and the newest workflow it is part of, or refuse with 404."""
        hits = (
            hit for hit in self._jobs() if hit[1].id == job_id and self._sees_run(hit[0].pipeline)
        )
        return _or_not_found(next(hits, None), "Job")

    def job_by_number(self, project: Project, number: int) -> tuple[Workflow, Job]:
        """Return the project's job of that number with its newest workflow, or refuse with 404."""
        hits = (
            (workflow, job)
            for workflow, job in self._jobs()
            if job.number == number and workflow.pipeline.project is project
        )
        return _or_not_found(next(hits, None), "Job")

    def add_project(self, organization: Organization, name: str) -> Project:
        """Add a project to the organization, and return it."""
        project = Project(self.new_id(), f"{organization.slug}/{name}", name, organization)
        self.projects[project.slug] = project
        return project

    def delete_project(self, project: Project) -> None:
        """Forget the project and everything that ran for it."""
        del self.projects[project.slug]
        pipelines = (each for each in self.pipelines.values() if each.project is not project)
        self.pipelines = {each.id: each for each in pipelines}
        runs = (each for each in self.workflows.values() if each.pipeline.project is not project)
        self.workflows = {each.id: each for each in runs}
        for name, table in self.tables.items():
            rows = (row for row in table.values() if row.get("project_id") != project.id)
            self.tables[name] = {str(row["id"]): row for row in rows}

    def start_workflow(
        self, pipeline: Pipeline, name: str, jobs: Sequence[Job], *, tag: str | None = None
    ) -> Workflow:
        """Add a workflow of `jobs` that the current user starts now, and return it."""
        workflow = Workflow(
            id=self.new_id(),
            name=name,
            pipeline=pipeline,
            created_s=self.now_s,
            jobs=list(jobs),
            started_by=self.current_user,
            tag=tag,
        )
        self.workflows[workflow.id] = workflow
        return workflow

    def new_job(self, project: Project, plan: JobPlan) -> Job:
        """Return a job for `plan`: numbered in its project, or with an approval request id."""
        if plan.is_approval:
            return Job(self.new_id(), plan, approval_request_id=self.new_id())
        number, project.next_job_number = project.next_job_number, project.next_job_number + 1
        return Job(self.new_id(), plan, number=number)

    def _sees_run(self, pipeline: Pipeline) -> bool:
        return self.sees(pipeline.project.organization)

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


def _or_not_found(entity: _T | None, what: str) -> _T:
    if entity is None:
        raise not_found(what)
    return entity
