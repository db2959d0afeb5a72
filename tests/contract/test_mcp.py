"""Contract, section 12: the tools of MCP servers in scripts, through the real command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ended import Ended

from kosmo_circleci import Bridge
from kosmo_circleci.limits import Limits
from kosmo_circleci.mcp_client.config import load
from kosmo_circleci.mcp_client.trust import trust_store

SCRIPTED = Path(__file__).parents[1] / "mcp_client" / "scripted_server.py"
COMMAND = (sys.executable, "-m", "kosmo_circleci")
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, whose `.mcp.json` names the scripted server as `s`, trusted."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    configure(folder, {"command": sys.executable, "args": [str(SCRIPTED)]})
    return folder


def configure(folder: Path, entry: dict[str, Any]) -> None:
    """Make `entry` the server `s` of the project, and trust it."""
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": entry}}))
    home = Path(os.environ["HOME"])
    trust_store(os.environ, home).trust(load(os.environ, home, folder)["s"])


def kosmo(*arguments: str) -> Ended:
    """Run a command."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def gone(pid: int, within_s: float = 3.0) -> bool:
    """Say whether a process has ended, or does so before the time is over."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_without_servers_the_list_is_empty_and_needs_neither_sdk_nor_token(project: Path) -> None:
    (project / ".mcp.json").unlink()
    assert kosmo("mcp:lua", "-e", "dump(mcp.servers())") == (0, "[]\n", "")
    blocked = (
        "import sys; sys.modules['mcp'] = sys.modules['mcp_types'] = None\n"
        "from kosmo_circleci.cli.main import main\n"
        "main(['mcp:lua', '-e', 'dump(mcp.servers()) dump(mcp.tools())'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[]\n[]\n", "")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["mcp:lua", "-e", 'mcp.tools("s")'], "eval:1: The MCP server 's'"),
        (["mcp:serve"], "kosmo mcp:serve"),
    ],
)
def test_a_missing_sdk_is_named_with_the_way_to_it(arguments: list[str], what: str) -> None:
    blocked = (
        "import sys; sys.modules['mcp'] = None\n"
        "from kosmo_circleci.cli.main import main\n"
        f"main({arguments!r})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.stderr == (
        f"error: {what} needs the MCP package, which is not installed; run: "
        "pip install 'kosmo-circleci[mcp]'\n"
    )


def test_a_projects_server_runs_after_trust() -> None:
    code = "return app.mcp.s.echo({message = 'hi'})"
    assert kosmo("mcp:trust", "s", "--forget").code == 0
    refused = json.loads(kosmo("mcp:lua", "--force", "--json", "-e", code).out)
    assert (refused["success"], refused["error_type"]) == (False, "permission")
    assert refused["meta"]["permission_bypassed"] is False
    assert "kosmo mcp:trust s" in refused["error"]
    assert kosmo("mcp:trust", "s").code == 0
    assert kosmo("mcp:lua", "-e", code) == (0, "hi\n", "")


SCRIPT = """
    local seen = {}
    for name, tool in pairs(app.mcp.s) do seen[#seen + 1] = name end
    local failed, fault = pcall(app.mcp.s.fail, {why = "no luck"})
    local _, unknown = pcall(function() return app.mcp.s.ecko end)
    local _, positional = pcall(app.mcp.s.echo, "hi")
    local _, nameless = pcall(function() return app.mcp.nowhere end)
    local _, fixed = pcall(function() app.mcp.s.echo = print end)
    return {
      tools = #seen, listed = #mcp.tools("s"),
      json = app.mcp.s.get_JSON(), called = mcp.call("s.add", {a = 1, b = 2}),
      schema = mcp.schema("s.echo").required[1],
      resource = mcp.read_resource("s", mcp.resources("s")[2].uri),
      prompt = mcp.get_prompt("s", mcp.prompts("s")[1].name, {who = "Ann"}).description,
      failed = {failed, fault.type, fault.server, fault.tool, tostring(fault)},
      unknown = unknown.message, nameless = nameless.message, fixed = fixed.message,
      positional = positional.type,
      mapped = flow.map({1, 2, 3}, function(n) return app.mcp.s.add({a = n, b = n}) end),
      errors = flow.map({"x", "y"}, function(why) return app.mcp.s.fail({why = why}) end,
        {errors = "collect"})[2].error.message,
    }
"""


def test_everything_a_script_can_do_with_a_server() -> None:
    ended = kosmo("integrations:lua", "--json", "-e", SCRIPT)
    envelope = json.loads(ended.out)
    assert envelope["error"] is None
    assert envelope["result"] == {
        "tools": 22,
        "listed": 22,
        "json": {"list": [], "n": 1.0, "none": None},
        "called": 3,
        "schema": "message",
        "resource": [1],
        "prompt": "A greeting",
        "failed": [False, "api", "s", "fail", "MCP tool error (s.fail): no luck"],
        "unknown": "Unknown tool: app.mcp.s.ecko. Did you mean: echo?",
        "nameless": "Unknown MCP server: nowhere. Configured: s.",
        "fixed": "app.mcp.s is read-only: 'echo' cannot be set",
        "positional": "validation",
        "mapped": [2, 4, 6],
        "errors": "MCP tool error (s.fail): y",
    }
    assert envelope["call_count"] == 12


def test_calls_inside_flow_map_are_under_way_at_once_and_the_first_error_stops_the_rest() -> None:
    code = """
        mcp.tools("s")
        local began = os.time()
        flow.map({2, 2, 2, 2, 2, 2}, function(n) return app.mcp.s.slow({seconds = n}) end)
        print(os.time() - began < 10)
        flow.map({60, 0}, function(n)
          if n == 0 then error("enough") end
          return app.mcp.s.slow({seconds = n})
        end)
    """
    began = time.monotonic()
    ended = kosmo("mcp:lua", "-e", code)
    assert (ended.out, "enough" in ended.err) == ("true\n", True)
    assert time.monotonic() - began < 50


def test_a_script_without_the_integrations_has_no_circleci() -> None:
    ended = kosmo("mcp:lua", "-e", "print(rawget(app, 'integrations')) print(type(docs.list()))")
    assert (ended.code, ended.out) == (0, "nil\nstring\n")


SPAWN = "local p = app.mcp.s.spawn() print(p.server, p.child) "


@pytest.mark.parametrize(
    ("options", "rest", "error_type"),
    [
        ([], "error('over')", "runtime"),
        (["--timeout", "15"], "app.mcp.s.slow({seconds = 60})", "limit"),
        (["--cpu-limit", "2"], "string.find(('a'):rep(99), ('a*'):rep(99) .. 'b')", "limit"),
    ],
)
def test_servers_end_with_the_run_however_it_ends(
    options: list[str], rest: str, error_type: str
) -> None:
    ended = kosmo("mcp:lua", "--json", *options, "-e", SPAWN + rest)
    envelope = json.loads(ended.out)
    assert envelope["error_type"] == error_type
    server, child = map(int, envelope["output"].split())
    assert gone(server)
    assert gone(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_servers_end_when_the_command_is_ended(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "mcp:lua", "-e", SPAWN + "flow.sleep(60)"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        server, child = map(int, process.stdout.readline().split())
        process.send_signal(number)
        process.wait(PATIENCE_S)
    assert gone(server)
    assert gone(child)


def test_isolated_runs_and_runs_in_the_process_reach_the_same_servers() -> None:
    code = "return app.mcp.s.process().pid"
    with Bridge() as bridge:
        here: Any = bridge.run(code)
        apart: Any = bridge.run(code, isolate=True, limits=Limits(timeout_s=20))
    assert (here.error, apart.error) == (None, None)
    assert gone(here.result)
    assert gone(apart.result)


def test_a_secret_a_server_was_given_is_masked_in_what_leaves(project: Path) -> None:
    entry = {
        "command": sys.executable,
        "args": [str(SCRIPTED)],
        "env": {"SERVICE_TOKEN": "${MY_SERVICE_TOKEN}"},
    }
    configure(project, entry)
    code = "local t = app.mcp.s.environment().SERVICE_TOKEN print(t) return {t, #t}"
    os.environ["MY_SERVICE_TOKEN"] = "tok-1234567890"
    try:
        ended = kosmo("mcp:lua", "--json", "-e", code)
    finally:
        del os.environ["MY_SERVICE_TOKEN"]
    envelope = json.loads(ended.out)
    assert (envelope["output"], envelope["result"]) == ("***", ["***", 14])
    assert "tok-1234567890" not in ended.out + ended.err
