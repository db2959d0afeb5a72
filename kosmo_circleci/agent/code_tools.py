"""The whole API behind three tools: search, read, execute."""

from collections.abc import Mapping
from typing import Any, Final

from kosmo_circleci.agent import cut
from kosmo_circleci.agent.aftermath import aftermath
from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.executions import CallListener, Execution, Executions, Script
from kosmo_circleci.agent.printed import PrintedLines
from kosmo_circleci.agent.tool_result import Shown, ToolCall, ToolResult
from kosmo_circleci.agent.tools import (
    EXAMPLE,
    EXECUTE,
    READ_DOC,
    SEARCH_DOCS,
    Definition,
    check,
)
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run

_SIMULATE: Final[JsonValue] = {
    "type": "boolean",
    "description": "Fake CircleCI: no token, no effect",
}
_WORKFLOW: Final[JsonValue] = {
    "type": "string",
    "description": "Ready-made script; code is then ''",
}
_ARGS: Final[JsonValue] = {"type": "object"}
_SESSION: Final[JsonValue] = {"type": "string", "description": "Keeps globals"}
_CHECK: Final[JsonValue] = {"type": "boolean", "description": "Only find mistakes"}
_RESUME: Final[JsonValue] = {"type": "string", "description": "Run to continue"}
_OUTPUT: Final[JsonValue] = {"type": "object", "required": ["success"]}
_REFUSES: Final = " Functions marked write are refused."
_RETURN_LESS: Final = "In Lua, return less: pick fields, filter, count, or one page."
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
        optional = {
            **EXECUTE.optional,
            "simulate": _SIMULATE,
            "session": _SESSION,
            "check": _CHECK,
            "workflow": _WORKFLOW,
            "args": _ARGS,
        }
        if executions.options.journal is not None:
            optional["resume"] = _RESUME
        self._execute_lua = EXECUTE._replace(optional=optional)

    def definitions(self) -> list[dict[str, JsonValue]]:
        """Return the three tools; together at most 2,000 bytes of JSON."""
        read_only = self._executions.options.write == "deny"
        refuses = _REFUSES if read_only else ""
        description = f"{self._execute_lua.description}{refuses} Long answers are cut. {EXAMPLE}"
        execute = _definition(
            self._execute_lua._replace(description=description), read_only=read_only
        )
        return [
            _definition(SEARCH_DOCS, read_only=True),
            _definition(READ_DOC, read_only=True),
            execute | {"outputSchema": _OUTPUT, "execution": {"taskSupport": "optional"}},
        ]

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Carry out one of the tools. Raises `ValidationError` for an unknown one."""
        execute = self._execute_lua
        if arguments.get("workflow") and not arguments.get("code"):
            # The schema asks for 'code' all the same: models take that better than a choice.
            execute = execute._replace(
                required=(), optional={"code": {"type": "string"}, **execute.optional}
            )
        checked = check((SEARCH_DOCS, READ_DOC, execute), name, arguments)
        if name == SEARCH_DOCS.name:
            return ToolResult(self._executions.search_docs(checked["query"], call.client))
        if name == READ_DOC.name:
            return ToolResult(self._executions.read_doc(checked["page"], call.client))
        if checked.get("check"):
            return self._checked(self._source(checked, call.client)[1], call)
        return self._execute(checked, call)

    def failed(self, fields: Mapping[str, JsonValue]) -> ToolResult:
        """Return an error with the keys of a script that failed: what is read once is one shape."""
        shown = {"success": False, "error": fields["message"], "error_type": fields["type"]}
        rest = {key: value for key, value in fields.items() if key not in ("type", "message")}
        return ToolResult.of(shown | rest, is_error=True)

    @property
    def executions(self) -> Executions:
        """What runs the scripts."""
        return self._executions

    def close(self) -> None:
        """Give back processes and connections."""
        self._executions.close()

    def _checked(self, code: str, call: ToolCall) -> ToolResult:
        report = self._executions.check(code, call.client)
        return ToolResult.of(report.to_dict(), is_error=not report.success)

    def _execute(self, arguments: Mapping[str, Any], call: ToolCall) -> ToolResult:
        printed = PrintedLines()
        listener = CallListener(call, printed.add)
        script = self._script(arguments, call.client)
        execution = self._executions.run(script, listener, call)
        run = execution.run
        shown: dict[str, JsonValue] = {"success": run.success}
        if run.simulated:
            shown["simulated"] = True  # before the result, where it is not overlooked
        outcome = self._result(run, call) if run.error is None else Shown(self._failure(run))
        shown |= outcome.fields | _session_fields(execution)
        if run.script_exit_code:
            shown["exit_code"] = run.script_exit_code
        if not run.success:
            shown |= aftermath(run)
        left = max(cut.LIMIT_BYTES - cut.size(shown), cut.LIMIT_BYTES // 4)
        mask = Mask(script.secrets)
        mask.add(listener.secrets)
        shown |= printed.shown(left, mask)
        shown |= {"call_count": run.call_count}
        return ToolResult.of(shown, is_error=not run.success, links=outcome.links)

    def _script(self, arguments: Mapping[str, Any], client: Client) -> Script:
        name, code = self._source(arguments, client)
        ready_made = self._executions.ready_made
        header = ready_made.header(code, name)
        given, session = arguments.get("args", {}), arguments.get("session")
        secrets: tuple[str, ...] = ()
        if arguments.get("workflow"):
            given, secrets = self._executions.secrets.restored(client.key, name, given)
        if secrets and session is not None:
            # The state of a session outlives the run that may use them.
            raise ValidationError("A workflow with a secret runs without 'session'.")
        return Script(
            code,
            arguments.get("account"),
            arguments.get("simulate") is True,
            args=ready_made.bound(header, given, client),
            session=session,
            resume=arguments.get("resume"),
            name=name,
            writes=header.writes,
            secrets=secrets,
        )

    def _source(self, arguments: Mapping[str, Any], client: Client) -> tuple[str, str]:
        """Return the name and the code of the script that is meant."""
        code, workflow = arguments.get("code", ""), arguments.get("workflow")
        if not workflow:
            return "script", code
        if code:
            raise ValidationError(f"{EXECUTE.name}: give 'code' or 'workflow', not both.")
        return workflow, self._executions.ready_made.read(workflow, client).code

    def _result(self, run: Run, call: ToolCall) -> Shown:
        return self._executions.shown_result(run.result_json, call.client, _RETURN_LESS)

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


def _session_fields(execution: Execution) -> dict[str, JsonValue]:
    if execution.new_session is None:
        return {}
    if execution.lost_session:
        return {"session": "ended: its process was stopped, and its globals are gone"}
    return {"session": "new" if execution.new_session else "continued"}


def _definition(tool: Definition, *, read_only: bool) -> dict[str, JsonValue]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.schema(),
        "annotations": {"readOnlyHint": read_only},
    }
