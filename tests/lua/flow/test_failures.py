"""flow.failures: the failed steps and what they printed, from v3 and a Server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport

ASSERTION = "FAILED tests/test_account.py::test_login - AssertionError: expected 200, got 500"
TESTS = [
    {
        "name": "test_login",
        "classname": "tests.test_account",
        "file": "tests/test_account.py",
        "message": "AssertionError: expected 200, got 500",
    }
]


class Recording(SimulatorTransport):
    """The simulator, with the path and the range of every request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[tuple[str, str | None]] = []

    def send(self, request: Any, **options: Any) -> Any:
        self.requests.append((request.url, request.headers.get("Range")))
        return super().send(request, **options)


def bridge_to(transport: SimulatorTransport) -> Bridge:
    account = {"token": SIMULATED_TOKEN, "url": "https://circleci.example.com"}
    policy = {"read": "allow", "write": "allow"}
    config: Any = {
        "integrations": {"circleci": {"permissions": policy, "accounts": {"default": account}}}
    }
    return Bridge(config=config, transport=transport)


@pytest.fixture(params=["cloud", "server"])
def run(request: pytest.FixtureRequest) -> Callable[[str], Run]:
    """Run a script against CircleCI's cloud, and against a CircleCI Server, which has no v3."""
    transport = SimulatorTransport(has_v3=request.param == "cloud")
    return lambda code: bridge_to(transport).run(code, name="eval")


@pytest.fixture
def cloud() -> Iterator[Callable[[str], Run]]:
    """Run a script against the cloud, where waiting takes no time."""
    with Bridge(simulate=True) as bridge:
        yield lambda code: bridge.run(code, name="eval", force=True)


@pytest.mark.parametrize(
    "target",
    [
        "{pipeline_id = 'failed-pipeline-uuid'}",
        "{workflow_id = 'failed-workflow-uuid'}",
        "{project_slug = 'gh/example-org/example-repo', job_number = 98}",
        "{project_slug = 'gh/example-org/example-repo', branch = 'fail/payments'}",
    ],
)
def test_every_target_leads_to_the_failed_step(target: str, run: Callable[[str], Run]) -> None:
    made = run(f"return flow.failures({target})")

    assert made.error is None
    [row] = made.result
    log = row.pop("log")
    assert log.endswith(ASSERTION)
    assert "\x1b" not in log
    assert "\r" not in log
    url = row.pop("url")
    assert url.endswith("/jobs/98") or url.endswith("/98")
    assert row == {
        "project_slug": "gh/example-org/example-repo",
        "pipeline_id": "failed-pipeline-uuid",
        "pipeline_number": 41,
        "branch": "fail/payments",
        "revision": "0000000000000000000000000000000000000029",
        "workflow": "build-and-test",
        "workflow_id": "failed-workflow-uuid",
        "job": "test",
        "job_id": "failed-job-uuid",
        "job_number": 98,
        "status": "failed",
        "execution": 0,
        "step": "Run tests",
        "step_num": 103,
        "exit_code": 1,
        "command": "#!/bin/bash -eo pipefail\npytest --junitxml=test-results/results.xml",
        "log_lines": 18,
        "truncated": False,
        "tests": TESTS,
    }


def test_a_job_is_found_by_its_id(cloud: Callable[[str], Run]) -> None:
    made = cloud("return flow.failures{job_id = 'failed-job-uuid'}")

    assert [(row["job_id"], row["step"]) for row in made.result] == [
        ("failed-job-uuid", "Run tests")
    ]


def test_a_server_finds_no_job_by_its_id_and_says_what_to_give() -> None:
    made = bridge_to(SimulatorTransport(has_v3=False)).run(
        "return flow.failures{job_id = 'failed-job-uuid'}", name="eval"
    )

    assert (made.error_type, made.error) == (
        "validation",
        "eval:1: flow.failures: a CircleCI Server finds no job by its id; name it by "
        "{project_slug = …, job_number = …}",
    )


def test_a_step_that_was_killed_has_no_exit_code_and_is_not_missed(
    run: Callable[[str], Run],
) -> None:
    [row] = run("return flow.failures{workflow_id = 'timedout-workflow-uuid'}").result

    assert (row["step"], row["status"], row.get("exit_code")) == ("Run tests", "timedout", None)
    assert "Too long with no output (exceeded 10m0s)" in row["log"]


def test_a_job_without_a_failed_step_is_a_row_with_a_message(run: Callable[[str], Run]) -> None:
    [row] = run("return flow.failures{workflow_id = 'infra-workflow-uuid'}").result

    assert (row["job"], row["status"], row.get("step"), row.get("log")) == (
        "test",
        "infrastructure_fail",
        None,
        None,
    )
    assert (
        row["message"] == "The machine of this job was lost. CircleCI did not charge for the job."
    )


def test_a_refused_configuration_is_a_row_with_its_message(run: Callable[[str], Run]) -> None:
    [row] = run(
        "return flow.failures{project_slug = 'gh/example-org/another-repo', "
        "branch = 'error/search'}"
    ).result

    assert (row["status"], row["pipeline_number"], row["message"]) == (
        "errored",
        3,
        "Job 'test' requires 'lint', which is the name of 0 other jobs.",
    )


