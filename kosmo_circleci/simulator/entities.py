"""What a simulated CircleCI has: users, organizations, projects, contexts, pipelines, workflows.

Times are simulated seconds (`clock.py`). What never changes is a NamedTuple; what changes is a
class, compared by identity: a project is the same project whatever its variables are. Neither is a
dataclass: importing that module would cost a simulated one-liner 15 ms.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.progress import JobPlan, WorkflowProgress, workflow_progress

VCS_TYPES: Final = {"gh": "github", "bb": "bitbucket", "circleci": "circleci"}
"""The short name in a slug -> the name CircleCI uses elsewhere."""


class User(NamedTuple):
    """A person with an account."""

    id: str
    login: str
    name: str


ANONYMOUS: Final = User("anonymous", "anonymous", "Anonymous")
"""The user of a request without a token; a public route alone answers one."""


class Organization(NamedTuple):
    """The owner of projects and contexts; `slug` is canonical (`gh/example-org`).

    Only its `members` (ids of users) see it and what it owns.
    """

    id: str
    slug: str
    name: str
    members: tuple[str, ...]

    @property
    def vcs(self) -> str:
        """The first segment of the slug: gh, bb or circleci."""
        return self.slug.split("/")[0]


class EnvVar(NamedTuple):
    """A variable of a project or a context. The value never leaves the world whole."""

    name: str
    value: str
    created_s: int
    updated_s: int


class Project:
    """A followed project, with the numbers its next pipeline and job will get."""

    __slots__ = (
        "advanced_settings",
        "env_vars",
        "id",
        "name",
        "next_job_number",
        "next_pipeline_number",
        "organization",
        "slug",
    )

    def __init__(
        self,
        id: str,
        slug: str,
        name: str,
        organization: Organization,
        *,
        next_pipeline_number: int = 1,
        next_job_number: int = 1,
        env_vars: Mapping[str, EnvVar] | None = None,
        advanced_settings: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.id = id
        self.slug = slug
        self.name = name
        self.organization = organization
        self.next_pipeline_number = next_pipeline_number
        self.next_job_number = next_job_number
        self.env_vars = dict(env_vars or {})
        self.advanced_settings = dict(advanced_settings or {})


class Restriction(NamedTuple):
    """What must hold for a job to use a context."""

    id: str
    type: str
    value: str
    name: str


class Context(NamedTuple):
    """A named set of variables that an organization shares between its projects.

    The dictionaries change in place.
    """

    id: str
    name: str
    owner: Organization
    created_s: int
    variables: dict[str, EnvVar]
    restrictions: dict[str, Restriction]


class Job:
    """A job of a workflow; an approval has no number but an approval request id.

    `ssh`: the job was rerun with SSH access.
    """

    __slots__ = (
        "approval_request_id",
        "approved_by",
        "canceled_by",
        "id",
        "number",
        "plan",
        "ssh",
    )

    def __init__(
        self,
        id: str,
        plan: JobPlan,
        *,
        number: int | None = None,
        approval_request_id: str | None = None,
        approved_by: str | None = None,
        canceled_by: str | None = None,
        ssh: bool = False,
    ) -> None:
        self.id = id
        self.plan = plan
        self.number = number
        self.approval_request_id = approval_request_id
        self.approved_by = approved_by
        self.canceled_by = canceled_by
        self.ssh = ssh

    def taken_over(self, started_s: int, stopped_s: int) -> "Job":
        """Return the same job as part of a rerun that does not run it again."""
        return Job(
            self.id,
            self.plan._replace(ran=(started_s, stopped_s)),
            number=self.number,
            approval_request_id=self.approval_request_id,
            approved_by=self.approved_by,
            canceled_by=self.canceled_by,
            ssh=self.ssh,
        )


class Pipeline:
    """One trigger of a project. `setup` pipelines wait for `continuation_key`, once.

    `trouble` is what is wrong with its configuration: such a pipeline has no workflows.
    """

    __slots__ = (
        "actor",
        "branch",
        "configuration",
        "continuation_key",
        "continued_s",
        "created_s",
        "id",
        "number",
        "parameters",
        "project",
        "revision",
        "tag",
        "trigger_type",
        "trouble",
    )

    def __init__(
        self,
        *,
        id: str,
        number: int,
        project: Project,
        created_s: int,
        actor: User,
        revision: str,
        trigger_type: str = "api",
        branch: str | None = None,
        tag: str | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        continuation_key: str | None = None,
        continued_s: int | None = None,
        configuration: str | None = None,
        trouble: str | None = None,
    ) -> None:
        self.id = id
        self.number = number
        self.project = project
        self.created_s = created_s
        self.actor = actor
        self.revision = revision
        self.trigger_type = trigger_type
        self.branch = branch
        self.tag = tag
        self.parameters = dict(parameters or {})
        self.continuation_key = continuation_key
        self.continued_s = continued_s
        self.configuration = configuration
        self.trouble = trouble


class Workflow:
    """One run of a workflow of a pipeline; `jobs` come after the jobs they require."""

    __slots__ = (
        "canceled_by",
        "canceled_s",
        "created_s",
        "id",
        "jobs",
        "name",
        "pipeline",
        "started_by",
        "tag",
    )

    def __init__(
        self,
        *,
        id: str,
        name: str,
        pipeline: Pipeline,
        created_s: int,
        jobs: list[Job],
        started_by: User,
        tag: str | None = None,
        canceled_s: int | None = None,
        canceled_by: str | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.pipeline = pipeline
        self.created_s = created_s
        self.jobs = jobs
        self.started_by = started_by
        self.tag = tag
        self.canceled_s = canceled_s
        self.canceled_by = canceled_by

    def progress(self, now_s: int) -> WorkflowProgress:
        """Return how far the workflow is at `now_s`."""
        plans = [job.plan for job in self.jobs]
        return workflow_progress(
            plans, created_s=self.created_s, canceled_s=self.canceled_s, now_s=now_s
        )
