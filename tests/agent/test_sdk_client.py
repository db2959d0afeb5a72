"""`kosmo mcp:serve` as the official SDK's client meets it: a real process over stdio."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

INFO = {"name": "test", "version": "1"}
CODE = "return app.integrations.circleci.get_current_user().login"


ERAS = ("legacy", "auto")
"""How the SDK's client begins: with `initialize`, or with the newest revision that is served."""


def _with_client(
    work: Callable[[Client], Awaitable[Any]],
    *options: str,
    era: Any = "auto",
    elicitation: Any = None,
) -> Any:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "kosmo_circleci", "mcp:serve", *options],
        env=dict(os.environ),
    )

    async def run() -> Any:
        async with Client(
            stdio_client(server),
            read_timeout_seconds=20,
            mode=era,
            elicitation_callback=elicitation,
        ) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("era", ERAS)
def test_the_client_finds_three_tools_and_uses_them(era: str) -> None:
    async def work(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        search = await client.call_tool("lua_search_docs", {"query": "stop a workflow"})
        executed = await client.call_tool("execute_lua", {"code": CODE})
        return tools, search, executed

    tools, search, executed = _with_client(work, "--simulate", era=era)
    assert [each.name for each in tools] == ["lua_search_docs", "lua_read_doc", "execute_lua"]
    assert all(each.annotations.read_only_hint for each in tools)
    assert "circleci.cancel_workflow (write)" in search.content[0].text
    assert executed.structured_content == {
        "success": True,
        "result": "example-user",
        "call_count": 1,
        "simulated": True,
    }
    assert json.loads(executed.content[0].text) == executed.structured_content
    assert executed.is_error is False


def test_a_script_can_ask_for_the_simulator_itself() -> None:
    async def work(client: Client) -> Any:
        real = await client.call_tool("execute_lua", {"code": CODE})
        return real, await client.call_tool("execute_lua", {"code": CODE, "simulate": True})

    real, simulated = _with_client(work)
    assert real.is_error
    assert real.structured_content["error_type"] == "configuration"
    assert "has no CircleCI token" in real.structured_content["error"]
    assert simulated.structured_content["result"] == "example-user"


def test_one_tool_per_function_on_request() -> None:
    async def work(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        got = await client.call_tool("circleci_get_current_user", {})
        failed = await client.call_tool("circleci_get_project", {"project_slug": "gh/no/where"})
        return tools, got, failed

    tools, got, failed = _with_client(work, "--simulate", "--expose=functions")
    assert len(tools) > 100
    assert got.structured_content["login"] == "example-user"
    assert failed.is_error
    assert failed.structured_content["status"] == 404


def test_the_limits_of_the_command_line_hold() -> None:
    async def work(client: Client) -> Any:
        return await client.call_tool("execute_lua", {"code": "while true do end"})

    result = _with_client(work, "--simulate", "--timeout", "0.5")
    assert result.structured_content["error_type"] == "limit"
    assert "longer than 0.5 s" in result.structured_content["error"]


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_gives_up_ends_the_script(tmp_path: Path, era: str) -> None:
    async def running(wanted: bool) -> bool:
        until = time.monotonic() + 5
        while _computes(tmp_path) is not wanted and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return _computes(tmp_path)

    async def work(client: Client) -> Any:
        endless = client.call_tool(
            "execute_lua", {"code": "while true do end"}, read_timeout_seconds=1
        )
        call = asyncio.create_task(endless)
        before = await running(True)
        with pytest.raises(Exception, match=r"(?i)timed out"):
            await call
        after = await running(False)
        return before, after, await client.call_tool("execute_lua", {"code": "return 1"})

    before, after, next_call = _with_client(work, "--simulate", era=era)
    assert (before, after) == (True, False)
    assert next_call.structured_content["result"] == 1


def _computes(home: Path) -> bool:
    """Say whether a script's process with this home folder is running Lua."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().decode(errors="replace")
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            state = (folder / "stat").read_text().rpartition(") ")[2][0]
        except OSError:
            continue
        if f"HOME={home}\0" in environ and "worker import main" in command and state == "R":
            return True
    return False


def test_writes_are_allowed_only_where_the_command_says_so() -> None:
    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"

    async def work(client: Client) -> Any:
        return await client.call_tool("execute_lua", {"code": code})

    refused = _with_client(work, "--simulate").structured_content
    assert (refused["error_type"], refused["call_count"]) == ("permission", 0)
    assert _with_client(work, "--simulate", "--write=allow").is_error is False


def test_standard_output_carries_messages_only_and_its_end_is_the_servers() -> None:
    messages = [
        {
            "method": "initialize",
            "id": 1,
            "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": INFO},
        },
        {"method": "notifications/initialized"},
        {
            "method": "tools/call",
            "id": 2,
            "params": {"name": "execute_lua", "arguments": {"code": "print('x') return 1"}},
        },
    ]
    text = "".join(json.dumps({"jsonrpc": "2.0"} | each) + "\n" for each in messages)
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "mcp:serve", "--simulate"],
        input=text.encode(),
        capture_output=True,
        timeout=20,
    )
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["id"] for each in answers] == [1, 2]
    assert answers[1]["result"]["structuredContent"]["output"] == "x"
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_answer_to_initialize_waits_for_nothing_but_the_sdk() -> None:
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": INFO}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "kosmo_circleci", "mcp:serve"],
        input=json.dumps(message).encode() + b"\n",
        capture_output=True,
        timeout=20,
    )
    assert json.loads(ended.stdout)["result"]["serverInfo"]["name"] == "kosmo-circleci"
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.decode().splitlines()}
    assert "mcp.server.lowlevel.server" in loaded
    assert loaded & {"httpx", "yaml", "lupa", "keyring", "sqlite3", "jsonschema"} == set()
    assert "kosmo_circleci.bridge" not in loaded


def test_whatever_execute_lua_answers_has_the_shape_it_promises() -> None:
    calls: list[dict[str, Any]] = [
        {"code": "return 1"},
        {"code": "error('x')"},
        {"code": "return ("},
        {"code": "exit(3)"},
        {"code": "return ('x'):rep(40000)"},
        {"code": "return 1", "check": True},
        {"code": "return x", "check": True},
        {"code": ""},
        {"code": 1},
        {"cod": "return 1"},
        {"code": "return 1", "resume": "r"},
        {"code": "return 1", "account": "nope"},
        {"code": "", "workflow": "nope"},
        {"code": "", "workflow": "why_did_it_fail", "args": {"lines": "x"}},
    ]

    async def work(client: Client) -> Any:
        execute = (await client.list_tools()).tools[-1]
        return execute, [await client.call_tool("execute_lua", each) for each in calls]

    execute, answers = _with_client(work, "--simulate")
    for arguments, answer in zip(calls, answers, strict=True):
        structured = answer.structured_content
        jsonschema.validate(structured, execute.output_schema)
        assert json.loads(answer.content[0].text) == structured, arguments
        assert structured["success"] is not answer.is_error, arguments
        if answer.is_error and not arguments.get("check") and "exit" not in str(arguments):
            assert {"error", "error_type", "rerun"} <= structured.keys(), arguments
    assert "There are: approve, " in answers[-2].structured_content["error"]
