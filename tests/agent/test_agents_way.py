"""An agent's way, with the three tools alone: what the guide says is enough, and it works."""

import asyncio
import re
from typing import Any

import pytest
from mcp.client.client import Client

from kosmo_circleci.agent.code_tools import INSTRUCTIONS, CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.running_call import ActiveTime
from kosmo_circleci.agent.server import ToolServer
from kosmo_circleci.agent.tool_result import ToolCall
from kosmo_circleci.deadline import Deadline

BRANCH = "fail/payments"
SLUG = "gh/example-org/example-repo"


def advice(page: str, heading: str) -> str:
    """Return the script that the guide has below a heading."""
    match = re.search(rf"^### {heading}\n+```lua\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    assert match is not None, f"the guide has no '{heading}'"
    return match[1]


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_from_why_did_the_last_build_fail_to_job_step_test_and_log_in_one_call(era: Any) -> None:
    tools = CodeTools(Executions(ServeOptions(simulate=True)))
    server = ToolServer(tools, lambda: ActiveTime(60), INSTRUCTIONS)

    async def work() -> Any:
        async with Client(server.sdk, mode=era) as client:
            # What the instructions tell it to do first, and then what stands in the guide.
            assert "Read the page 'circleci' with lua_read_doc first" in (client.instructions or "")
            guide = await client.call_tool("lua_read_doc", {"page": "circleci"})
            script = advice(guide.content[0].text, "Why did a build fail")
            assert (SLUG in script, BRANCH in script) == (True, True)
            return await client.call_tool("execute_lua", {"code": script})

    answer = asyncio.run(asyncio.wait_for(work(), 60)).structured_content
    tools.close()
    assert answer["success"]
    (row,) = answer["result"]
    assert (row["branch"], row["job"], row["step"], row["exit_code"]) == (
        BRANCH,
        "test",
        "Run tests",
        1,
    )
    assert row["tests"][0]["name"]
    assert row["tests"][0]["message"]
    assert len(row["log"].splitlines()) > 3


def test_a_search_for_the_question_leads_there_too() -> None:
    tools = CodeTools(Executions(ServeOptions(simulate=True)))
    query = {"query": "why did the last build fail"}
    found = tools.call("lua_search_docs", query, ToolCall(Deadline(20))).text
    tools.close()
    assert "flow.failures" in found
