"""mcp:serve from the shell: what it says before the conversation, and that the rest is protocol."""

import json
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
    assert ended.stderr.startswith("error: kosmo mcp:serve needs the MCP package 2.3 or later;")
    assert ended.stderr.endswith("Run: pip install 'kosmo-circleci[mcp]'\n")


def test_a_failure_to_start_is_one_object_with_json(kosmo: Any) -> None:
    ended = kosmo("mcp:serve", "--json", "--timeout=0")

    assert (ended.code, ended.err) == (2, "")
    assert ended.json == {
        "success": False,
        "error": "Invalid value for '--timeout': '0' is not a duration; give seconds, or a number "
        "with s, m or h: 90s, 10m, 2h",
        "error_type": "usage",
    }
