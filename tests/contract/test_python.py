"""The contract's section 10: what a Python program meets."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kosmo_circleci import (
    ApiError,
    Bridge,
    ConfigurationError,
    Limits,
    PermissionDenied,
    ValidationError,
)

ENVELOPE = [
    "success",
    "output",
    "result",
    "error",
    "error_type",
    "execution_time_ms",
    "memory_usage",
    "call_count",
    "call_log",
    "meta",
]


@pytest.fixture
def simulated() -> Iterator[Bridge]:
    with Bridge(simulate=True) as bridge:
        yield bridge


def test_a_run_tells_what_the_script_did(simulated: Bridge) -> None:
    run = simulated.run(
        'print("hello") return app.integrations.circleci.get_project("gh/example-org/example-repo")'
    )

    assert (run.success, run.output, run.error, run.error_type) == (True, "hello", None, None)
    assert isinstance(run.result, dict)
    assert run.result["slug"] == "gh/example-org/example-repo"
    [call] = run.call_log
    assert call.pop("duration_ms") >= 0  # type: ignore[operator]
    assert call == {
        "function": "app.integrations.circleci.get_project",
        "tool": "circleci_get_project",
        "account": "default",
        "kind": "read",
        "effect": "none",
        "status": "ok",
        "http_status": 200,
        "attempts": 1,
    }
    assert list(json.loads(run.to_json())) == ENVELOPE
    assert json.loads(run.to_json()) == run.to_dict()


@pytest.mark.parametrize(
    ("code", "error_type", "error"),
    [
        ("x = = 1", "syntax", "script:1: unexpected symbol near '='"),
        ('\nerror("boom")', "runtime", "script:2: boom"),
        ('error("boom", 0)', "runtime", "boom"),
        (
            "app.integrations.circleci.get_pipeline()",
            "validation",
            "script:1: get_pipeline: Missing required parameter(s): pipeline_id",
        ),
        (
            'app.integrations.circleci.get_project("gh/acme/nowhere")',
            "api",
            "script:1: CircleCI API error (404): Project not found",
        ),
    ],
)
def test_a_run_that_fails_returns_what_went_wrong(
    simulated: Bridge, code: str, error_type: str, error: str
) -> None:
    run = simulated.run(code)

    assert (run.success, run.result, run.exit_code) == (False, None, 1)
    assert run.error_type == error_type
    assert run.error is not None
    assert run.error.startswith(error)


def test_a_run_takes_a_name_arguments_and_force(simulated: Bridge) -> None:
    code = """
        local slug = "gh/example-org/" .. args.repo
        app.integrations.circleci.trigger_pipeline({project_slug = slug, branch = "main"})
        error(args.repo)
    """
    run = simulated.run(code, name="deploy.lua", args={"repo": "example-repo"}, force=True)

    assert run.error == "deploy.lua:4: example-repo"
    assert [call["http_status"] for call in run.call_log] == [201]
    assert (run.meta["permission_bypassed"], run.meta["simulated"]) == (True, True)


@pytest.mark.parametrize("isolate", [False, True])
def test_a_limit_ends_a_run_with_the_output_so_far(simulated: Bridge, isolate: bool) -> None:
    run = simulated.run(
        'print("so far") while true do end', limits=Limits(cpu_s=0.2), isolate=isolate
    )

    assert (run.success, run.output, run.error_type) == (False, "so far", "limit")
    assert run.error is not None
    assert "--cpu-limit" in run.error


def test_an_isolated_run_answers_as_one_in_process(simulated: Bridge) -> None:
    code = 'print(args.a) return app.integrations.circleci.get_pipeline("pipeline-uuid"), {}'
    here = simulated.run(code, args={"a": "1"})
    apart = simulated.run(code, args={"a": "1"}, isolate=True)

    volatile = {"execution_time_ms", "memory_usage", "call_log"}
    assert {k: v for k, v in apart.to_dict().items() if k not in volatile} == {
        k: v for k, v in here.to_dict().items() if k not in volatile
    }
    assert [{**call, "duration_ms": 0} for call in apart.call_log] == [
        {**call, "duration_ms": 0} for call in here.call_log
    ]


def test_an_unknown_account_is_a_run_that_failed(simulated: Bridge) -> None:
    run = simulated.run("return 1", account="nope")

    assert (run.success, run.error_type, run.call_count) == (False, "configuration", 0)
    assert run.error is not None
    assert run.error.startswith("Unknown account 'nope'. Configured accounts: default.")


def test_one_function_is_called_from_python(simulated: Bridge) -> None:
    pipeline = simulated.call("circleci.get_pipeline", {"pipeline_id": "pipeline-uuid"})

    assert isinstance(pipeline, dict)
    assert pipeline["id"] == "pipeline-uuid"


def test_a_call_from_python_raises_what_stopped_it(simulated: Bridge) -> None:
    with pytest.raises(ApiError, match=r"CircleCI API error \(404\): Pipeline not found") as found:
        simulated.call("get_pipeline", {"pipeline_id": "nowhere"})
    assert (found.value.status, found.value.function_name) == (404, "get_pipeline")
    with pytest.raises(ValidationError, match=r"Unknown function: circleci\.get_pipelin"):
        simulated.call("circleci.get_pipelin")
    with pytest.raises(PermissionDenied, match="force=True"):
        simulated.call("cancel_workflow", {"workflow_id": "running-workflow-uuid"})


def test_documentation_needs_no_configuration(tmp_path: Path) -> None:
    with Bridge(config=tmp_path / "absent.yaml") as bridge:
        page = bridge.read_doc("app.integrations.circleci.work.get_pipeline")
        assert page == bridge.read_doc("circleci.get_pipeline")
        assert "GET /pipeline/{pipeline-id}" in page
        assert "\ncircleci.get_pipeline (read): " in bridge.list_docs()
        assert bridge.search_docs("stop a workflow").startswith("circleci.cancel_workflow (write)")
        with pytest.raises(ValidationError, match=r"circleci\.get_pipeline"):
            bridge.read_doc("circleci.get_pipelin")


def test_an_agent_host_gets_schemas_and_a_way_to_call_them(simulated: Bridge) -> None:
    tools = simulated.agent_tools()

    assert [tool["name"] for tool in tools] == [
        "lua_list_docs",
        "lua_search_docs",
        "lua_read_doc",
        "execute_lua",
    ]
    assert all(tool["description"] and tool["input_schema"] for tool in tools)
    envelope = json.loads(simulated.call_agent_tool("execute_lua", {"code": "return 6 * 7"}))
    assert envelope["result"] == 42
    with pytest.raises(ValidationError, match="'code' is missing"):
        simulated.call_agent_tool("execute_lua", {})


def test_a_configuration_can_be_handed_in_whole() -> None:
    config = {
        "integrations": {
            "circleci": {
                "permissions": {"write": "deny"},
                "accounts": {"work": {"token": "secret-token-of-work"}},
            }
        }
    }
    with Bridge(config=config, simulate=True) as bridge:
        run = bridge.run('return app.integrations.circleci.work.get_pipeline("pipeline-uuid").id')
        assert (run.result, run.call_log[0]["account"]) == ("pipeline-uuid", "work")
        assert run.call_log[0]["function"] == "app.integrations.circleci.work.get_pipeline"
        with pytest.raises(PermissionDenied, match="the policy denies writes"):
            bridge.call("cancel_workflow", {"workflow_id": "running-workflow-uuid"}, account="work")


def test_a_broken_configuration_file_is_an_error_of_the_run_with_file_and_line(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("integrations:\n  circleci:\n    permissions: {read: maybe}\n")
    with Bridge(config=broken) as bridge:
        run = bridge.run("return 1")
        assert (run.error_type, run.call_count) == ("configuration", 0)
        assert run.error is not None
        assert f"{broken}:3" in run.error
        with pytest.raises(ConfigurationError):
            bridge.call("get_current_user")


def test_runs_in_several_threads_have_their_own_state(simulated: Bridge) -> None:
    start = threading.Barrier(8)

    def work(number: int) -> object:
        start.wait(timeout=10)
        return simulated.run(
            "shared = (shared or 0) + tonumber(args.number)"
            ' app.integrations.circleci.get_pipeline("pipeline-uuid") return shared',
            args={"number": str(number)},
        ).result

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == list(range(8))


def test_a_closed_bridge_can_be_used_again(simulated: Bridge) -> None:
    simulated.call("get_current_user")
    simulated.close()

    assert isinstance(simulated.call("get_current_user"), dict)
