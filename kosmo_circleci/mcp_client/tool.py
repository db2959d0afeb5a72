"""One tool of a server, as scripts and people see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kosmo_circleci.call.question import argument_lines
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.mcp_client.arguments import ArgumentSchema
from kosmo_circleci.mcp_client.server import Server


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of a server. `name` is its Lua name, `original` the one the server knows, `schema`
    its `inputSchema` as listed.
    """

    name: str
    original: str
    server: str
    kind: Kind
    title: str
    description: str
    schema: JsonValue
    arguments: ArgumentSchema = field(compare=False, repr=False)

    @property
    def path(self) -> str:
        """How a script names it."""
        return _path(self.server, self.name)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the tool as `mcp.tools` lists it."""
        return {
            "name": self.name,
            "tool": self.original,
            "server": self.server,
            "path": self.path,
            "kind": self.kind,
            "title": self.title,
            "description": self.description,
        }


def described(listed: Mapping[str, Any], name: str, server: str) -> Tool:
    """Return a tool of `tools/list` under its Lua name; one without `readOnlyHint` is a write."""
    hints = listed.get("annotations") or {}
    schema = listed.get("inputSchema") or {"type": "object"}
    return Tool(
        name=name,
        original=str(listed["name"]),
        server=server,
        kind="read" if hints.get("readOnlyHint") is True else "write",
        title=str(listed.get("title") or hints.get("title") or ""),
        description=str(listed.get("description") or ""),
        schema=schema,
        arguments=ArgumentSchema(schema, _path(server, name)),
    )


def _path(server: str, name: str) -> str:
    return f"app.mcp.{server}.{name}"


def question(tool: Tool, server: Server, arguments: Mapping[str, JsonValue]) -> str:
    """Return the text of a permission question: the call line by line, likely secrets as `***`."""
    lines = [
        f"{tool.path} ({tool.kind}, MCP server '{server.name}', {server.transport})",
        *argument_lines(arguments.items()),
        f"Allow {tool.server}.{tool.name} for the rest of this run?",
    ]
    return "\n".join(lines)