@pytest.mark.parametrize(
    "target",
    [
        "{pipeline_id = 'pipeline-uuid'}",
        "{project_slug = 'gh/example-org/example-repo', branch = 'none'}",
    ],
)
def test_where_nothing_failed_the_list_is_empty(target: str, run: Callable[[str], Run]) -> None:
    made = run(f"return flow.failures({target})")

    assert (made.error, made.result) == (None, [])


def test_a_pipeline_that_is_failing_counts_before_one_that_ended(
    cloud: Callable[[str], Run],
) -> None:
    made = cloud(
        "return flow.failures{project_slug = 'gh/example-org/example-repo', branch = 'main'}"
    )

    assert [(row["pipeline_number"], row["workflow"]) for row in made.result] == [
        (44, "integration")
    ]


@pytest.mark.parametrize(
    ("options", "log_lines", "truncated", "log"),
    [
        ("{lines = 1}", 18, True, ASSERTION),
        ("{lines = 0}", 18, True, ""),
        ("{log = 'full', lines = 1}", 18, False, None),
        ("{log = 'condensed', lines = 1}", 12, True, ASSERTION),
        ("{log = 'none'}", None, None, None),
    ],
)
def test_the_log_is_as_long_as_asked_for(
    options: str, log_lines: int | None, truncated: bool | None, log: str | None,
    cloud: Callable[[str], Run],
) -> None:  # fmt: skip
    [row] = cloud(
        f"return flow.failures({{workflow_id = 'failed-workflow-uuid'}}, {options})"
    ).result

    assert (row.get("log_lines"), row.get("truncated")) == (log_lines, truncated)
    if log is not None:
        assert row["log"] == log


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("flow.failures()", "flow.failures: argument 1 must be {pipeline_id = …}"),
        ("flow.failures({})", "flow.failures: argument 1 must be {pipeline_id = …}"),
        ("flow.failures({job_id = 'x'}, {log = 'some'})",
         'flow.failures: \'log\' takes "tail", "condensed", "full" or "none", got "some"'),
        ("flow.failures({job_id = 'x'}, {line = 1})",
         "flow.failures: unknown option 'line'. Did you mean 'lines'?"),
        ("flow.failures({pipeline_id = 'none'})", "CircleCI API error (404): Pipeline not found"),
        ("flow.failures({job_id = 'none'})", "CircleCI API error (404): Job not found"),
        ("flow.wait_workflow(1)", "flow.wait_workflow: argument 1 must be a workflow's id, got 1"),
        ("flow.wait_workflow('none')", "CircleCI API error (404): Workflow not found"),
        ("flow.is_final(nil)", "flow.is_final: argument 1 must be a status, got nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_an_error(
    call: str, error: str, cloud: Callable[[str], Run]
) -> None:
    made = cloud(f"return {call}")

    assert made.error is not None
    assert made.error.startswith("eval:1: " + error)


def test_of_a_long_output_only_the_end_is_asked_for() -> None:
    transport = Recording()
    made = bridge_to(transport).run(
        """
        local c = app.integrations.circleci
        local pipeline = c.trigger_pipeline({project_slug = "gh/example-org/example-repo",
          parameters = {simulate = "fail", simulate_steps = 1, simulate_log_bytes = 5000000}})
        flow.wait_pipeline(pipeline.id, {interval = 0})
        local sizes = {}
        for index, row in ipairs(flow.failures({pipeline_id = pipeline.id}, {lines = 3})) do
          sizes[index] = {#row.log < 1000, row.truncated}
        end
        return sizes
        """,
        name="eval",
    )

    assert made.error is None
    assert made.result
    assert all(row == [True, True] for row in made.result)
    ranges = [range_ for url, range_ in transport.requests if "/stdout" in url and range_]
    assert ranges


def test_a_workflow_is_waited_for(cloud: Callable[[str], Run]) -> None:
    made = cloud("""
        local c = app.integrations.circleci
        local function start(branch)
          local slug = "gh/example-org/example-repo"
          local pipeline = c.trigger_pipeline({project_slug = slug, branch = branch})
          return c.list_pipeline_workflows(pipeline.id).items[1].id
        end
        local held = start("hold/x")
        local ok, e = pcall(flow.wait_workflow, held, {on_hold = "wait", timeout = 100})
        return flow.wait_workflow(start("main")).status, flow.wait_workflow(start("fail/x")).status,
          flow.wait_workflow(held).status, e.type, e.value.status
    """)

    assert (made.error, made.result) == (None, ["success", "failed", "on_hold", "limit", "on_hold"])


@pytest.mark.parametrize(
    ("status", "final"),
    [
        *((each, True) for each in ("success", "failed", "error", "canceled", "unauthorized")),
        *((each, True) for each in ("not_run", "infrastructure_fail", "timedout", "ended")),
        *((each, False) for each in ("running", "failing", "on_hold", "queued", "blocked")),
        *((each, False) for each in ("created", "started", "pending", "not_running", "none")),
    ],
)
def test_a_final_status_does_not_change_any_more(
    status: str, final: bool, cloud: Callable[[str], Run]
) -> None:
    assert cloud(f"return flow.is_final('{status}')").result is final
