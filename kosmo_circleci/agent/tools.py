"""The tools an agent host offers its model: definitions, and what happens when one is called."""

from collections.abc import Mapping
from typing import Final, Protocol

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run

_LIST: Final = (
    "List every documentation page of the CircleCI bridge: guides, then one page per function."
)
_SEARCH: Final = "Find CircleCI functions by meaning, e.g. 'cancel a running job'."
_READ: Final = (
    "Read one page: 'circleci' (the guide; start here), 'circleci.<function>', "
    "'examples', 'flow', 'errors' or 'overview'."
)
_EXECUTE: Final = (
    "Run Lua 5.4 in a sandbox. CircleCI API v2 is at app.integrations.circleci.<function>({name = "
    "value}); flow.* has pages, parallel calls and waiting; print, dump, json.*, regex.*, docs.* "
    "exist. Return a value to get it back as JSON."
)


class AgentDoor(Protocol):
    """What the tools need of the bridge."""

    def run(self, code: str, *, account: str = "default") -> Run: ...
    def read_doc(self, page: str) -> str: ...
    def list_docs(self) -> str: ...
    def search_docs(self, query: str) -> str: ...


def definitions() -> list[dict[str, JsonValue]]:
    """Return the four tools: `name`, `description`, `input_schema` (JSON Schema)."""
    text: JsonValue = {"type": "string"}
    return [
        _tool("lua_list_docs", _LIST, {}, []),
        _tool("lua_search_docs", _SEARCH, {"query": text}, ["query"]),
        _tool("lua_read_doc", _READ, {"page": text}, ["page"]),
        _tool("execute_lua", _EXECUTE, {"code": text, "account": text}, ["code"]),
    ]


def dispatch(bridge: AgentDoor, name: str, arguments: Mapping[str, JsonValue]) -> str:
    """Carry out one tool call and return its text; `execute_lua` answers with the envelope.

    Raises `ValidationError` for an unknown tool, or arguments that do not fit its schema.
    """
    tool = next((each for each in definitions() if each["name"] == name), None)
    if tool is None:
        known = ", ".join(str(each["name"]) for each in definitions())
        raise ValidationError(f"Unknown tool '{name}'. The tools are: {known}")
    given = _checked(name, tool["input_schema"], arguments)
    if name == "lua_list_docs":
        return bridge.list_docs()
    if name == "lua_search_docs":
        return bridge.search_docs(given["query"])
    if name == "lua_read_doc":
        return bridge.read_doc(given["page"])
    return bridge.run(given["code"], account=given.get("account", "default")).to_json()


def _checked(name: str, schema: JsonValue, arguments: Mapping[str, JsonValue]) -> dict[str, str]:
    assert isinstance(schema, dict)
    properties, required = schema["properties"], schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    faults = [f"'{each}' is missing" for each in required if each not in arguments]
    faults += [f"'{each}' is unknown" for each in arguments if each not in properties]
    faults += [
        f"'{each}' must be a string"
        for each, value in arguments.items()
        if each in properties and not isinstance(value, str)
    ]
    if faults:
        takes = ", ".join(properties) or "no arguments"
        raise ValidationError(f"{name}: {'; '.join(faults)}. It takes: {takes}")
    return {each: str(value) for each, value in arguments.items()}


def _tool(
    name: str, description: str, properties: dict[str, JsonValue], required: list[str]
) -> dict[str, JsonValue]:
    schema: JsonValue = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"name": name, "description": description, "input_schema": schema}
