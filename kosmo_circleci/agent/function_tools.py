"""One tool per function, for clients whose models are to see the API as tools."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kosmo_circleci.agent.aftermath import aftermath
from kosmo_circleci.agent.executions import CallListener, Executions, Script
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.agent.tools import unknown_tool
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.catalog.schema import parameters_schema
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue, decode, encode
from kosmo_circleci.run.envelope import Run

_SCRIPT: Final = Path(__file__).parent / "call_function.lua"
_ASK_FOR_LESS: Final = "Ask for less with the parameters that filter, or for one page at a time."
_ACCOUNT: Final[JsonValue] = {
    "type": "string",
    "description": "The configured account to use.",
}
# What a POST adds, everything else stays as it was; of the others, some replace or end something.
_ADDING_VERBS: Final = ("create_", "trigger_", "continue_", "rerun_", "approve_", "compile_")
_REPLACING: Final = frozenset({"create_project_env_var", "create_policy_bundle"})


class FunctionTools:
    """Every function of the catalog as a tool of its own."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def definitions(self) -> list[dict[str, JsonValue]]:
        """Return a tool for each function, in the order of the catalog."""
        return [_definition(each) for each in load_catalog().functions()]

    def call(self, name: str, arguments: Mapping[str, JsonValue], call: ToolCall) -> ToolResult:
        """Call a function. Raises `ValidationError` for a tool there is not."""
        function = _function(name)
        account = arguments.get("account")
        if account is not None and not isinstance(account, str):
            raise ValidationError(f"{name}: 'account' must be a string", function_name=name)
        values = {key: value for key, value in arguments.items() if key != "account"}
        script = Script(
            _SCRIPT.read_text("utf-8"),
            account,
            args={"name": function.name, "arguments": encode(values)},
        )
        run = self._executions.run(script, CallListener(call), call).run
        if run.error is not None:
            return self._failed({"type": run.error_type, "message": run.error}, run)
        answer: Any = decode(run.result_json)
        if "error" in answer:
            return self._failed(answer["error"], run)
        value = answer.get("value")
        shown = self._executions.shown_result(encode(value), call.client, _ASK_FOR_LESS)
        whole = isinstance(value, dict) and "result" in shown.fields
        return ToolResult.of(value if whole else shown.fields, links=shown.links)

    def failed(self, fields: Mapping[str, JsonValue]) -> ToolResult:
        """Return an error with the fields that it has in a script."""
        return ToolResult(f"error: {fields['message']}", fields, is_error=True)

    @property
    def executions(self) -> Executions:
        """What runs the scripts."""
        return self._executions

    def close(self) -> None:
        """Give back processes and connections."""
        self._executions.close()

    def _failed(self, fields: dict[str, JsonValue], run: Run) -> ToolResult:
        message = self._executions.explained(str(fields["message"]))
        return self.failed(fields | {"message": message} | aftermath(run))


def _function(name: str) -> Function:
    functions = {each.tool_name: each for each in load_catalog().functions()}
    if name not in functions:
        raise unknown_tool(name, list(functions))
    return functions[name]


def _definition(function: Function) -> dict[str, JsonValue]:
    schema: Any = parameters_schema(function)
    # Said once already, by name and description of the tool.
    kept = {key: schema[key] for key in schema if key not in ("$schema", "title", "description")}
    kept["properties"] = kept["properties"] | {"account": _ACCOUNT}
    note = f" {function.note}" if function.note else ""
    return {
        "name": function.tool_name,
        "description": function.summary + note,
        "inputSchema": kept,
        "annotations": _annotations(function),
    }


def _annotations(function: Function) -> dict[str, JsonValue]:
    if function.kind == "read":
        return {"readOnlyHint": True}
    adds = (
        function.method == "POST"
        and function.name.startswith(_ADDING_VERBS)
        and function.name not in _REPLACING
    )
    return {
        "readOnlyHint": False,
        "destructiveHint": not adds,
        "idempotentHint": function.method in ("PUT", "DELETE"),
    }
