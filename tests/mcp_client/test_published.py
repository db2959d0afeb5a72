"""Servers other people have published, over stdio.

`mcp-server-time` comes with the package's `dev` extra. The reference server of npm,
`@modelcontextprotocol/server-everything`, is used where the environment variable
`MCP_SERVER_EVERYTHING` names its `dist/index.js`; nothing is fetched.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.errors import KosmoError
from kosmo_circleci.mcp_client.functions import McpFunctions

Open = Callable[..., McpFunctions]
EVERYTHING = os.environ.get("MCP_SERVER_EVERYTHING", "")


@pytest.mark.skipif(
    importlib.util.find_spec("mcp_server_time") is None,
    reason="mcp-server-time is not installed: pip install -e '.[dev]'",
)
def test_the_time_server_of_pypi(open_functions: Open, new_run: Any) -> None:
    entry = {"command": sys.executable, "args": ["-m", "mcp_server_time"]}
    functions, run = open_functions({"time": entry}), new_run(writes=True)
    assert list(functions.tools("time", run)) == ["convert_time", "get_current_time"]
    arguments = {"source_timezone": "UTC", "time": "16:30", "target_timezone": "Asia/Tokyo"}
    converted: Any = functions.call("mcp.call", ["time.convert_time", arguments], run)
    assert converted["time_difference"] == "+9.0h"
    with pytest.raises(KosmoError, match=r"MCP tool error \(time\.get_current_time\)") as raised:
        functions.call("mcp.call", ["time.get_current_time", {"timezone": "Mars/Base"}], run)
    assert raised.value.error_type == "api"


@pytest.mark.skipif(
    not (os.path.isfile(EVERYTHING) and shutil.which("node")),
    reason="MCP_SERVER_EVERYTHING names no file, or node is not installed",
)
def test_the_reference_server_of_npm(open_functions: Open, new_run: Any) -> None:
    functions = open_functions({"all": {"command": "node", "args": [EVERYTHING]}})
    run = new_run(writes=True)
    assert "get_sum" in functions.tools("all", run)
    assert functions.call("mcp.call", ["all.echo", {"message": "hi"}], run) == "Echo: hi"
    weather = functions.call(
        "mcp.call", ["all.get_structured_content", {"location": "Chicago"}], run
    )
    assert set(weather) == {"temperature", "conditions", "humidity"}  # type: ignore
    pictures: Any = functions.call("mcp.call", ["all.get_tiny_image"], run)
    assert [each["type"] for each in pictures if isinstance(each, dict)] == ["image"]
    resources: Any = functions.call("mcp.resources", ["all"], run)
    assert functions.call("mcp.read_resource", ["all", resources[0]["uri"]], run)
    prompts: Any = functions.call("mcp.prompts", ["all"], run)
    prompt: Any = functions.call("mcp.get_prompt", ["all", prompts[0]["name"]], run)
    assert prompt["messages"]
