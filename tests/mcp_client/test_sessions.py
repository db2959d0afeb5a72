"""Servers that are slow, die, flood or will not end; and what is left of them after a run."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import (
    ConfigurationError,
    Interrupted,
    LimitExceeded,
    NetworkError,
    PermissionDenied,
)
from kosmo_circleci.mcp_client.functions import McpFunctions

Open = Callable[..., McpFunctions]
Ended = Callable[[int, float], bool]


def _fault(functions: McpFunctions, run: Any, tool: str, **arguments: Any) -> NetworkError:
    with pytest.raises(NetworkError) as raised:
        functions.call("mcp.call", [f"s.{tool}", arguments], run)
    return raised.value


def test_a_server_that_dies_says_how_and_is_started_again(
    open_functions: Open, new_run: Any
) -> None:
    functions, run = open_functions(), new_run()
    assert _fault(functions, run, "die").message == (
        "MCP server 's' ended with status 3. It wrote: fatal: out of cheese"
    )
    assert functions.call("mcp.call", ["s.echo", {"message": "again"}], run) == "again"
    assert [each.ok for each in run.log] == [False, True]


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    assert _fault(open_functions({"s": scripted("--dies")}), new_run(), "echo").message == (
        "MCP server 's' ended with status 1 while it was started. It wrote: no configuration found"
    )


def test_the_path_of_an_entry_does_not_choose_the_program(
    open_functions: Open, new_run: Any, project: Path, tmp_path: Path
) -> None:
    _write_program(project / "evil" / "server", "touch evil-ran; exit 3")
    _write_program(tmp_path / "bin" / "server", "echo the honest one >&2; exit 3")
    entry = {"command": "server", "env": {"PATH": f"{project}/evil"}}
    functions = open_functions({"s": entry}, PATH=f"evil:{tmp_path}/bin:/bin:/usr/bin")
    assert "It wrote: the honest one" in _fault(functions, new_run(), "echo").message
    assert not (project / "evil-ran").exists()


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_what_is_read_of_an_env_file_is_what_was_trusted(
    open_functions: Open, new_run: Any, scripted: Any, project: Path
) -> None:
    (project / ".env").write_text("MODE=honest\n")
    functions = open_functions({"s": scripted(envFile=".env")})
    (project / ".env").write_text("MODE=evil\n")
    environment: Any = functions.call("mcp.call", ["s.environment"], new_run())
    assert environment["MODE"] == "honest"
    later = McpFunctions(os.environ, project.parent, project)
    with pytest.raises(PermissionDenied, match="has changed since it was trusted"):
        later.call("mcp.tools", ["s"], new_run())


def test_a_server_that_never_answers_initialize_has_a_time_limit(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    functions = open_functions({"s": scripted("--silent")}, MCP_TIMEOUT="300")
    assert _fault(functions, new_run(), "echo").message == (
        "MCP server 's' did not answer 'initialize' within 0.3 s. "
        "MCP_TIMEOUT (milliseconds) gives it longer."
    )


def test_a_call_has_a_time_limit_and_the_server_is_told(
    open_functions: Open, new_run: Any, scripted: Any, tmp_path: Path
) -> None:
    log = tmp_path / "received"
    functions = open_functions({"s": scripted("--log", str(log), timeout=300)})
    assert _fault(functions, new_run(), "slow", seconds=20).message == (
        "MCP server 's' did not answer tools/call within 0.3 s. Raise its \"timeout\" "
        "(milliseconds) in the configuration file, or MCP_TOOL_TIMEOUT."
    )
    assert functions.call("mcp.call", ["s.echo", {"message": "well"}], new_run()) == "well"
    received = [json.loads(line) for line in log.read_text().splitlines()]
    assert "notifications/cancelled" in [each.get("method") for each in received]


def test_the_end_of_the_run_ends_a_call(open_functions: Open, new_run: Any) -> None:
    functions = open_functions()
    functions.tools("s", new_run())
    began = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"^The run took longer than 0\.3 s"):
        functions.call("mcp.call", ["s.slow", {"seconds": 20}], new_run(timeout_s=0.3))
    run = new_run()
    threading.Timer(0.3, run.deadline.cancel, [Interrupted("Interrupted.")]).start()
    with pytest.raises(Interrupted):
        functions.call("mcp.call", ["s.slow", {"seconds": 20}], run)
    assert time.monotonic() - began < 3


def test_a_server_that_floods_holds_up_neither_its_own_calls_nor_others(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    functions = open_functions({"s": scripted(timeout=700), "other": scripted()})
    flooding = threading.Thread(target=_fault, args=(functions, new_run(), "flood"))
    flooding.start()
    assert functions.call("mcp.call", ["other.echo", {"message": "calm"}], new_run()) == "calm"
    flooding.join(10)
    assert not flooding.is_alive()


def test_a_message_without_an_end_ends_its_server(open_functions: Open, new_run: Any) -> None:
    assert _fault(open_functions(), new_run(), "huge").message == (
        "MCP server 's' sent a message of more than 16 MiB and was stopped"
    )


def test_pages_without_an_end_are_an_error(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    functions = open_functions({"s": scripted("--endless")})
    with pytest.raises(Exception, match="the list has more than 100 pages"):
        functions.tools("s", new_run())


@pytest.mark.parametrize("option", ["--banner", "--modern", "--stubborn"])
def test_servers_with_habits_of_their_own_work_too(
    open_functions: Open, new_run: Any, scripted: Any, option: str
) -> None:
    functions = open_functions({"s": scripted(option)})
    assert functions.call("mcp.call", ["s.echo", {"message": "hello"}], new_run()) == "hello"


def test_what_a_client_cannot_do_is_refused(open_functions: Open, new_run: Any) -> None:
    answer = open_functions().call("mcp.call", ["s.curious"], new_run())
    assert answer == "Sampling not supported"


def test_a_server_gets_only_the_variables_it_was_given(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    servers = {"s": scripted(env={"GIVEN": "${CIRCLECI_TOKEN}", "PLAIN": "p"})}
    functions = open_functions(servers, CIRCLECI_TOKEN="CCIPAT_secret_1", OTHER="o")
    run = new_run()
    seen: Any = functions.call("mcp.call", ["s.environment"], run)
    assert (seen["GIVEN"], seen["PLAIN"], "OTHER" in seen) == ("CCIPAT_secret_1", "p", False)
    assert "CIRCLECI_TOKEN" not in seen
    # What a server was given as a secret is one for the run as well.
    assert run.mask.text("it is CCIPAT_secret_1") == "it is ***"


def test_a_server_starts_in_its_folder(
    open_functions: Open, new_run: Any, scripted: Any, project: Path
) -> None:
    (project / "sub").mkdir()
    functions = open_functions({"s": scripted(), "t": scripted(cwd="sub")})
    folders = [
        functions.call("mcp.call", [f"{name}.process"], new_run())["cwd"]  # type: ignore
        for name in "st"
    ]
    assert folders == [str(project), str(project / "sub")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"command": "no-such-program-here"},
            "MCP server 's' cannot be started: the program 'no-such-program-here' is not on the "
            "PATH. Install it, or give its full path as 'command'.",
        ),
        (
            {"command": "./run.sh"},
            "MCP server 's' cannot be started: ./run.sh: No such file or directory.",
        ),
        (
            {"command": "true", "cwd": "nowhere"},
            "MCP server 's' cannot be started: the folder {project}/nowhere does not exist.",
        ),
    ],
)
def test_a_server_that_cannot_be_started_says_why(
    open_functions: Open, new_run: Any, project: Path, entry: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_functions({"s": entry}).tools("s", new_run())
    assert raised.value.message == message.format(project=project)


def test_calls_of_several_threads_are_under_way_at_once(open_functions: Open, new_run: Any) -> None:
    functions, run = open_functions(), new_run()
    functions.tools("s", run)
    began = time.monotonic()
    threads = [
        threading.Thread(
            target=functions.call, args=("mcp.call", ["s.slow", {"seconds": 0.5}], run)
        )
        for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.ok for each in run.log] == [True] * 8
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("option", ["--banner", "--stubborn"])
def test_a_closed_run_leaves_neither_server_nor_what_it_started(
    open_functions: Open, new_run: Any, scripted: Any, ended_within: Ended, option: str
) -> None:
    functions = open_functions({"s": scripted(option)})
    started: Any = functions.call("mcp.call", ["s.spawn"], new_run())
    began = time.monotonic()
    functions.close()
    assert time.monotonic() - began < 2
    assert ended_within(started["server"], 0.5)
    assert ended_within(started["child"], 0.5)
    assert _fault(functions, new_run(), "echo", message="late").message == (
        "The run has ended, and its MCP servers with it."
    )


KILLED = """
import os, pathlib, sys
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.masking import Mask
from kosmo_circleci.mcp_client.functions import McpFunctions
class Run:
    deadline, mask, traceparent = Deadline(), Mask(), None
    def permit(self, *details): pass
    def record(self, call): pass
    def journaled(self, call, perform): return perform()
here = pathlib.Path.cwd()
functions = McpFunctions(os.environ, here, here, trust=True)
print(functions.call("mcp.call", ["s.spawn"], Run()), flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_killed_leaves_no_server_behind(
    project: Path, scripted: Any, ended_within: Ended
) -> None:
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": scripted("--stubborn")}}))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline().replace("'", '"'))
        os.kill(started["server"], 0)
        process.kill()
    assert ended_within(started["server"], 3)
    assert ended_within(started["child"], 3)
