"""mcp:serve from the shell: what it says before the conversation, and that the rest is protocol."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest


@pytest.mark.parametrize("expose", ["lua", "functions"])
def test_with_json_the_output_is_the_protocol_all_the_same(process: Any, expose: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    options = ("--json", "--simulate", f"--expose={expose}")

    ended = process("mcp:serve", *options, stdin=json.dumps(message) + "\n")

    assert (ended.code, ended.json, ended.err) == (0, {"jsonrpc": "2.0", "id": 1, "result": {}}, "")


def test_a_missing_sdk_is_named_with_the_way_to_it() -> None:
    blocked = (
        "import sys; sys.modules['mcp'] = None\n"
        "from kosmo_circleci.cli.main import main\n"
        "main(['mcp:serve'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, timeout=20
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "error: kosmo mcp:serve needs the MCP package, which is not installed; run: pip install "
        "'kosmo-circleci[mcp]'\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--http", "x"), "'x' is not [HOST:]PORT; write for example 8080"),
        (("--http", "70000"), "'70000' is not [HOST:]PORT; write for example 8080"),
        (("--shared-token",), "--shared-token goes with --http: over stdio there is one client."),
    ],
)
def test_an_address_that_is_none_is_a_usage_error(
    kosmo: Any, options: tuple[str, ...], message: str
) -> None:
    ended = kosmo("mcp:serve", *options)
    assert (ended.code, message in ended.err) == (2, True)


def test_a_folder_that_cannot_be_made_is_named(kosmo: Any) -> None:
    ended = kosmo("mcp:serve", "--journal", "/proc/journal")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: Cannot record runs in /proc/journal: ")


def test_over_http_it_says_where_and_ends_with_a_signal() -> None:
    command = [sys.executable, "-m", "kosmo_circleci", "mcp:serve", "--simulate", "--http", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()
        process.wait(20)
    assert re.fullmatch(r"Serving MCP at http://127\.0\.0\.1:[0-9]+/mcp\n", line)


def test_a_failure_to_start_is_one_object_with_json(kosmo: Any) -> None:
    ended = kosmo("mcp:serve", "--json", "--timeout=0")

    assert (ended.code, ended.err) == (2, "")
    assert ended.json == {
        "success": False,
        "error": "Invalid value for '--timeout': '0' is not a duration; give seconds, or a number "
        "with s, m or h: 90s, 10m, 2h",
        "error_type": "usage",
    }
