"""The tools of a server whose scripts talk to the simulator."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.function_tools import FunctionTools
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.limits import Limits

Use = Callable[..., ToolResult]


@pytest.fixture(scope="module")
def use() -> Iterator[Use]:
    """Return what calls a tool: `use("execute_lua", code=…)`, or that of a function."""
    opened: dict[Any, CodeTools | FunctionTools] = {}

    def call(name: str, *, write: Any = "deny", **arguments: Any) -> ToolResult:
        code = name.startswith(("lua_", "execute_"))
        if (code, write) not in opened:
            options = ServeOptions(write, simulate=True, limits=Limits(cpu_s=1.0, timeout_s=20.0))
            kind = CodeTools if code else FunctionTools
            opened[code, write] = kind(Executions(options))
        return opened[code, write].call(name, arguments, ToolCall(Deadline(20)))

    yield call
    for each in opened.values():
        each.close()
