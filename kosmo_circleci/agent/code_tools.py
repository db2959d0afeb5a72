"""The whole API behind three tools: search, read, execute."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.agent import cut
from kosmo_circleci.agent.executions import Executions
from kosmo_circleci.agent.tool_arguments import checked
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult, shown_result
from kosmo_circleci.jsonvalue import JsonValue, decode
from kosmo_circleci.run.envelope import Run

_EXECUTE: Final = (
    "Run a Lua 5.4 script on CircleCI (API v2) in a sandbox; get back what it returns, as JSON. "
    "Functions: app.integrations.circleci.<function>{name = value}. Find them with "
    "lua_search_docs and read their page first. One script does a whole workflow: call, filter, "
    "join, and return only what is needed. flow.all(fn, args) fetches all pages, "
    "flow.map(list, fn) calls at once, flow.wait_pipeline(id) waits; json, regex, pcall, print "
    "exist. Errors of the API have .status and .message. {writes}Answers over 32 KB come "
    "shortened. Example:\n"
    "local c = app.integrations.circleci\n"
    "local p = c.list_project_pipelines{project_slug = 'gh/org/repo', branch = 'main'}.items[1]\n"
    "return flow.all(c.list_pipeline_workflows, {pipeline_id = p.id})"
)
_SEARCH: Final = (
    "Find CircleCI functions by meaning: 'why did a job fail', 'rerun from failed'. "
    "Up to 10: name, read or write, purpose."
)
_READ: Final = (
    "Read a page: 'circleci' (guide, common workflows, all functions; start here), "
    "'circleci.<function>' (parameters, result, example), 'examples', 'flow', 'errors'."
)
_RETURN_LESS: Final = "In Lua, return less: pick fields, filter, count, or one page."
_REFUSES: Final = "Functions marked write are refused. "
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
        return [
            _tool("lua_search_docs", _SEARCH, {"query": "string"}),
            _tool("lua_read_doc", _READ, {"page": "string"}),
            _tool(
                "execute_lua",
                _EXECUTE.replace("{writes}", _REFUSES if read_only else ""),
                {"code": "string"},
                {
                    "account": {"type": "string"},
                    "simulate": {
                        "type": "boolean",
                        "description": "Use a built-in fake CircleCI: no token, no effect",
                    },
                },
                read_only=read_only,
            ),
        ]

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Carry out one of the tools. Raises `ValidationError` for an unknown one."""
        given = checked(self.definitions(), name, arguments)
        if name == "lua_search_docs":
            return ToolResult(self._executions.documents().search_docs(str(given["query"])))
        if name == "lua_read_doc":
            return ToolResult(self._executions.documents().read_doc(str(given["page"])))
        return self._execute(given, call)

    def close(self) -> None:
        """Give back processes and connections."""
        self._executions.close()

    def _execute(self, given: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        lines: list[str] = []
        account = given.get("account")
        run = self._executions.run(
            str(given["code"]),
            call,
            account=None if account is None else str(account),
            simulate=given.get("simulate") is True,
            on_output=lines.append,
        )
        shown: dict[str, JsonValue] = {"success": run.success}
        if run.simulated:
            shown["simulated"] = True  # before the result, where it is not overlooked
        if run.success:
            shown |= shown_result(decode(run.result_json), _RETURN_LESS)
        else:
            shown |= self._failure(run)
        left = max(cut.LIMIT_BYTES - cut.size(shown), cut.LIMIT_BYTES // 4)
        shown |= _shown_output(lines, left)
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


def _shown_output(lines: list[str], limit_bytes: int) -> dict[str, JsonValue]:
    if not lines:
        return {}
    shown = cut.printed(lines, limit_bytes)
    if not shown.left_out_bytes:
        return {"output": shown.text}
    return {
        "output": shown.text,
        "output_cut": f"The output has {shown.left_out_bytes:,} bytes more than can be shown. "
        "Print less, or return the value that matters.",
    }


def _tool(
    name: str,
    description: str,
    required: Mapping[str, str],
    optional: Mapping[str, JsonValue] | None = None,
    *,
    read_only: bool = True,
) -> dict[str, JsonValue]:
    properties: dict[str, JsonValue] = {each: {"type": kind} for each, kind in required.items()}
    return {
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties | dict(optional or {}),
            "required": list(required),
        },
        "annotations": {"readOnlyHint": read_only},
    }
