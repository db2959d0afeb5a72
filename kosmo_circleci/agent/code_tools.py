"""The whole API behind three tools: search, read, execute."""

from collections.abc import Mapping
from typing import Any, Final

from kosmo_circleci.agent import cut
from kosmo_circleci.agent.executions import CallListener, Executions
from kosmo_circleci.agent.printed import PrintedLines
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult, shown_result
from kosmo_circleci.agent.tools import (
    EXAMPLE,
    EXECUTE,
    READ_DOC,
    SEARCH_DOCS,
    Definition,
    check,
)
from kosmo_circleci.jsonvalue import JsonValue, decode
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run

_RETURN_LESS: Final = "In Lua, return less: pick fields, filter, count, or one page."
_REFUSES: Final = "Functions marked write are refused."
_SIMULATE: Final[JsonValue] = {
    "type": "boolean",
    "description": "Use a built-in fake CircleCI: no token, no effect",
}
_EXECUTE: Final = EXECUTE._replace(optional={**EXECUTE.optional, "simulate": _SIMULATE})
_CALLS_SHOWN: Final = 5

INSTRUCTIONS: Final = (
    "CircleCI: pipelines, workflows, jobs, tests, contexts, insights and the rest of API v2. Read "
    "the page 'circleci' with lua_read_doc first: it is often enough. Find further functions with "
    "lua_search_docs (docs.search in a script) and read their pages, then write one Lua script for "
    "execute_lua. Ids come from calls, project slugs look like gh/org/repo."
)
"""What the client's model is told when it connects."""

SIMULATED: Final = (
    "SIMULATED: this server talks to a built-in fake CircleCI. Nothing it answers is real, and "
    "nothing it does has an effect; say so when you report. "
)
"""What it is told before that by a server that only simulates."""


class CodeTools:
    """`execute_lua`, `lua_search_docs` and `lua_read_doc`."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def definitions(self) -> list[dict[str, JsonValue]]:
        """Return the three tools; together at most 2,000 bytes of JSON."""
        read_only = self._executions.options.write == "deny"
        execute = _EXECUTE
        if read_only:
            execute = execute._replace(description=f"{execute.description} {_REFUSES}")
        cut_note = f"{execute.description} Answers over 32 KB come shortened. {EXAMPLE}"
        return [
            _definition(SEARCH_DOCS, read_only=True),
            _definition(READ_DOC, read_only=True),
            _definition(execute._replace(description=cut_note), read_only=read_only),
        ]

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Carry out one of the tools. Raises `ValidationError` for an unknown one."""
        checked = check((SEARCH_DOCS, READ_DOC, _EXECUTE), name, arguments)
        if name == SEARCH_DOCS.name:
            return ToolResult(self._executions.documents().search_docs(checked["query"]))
        if name == READ_DOC.name:
            return ToolResult(self._executions.documents().read_doc(checked["page"]))
        return self._execute(checked, call)

    def mask(self) -> Mask:
        """Return a mask of the configured tokens."""
        return self._executions.mask()

    def close(self) -> None:
        """Give back processes and connections."""
        self._executions.close()

    def _execute(self, arguments: Mapping[str, Any], call: ToolCall) -> ToolResult:
        printed = PrintedLines()
        listener = CallListener(call, printed.add)
        run = self._executions.run(
            arguments["code"],
            listener,
            call,
            account=arguments.get("account"),
            simulate=arguments.get("simulate") is True,
        )
        shown: dict[str, JsonValue] = {"success": run.success}
        if run.simulated:
            shown["simulated"] = True  # before the result, where it is not overlooked
        if run.error is None:
            shown |= shown_result(decode(run.result_json), _RETURN_LESS)
            if run.script_exit_code:
                shown["exit_code"] = run.script_exit_code
        else:
            shown |= self._failure(run)
        left = max(cut.LIMIT_BYTES - cut.size(shown), cut.LIMIT_BYTES // 4)
        mask = Mask()
        mask.add(listener.secrets)
        shown |= printed.shown(left, mask)
        shown |= {"call_count": run.call_count}
        return ToolResult.of(shown, is_error=not run.success)

    def _failure(self, run: Run) -> dict[str, JsonValue]:
        message = self._executions.explained(run.error or "")
        if len(message) > cut.LIMIT_BYTES // 8:
            message = message[: cut.LIMIT_BYTES // 8] + "…"
        calls = run.call_log[-_CALLS_SHOWN:]
        fields: dict[str, JsonValue] = {"error": message, "error_type": run.error_type}
        if calls:
            fields["last_calls"] = [
                {key: each[key] for key in ("function", "status", "http_status")} for each in calls
            ]
        return fields


def _definition(tool: Definition, *, read_only: bool) -> dict[str, JsonValue]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.schema(),
        "annotations": {"readOnlyHint": read_only},
    }
