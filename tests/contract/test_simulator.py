"""Contract, section 13: CircleCI in one process, with memory.

That every example of the manifest runs in it is held by `tests/conventions/test_lua_blocks.py`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge

PATIENCE_S = 20.0

COMMAND = (
    sys.executable,
    "-m",
    "kosmo_circleci",
    "integrations:lua",
    "--simulate",
    "--force",
)

SLUG = "gh/example-org/example-repo"


@pytest.fixture
def simulated() -> Iterator[Bridge]:
    with Bridge(simulate=True) as bridge:
        yield bridge


def result(bridge: Bridge, code: str) -> Any:
    run = bridge.run("local circleci = app.integrations.circleci\n" + code, force=True)
    assert run.error is None, run.error
    return run.result


def simulate(code: str) -> Any:
    """Return the envelope of the real command."""
    done = subprocess.run(
        [*COMMAND, "--json", "--eval", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return json.loads(done.stdout)


def test_the_guides_own_ids_exist(simulated: Bridge) -> None:
    assert result(
        simulated,
        f"""
        return {{circleci.get_project("{SLUG}").id, circleci.get_context("context-uuid").name,
                circleci.get_pipeline("pipeline-uuid").number,
                circleci.get_workflow("workflow-uuid").status}}
        """,
    ) == ["project-uuid", "production", 42, "success"]


@pytest.mark.parametrize(
    ("branch", "seen"),
    [
        ("main", ["running", "success"]),
        ("fail/x", ["running", "failed"]),
        ("hold/x", ["running", "on_hold"]),
    ],
)
def test_a_triggered_pipeline_moves_while_it_is_polled(
    simulated: Bridge, branch: str, seen: list[str]
) -> None:
    statuses = result(
        simulated,
        f"""
        local id = circleci.trigger_pipeline({{project_slug = "{SLUG}", branch = "{branch}"}}).id
        local seen = {{}}
        for _ = 1, 10 do
          local status = circleci.list_pipeline_workflows(id).items[1].status
          if status ~= seen[#seen] then seen[#seen + 1] = status end
        end
        return seen
        """,
    )
    assert statuses == seen


def test_what_is_on_hold_continues_when_it_is_approved(simulated: Bridge) -> None:
    code = """
        circleci.approve_workflow_job("on-hold-workflow-uuid", "approval-uuid")
        return flow.wait_pipeline("on-hold-pipeline-uuid")[1].status
    """
    assert result(simulated, code) == "success"


def test_a_world_remembers_for_as_long_as_its_bridge(simulated: Bridge) -> None:
    created = result(
        simulated, 'return circleci.create_context({name = "staging", owner_id = "org-uuid"})'
    )
    read = f'return circleci.get_context("{created["id"]}")'
    assert result(simulated, read) == created
    with Bridge(simulate=True) as another:
        run = another.run(f"app.integrations.circleci.get_context('{created['id']}')")
    assert run.error is not None
    assert "CircleCI API error (404): Context not found" in run.error


def test_a_variable_is_masked_when_it_is_read(simulated: Bridge) -> None:
    code = f"""
        circleci.create_project_env_var("{SLUG}", "API_TOKEN", "value-of-the-token")
        return circleci.get_project_env_var("{SLUG}", "API_TOKEN").value
    """
    assert result(simulated, code) == "xxxxoken"


def test_pages_lead_through_everything(simulated: Bridge) -> None:
    code = f"""
        for _ = 1, 30 do circleci.trigger_pipeline({{project_slug = "{SLUG}"}}) end
        local numbers = {{}}
        for each in flow.each(circleci.list_project_pipelines, {{project_slug = "{SLUG}"}}) do
          numbers[#numbers + 1] = each.number
        end
        return numbers
    """
    assert result(simulated, code) == list(range(75, 32, -1))


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("circleci.get_pipeline('nothing')", 404, "Pipeline not found"),
        (
            "circleci.cancel_workflow('workflow-uuid')",
            400,
            "The workflow cannot be canceled, it is success.",
        ),
        ("circleci.api_get('/nothing')", 404, "Not found"),
        ("circleci.list_pipelines({page_token = 'x'})", 400, "Invalid page token."),
    ],
)
def test_errors_look_as_those_of_circleci(
    simulated: Bridge, code: str, status: int, message: str
) -> None:
    answer = result(
        simulated,
        f"""
        local ok, err = pcall(function() return {code} end)
        return {{ok, err.type, err.status, err.body, tostring(err)}}
        """,
    )
    text = f"CircleCI API error ({status}): {message}"
    assert answer == [False, "api", status, {"message": message}, text]


def test_three_versions_of_the_api_tell_one_story(simulated: Bridge) -> None:
    code = """
        local job = circleci.list_workflow_jobs("failed-workflow-uuid").items[2]
        local details = circleci.get_job(job.id).data.attributes
        local build = circleci.get_build(job.project_slug, job.job_number)
        local failed, action
        for _, step in ipairs(details.parallel_executions[1].steps) do
          if step.outcome == "failed" then failed = step end
        end
        for _, step in ipairs(build.steps) do
          if step.actions[1].failed then action = step.actions[1] end
        end
        local output = circleci.get_job_stdout(job.id, 0, failed.num)
        local same = circleci.get_build_output({project_slug = job.project_slug,
          job_number = job.job_number, step = action.step, index = 0,
          allocation_id = action.allocation_id})
        return {job.status, details.outcome, build.outcome, failed.name, action.name,
                failed.exit_code, action.exit_code, output == same,
                output:match("AssertionError: [^\\r]*", -60)}
    """
    assert result(simulated, code) == [
        *("failed", "failed", "failed"),
        *("Run tests", "Run tests"),
        *(1, 1),
        True,
        "AssertionError: expected 200, got 500",
    ]


def test_two_runs_of_one_script_are_alike() -> None:
    code = f"""
        local circleci = app.integrations.circleci
        local pipeline = circleci.trigger_pipeline({{project_slug = "{SLUG}", branch = "flaky/x"}})
        local workflows = flow.wait_pipeline(pipeline.id)
        return {{pipeline, workflows, circleci.list_workflow_jobs(workflows[1].id)}}
    """
    first, second = simulate(code), simulate(code)
    assert (first["error"], first["meta"]["simulated"]) == (None, True)
    assert (first["result"], first["call_count"]) == (second["result"], second["call_count"])


def test_a_simulated_script_loads_only_what_answers_it() -> None:
    code = """if True:
        import sys
        from kosmo_circleci import Bridge
        with Bridge(simulate=True) as bridge:
            assert bridge.run("app.integrations.circleci.get_current_user()").error is None
        known = "kosmo_circleci.simulator.resources."
        print(*(name.removeprefix(known) for name in sorted(sys.modules) if known in name))
        slow = ("waitress", "httpx", "pytest", "dataclasses")
        print(*(name for name in slow if name in sys.modules))
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.stderr, done.stdout) == ("", "user\n\n")
