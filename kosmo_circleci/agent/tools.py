"""The tools of agents: what they are called, what they take, and how a call is checked.

One set for the MCP server and for Python programs, which offer it to a model of their own with
`Bridge.agent_tools` and carry out calls with `Bridge.call_agent_tool`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.masking import names_a_secret
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.wording import nearest, printable, shorten, show

TIMEOUT_S: Final = 300.0
"""How long a script that a model wrote may run."""

EXAMPLE: Final = """Example:
local c = app.integrations.circleci
local p = c.list_project_pipelines{project_slug = 'gh/org/repo'}.items[1]
return flow.all(c.list_pipeline_workflows, {pipeline_id = p.id})"""

_TYPES: Final[dict[str, type]] = {"string": str, "boolean": bool, "object": dict}


class Definition(NamedTuple):
    """One tool. `optional` has JSON Schemas by name; `required` arguments are strings."""

    name: str
    title: str
    description: str
    required: tuple[str, ...] = ()
    optional: Mapping[str, JsonValue] = {}

    def properties(self) -> dict[str, JsonValue]:
        """Return the JSON Schema of each argument, by name."""
        strings: dict[str, JsonValue] = {name: {"type": "string"} for name in self.required}
        return strings | dict(self.optional)

    def schema(self) -> dict[str, JsonValue]:
        """Return the JSON Schema of the arguments."""
        required: list[JsonValue] = list(self.required)
        return {"type": "object", "properties": self.properties(), "required": required}


LIST_DOCS: Final = Definition(
    "lua_list_docs",
    "List the documentation",
    "List every documentation page of the CircleCI bridge: guides, then one page per function.",
)
SEARCH_DOCS: Final = Definition(
    "lua_search_docs",
    "Search the functions",
    "Find CircleCI functions by meaning: 'why did a job fail'.",
    ("query",),
)
READ_DOC: Final = Definition(
    "lua_read_doc",
    "Read a page",
    "Read a page: 'circleci' (guide, all functions; start here), 'circleci.<function>', 'flow', "
    "'errors'.",
    ("page",),
)
EXECUTE: Final = Definition(
    "execute_lua",
    "Run a script",
    "Run a Lua 5.4 script on CircleCI; get back what it returns, as JSON. "
    "Functions: app.integrations.circleci.<function>{name = value}. Find them with "
    "lua_search_docs, read their page first. One script does a whole workflow and returns only "
    "what is needed. flow.failures says why a build failed, flow.all(fn, args) fetches all pages, "
    "flow.map(list, fn) calls at once, flow.wait_pipeline(id) waits. Errors have .status "
    "and .message.",
    ("code",),
    {"account": {"type": "string"}},
)


class DocumentedBridge(Protocol):
    """What the tools need of the bridge."""

    def run(
        self, code: str, *, account: str = "default", isolate: bool, limits: Limits | None
    ) -> Run: ...
    def read_doc(self, page: str) -> str: ...
    def list_docs(self) -> str: ...
    def search_docs(self, query: str) -> str: ...


_OFFERED: Final = (LIST_DOCS, SEARCH_DOCS, READ_DOC, EXECUTE)


def definitions() -> list[dict[str, JsonValue]]:
    """Return the four tools of a Python program's agent: `name`, `description`, `input_schema`."""
    return [
        {
            "name": each.name,
            "description": each.description,
            "input_schema": each.schema() | {"additionalProperties": False},
        }
        for each in _OFFERED
    ]


def dispatch(bridge: DocumentedBridge, name: str, arguments: Mapping[str, JsonValue]) -> str:
    """Carry out one tool call and return its text; `execute_lua` answers with the envelope.

    A script runs in a process of its own, for at most `TIMEOUT_S`. Raises `ValidationError` for an
    unknown tool, or arguments that do not fit its schema.
    """
    checked = check(_OFFERED, name, arguments)
    if name == LIST_DOCS.name:
        return bridge.list_docs()
    if name == SEARCH_DOCS.name:
        return bridge.search_docs(checked["query"])
    if name == READ_DOC.name:
        return bridge.read_doc(checked["page"])
    return bridge.run(
        checked["code"],
        account=checked.get("account", "default"),
        isolate=True,
        limits=Limits(timeout_s=TIMEOUT_S),
    ).to_json()


def check(
    offered: Sequence[Definition], name: str, arguments: Mapping[str, JsonValue]
) -> dict[str, Any]:
    """Return the arguments without those that are null; their types are those of the schema.

    Raises `ValidationError` for an unknown tool, and one that lists everything wrong with the
    arguments: unknown names, missing ones, types.
    """
    tool = next((each for each in offered if each.name == name), None)
    if tool is None:
        raise unknown_tool(name, [each.name for each in offered])
    values = {key: value for key, value in arguments.items() if value is not None}
    faults = [*_faults(tool, values)]
    if faults:
        takes = ", ".join(tool.properties()) or "no arguments"
        raise ValidationError(f"{name}: {' '.join(faults)} It takes: {takes}", function_name=name)
    return values


def unknown_tool(name: str, names: Sequence[str]) -> ValidationError:
    """Return the error for a tool that is not offered."""
    near = nearest(name, names)
    hint = f"Did you mean '{near}'?" if near else f"The tools are: {', '.join(names[:10])}"
    shown = printable(shorten(name))
    return ValidationError(f"Unknown tool '{shown}'. {hint}", function_name=shown)


def _faults(tool: Definition, values: Mapping[str, JsonValue]) -> Iterator[str]:
    properties: dict[str, Any] = tool.properties()
    for name in values:
        if name not in properties:
            yield f"Unknown argument '{printable(shorten(name))}'."
    for name, schema in properties.items():
        kind = _TYPES.get(schema.get("type"))
        if name in values and kind is not None and not isinstance(values[name], kind):
            value = show(values[name], hidden=names_a_secret(name))
            article = "an" if schema["type"] == "object" else "a"
            yield f"'{name}' must be {article} {schema['type']}, got {value}."
    for name in tool.required:
        if not values.get(name):
            yield f"'{name}' is missing."
