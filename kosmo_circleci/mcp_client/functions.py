"""`app.mcp.*` and `mcp.*`: what scripts and commands can ask of MCP servers.

`prelude/mcp.lua` names these functions; nothing is read, imported or started before one is called.
"""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kosmo_circleci.call.context import RunContext
from kosmo_circleci.call.model import ExternalCall
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.errors import (
    Interrupted,
    KosmoError,
    LimitExceeded,
    NetworkError,
    ValidationError,
)
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.mcp_client import results
from kosmo_circleci.mcp_client.config import load
from kosmo_circleci.mcp_client.journaled import journal_call
from kosmo_circleci.mcp_client.launch import Timeouts, resolve
from kosmo_circleci.mcp_client.names import lua_names, original_name
from kosmo_circleci.mcp_client.server import Server
from kosmo_circleci.mcp_client.tool import Tool, described, question
from kosmo_circleci.mcp_client.trust import trust_store
from kosmo_circleci.wording import nearest, printable, shorten

if TYPE_CHECKING:
    from kosmo_circleci.mcp_client.servers import Servers


MAX_NAME_CHARACTERS: Final = 512
"""How long `server.tool` or the name of a prompt may be."""

MAX_URI_CHARACTERS: Final = 65_536


class McpFunctions:
    """The MCP servers of one run, as the functions of `mcp.*`. Safe for several threads.

    `folder` is the current one. With `trust` a project's servers run whether or not the user has
    trusted them. Close it: that stops them.
    """

    def __init__(
        self, environ: Mapping[str, str], home: Path, folder: Path, *, trust: bool = False
    ) -> None:
        self._environ = environ
        self._home = home
        self._folder = folder
        self._trust = trust
        self._lock = threading.RLock()
        self._configured: dict[str, Server] | None = None
        self._tools: dict[str, dict[str, Tool]] = {}
        self._sessions: Servers | None = None
        self._closed = False
        self._table: dict[str, Callable[[list[JsonValue], RunContext], JsonValue]] = {
            "mcp.servers": self._list_servers,
            "mcp.tools": self._list_tools,
            "mcp.schema": self._schema,
            "mcp.call": self._call_named,
            "mcp.resources": self._resources,
            "mcp.read_resource": self._read_resource,
            "mcp.prompts": self._prompts,
            "mcp.get_prompt": self._get_prompt,
            "app.mcp": self._known_server,
            "app.mcp.tool": self._known_tool,
        }

    def call(self, name: str, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        """Carry out one function. Raises the `KosmoError` that stopped it."""
        return self._table[name](arguments, context)

    def close(self) -> None:
        """Stop every server; a call that comes later is refused."""
        with self._lock:
            sessions, self._sessions, self._closed = self._sessions, None, True
        if sessions is not None:
            sessions.close()

    def servers(self) -> dict[str, Server]:
        """Return the servers there are, by Lua name. Raises `ConfigurationError`."""
        with self._lock:
            if self._configured is None:
                servers = load(self._environ, self._home, self._folder)
                self._configured = {
                    lua: servers[name] for lua, name in sorted(lua_names(servers).items())
                }
            return self._configured

    def listing(self) -> list[dict[str, JsonValue]]:
        """Return the servers as `mcp.servers` lists them; starts none."""
        store = trust_store(self._environ, self._home)
        return [
            {
                "name": lua,
                "server": server.name,
                "transport": server.transport,
                "target": server.target(),
                "source": str(server.source),
                "scope": server.scope,
                "trust": store.state(server),
                "fault": server.fault,
            }
            for lua, server in self.servers().items()
        ]

    def server(self, server_name: JsonValue) -> tuple[str, Server]:
        """Return the server a name means, with its Lua name; raises `ValidationError`."""
        servers = self.servers()
        name = _word(server_name, "the name of a server")
        originals = {lua: server.name for lua, server in servers.items()}
        original = original_name(name, originals)
        for lua, server in servers.items():
            if server.name == original:
                return lua, server
        near = nearest(name, servers)
        hint = (
            f"Did you mean: {near}?"
            if near
            else f"Configured: {', '.join(servers)}."
            if servers
            else "No MCP server is configured; add one to .mcp.json (see docs.read('mcp'))."
        )
        raise ValidationError(f"Unknown MCP server: {printable(shorten(name))}. {hint}")

    def tools(self, server_name: JsonValue, context: RunContext) -> dict[str, Tool]:
        """Return a server's tools by Lua name; starts it."""
        lua, server = self.server(server_name)
        with self._lock:
            tools = self._tools.get(lua)
        if tools is None:
            listed: Any = context.journaled(
                journal_call(lua, "tools/list", "read", {}, f"mcp.tools('{lua}')"),
                lambda: self._request(server, "tools/list", {}, context),
            )
            originals = {str(each["name"]): each for each in listed}
            tools = {
                name: described(originals[original], name, lua)
                for name, original in sorted(lua_names(originals).items())
            }
            with self._lock:
                self._tools[lua] = tools
        return tools

    def tool(self, server_name: JsonValue, context: RunContext) -> tuple[Server, Tool]:
        """Return the tool a name means: `server.tool`, `app.mcp.server.tool`, Lua or own names."""
        name = _word(server_name, "the name of a tool, 'server.tool'")
        bare = name.removeprefix("app.").removeprefix("mcp.") if name.count(".") > 1 else name
        if "." not in bare:
            raise ValidationError(
                f"'{printable(shorten(name))}' does not name a tool of an MCP server; write "
                "'server.tool'. mcp.servers() and mcp.tools(server) list them."
            )
        servers = self.servers()
        names = {*servers, *(each.name for each in servers.values())}
        # Both names may hold dots; the longest server that fits is meant.
        cuts = [index for index, char in enumerate(bare) if char == "."]
        cut = next((index for index in reversed(cuts) if bare[:index] in names), cuts[0])
        lua, server = self.server(bare[:cut])
        return server, self._tool_of(lua, bare[cut + 1 :], context)

    def _tool_of(self, lua: str, name: str, context: RunContext) -> Tool:
        for again in (False, True):
            tools = self.tools(lua, context)
            original = original_name(name, {each.name: each.original for each in tools.values()})
            for tool in tools.values():
                if tool.original == original:
                    return tool
            if not again:
                # The server may have grown since it was asked.
                with self._lock:
                    self._tools.pop(lua, None)
        near = nearest(name, tools)
        hint = f"Did you mean: {near}?" if near else f"It has: {', '.join(tools) or 'no tools'}."
        raise ValidationError(f"Unknown tool: app.mcp.{lua}.{printable(shorten(name))}. {hint}")

    def _list_servers(self, _arguments: list[JsonValue], _context: RunContext) -> JsonValue:
        return list(self.listing())

    def _list_tools(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        server_name = _argument(arguments, 0)
        names = list(self.servers()) if server_name is None else [self.server(server_name)[0]]
        return [tool.to_json() for name in names for tool in self.tools(name, context).values()]

    def _schema(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        return self.tool(_argument(arguments, 0), context)[1].schema

    def _known_server(self, arguments: list[JsonValue], _context: RunContext) -> JsonValue:
        return self.server(_argument(arguments, 0))[0]

    def _known_tool(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        lua, _ = self.server(_argument(arguments, 0))
        name = _word(_argument(arguments, 1), "the name of a tool")
        return self._tool_of(lua, name, context).name

    def _call_named(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        server, tool = self.tool(_argument(arguments, 0), context)
        checked = tool.arguments.checked(_argument(arguments, 1))
        params: dict[str, JsonValue] = {"name": tool.original, "arguments": checked}
        call = journal_call(tool.server, "tools/call", tool.kind, params, tool.path)
        context.permit(f"{tool.server}.{tool.name}", question(tool, server, checked), call)

        def perform() -> JsonValue:
            with _Recorded(context, tool.path, tool.original, tool.server, tool.kind):
                sent = params | _continuing(context)
                result = self._request(server, "tools/call", sent, context, tool.path)
                error = results.tool_error(result, tool.server, tool.name, tool.path)
                if error is not None:
                    raise error
            return results.tool_value(result)

        return context.journaled(call, perform)

    def _resources(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        return self._read(context, "mcp.resources", "resources/list", _argument(arguments, 0), {})

    def _read_resource(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        params = {
            "uri": _word(_argument(arguments, 1), "the uri of a resource", MAX_URI_CHARACTERS)
        }
        server_name = _argument(arguments, 0)
        result = self._read(context, "mcp.read_resource", "resources/read", server_name, params)
        return results.resource_value(result)

    def _prompts(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        return self._read(context, "mcp.prompts", "prompts/list", _argument(arguments, 0), {})

    def _get_prompt(self, arguments: list[JsonValue], context: RunContext) -> JsonValue:
        values = _argument(arguments, 2) or {}
        if not isinstance(values, dict):
            raise ValidationError("mcp.get_prompt: the arguments are one table of names and texts")
        texts = {
            name: value if isinstance(value, str) else encode(value)
            for name, value in values.items()
        }
        name = _word(_argument(arguments, 1), "the name of a prompt")
        params: JsonValue = {"name": name, "arguments": dict(texts)}
        server_name = _argument(arguments, 0)
        result = self._read(context, "mcp.get_prompt", "prompts/get", server_name, params)
        assert isinstance(result, dict)
        return {key: value for key, value in result.items() if key in ("description", "messages")}

    def _read(
        self, context: RunContext, call_path: str, method: str, server_name: JsonValue, params: Any
    ) -> JsonValue:
        lua, server = self.server(server_name)
        question = f"{call_path} of the MCP server '{server.name}' (read)"
        call = journal_call(lua, method, "read", params, call_path)
        context.permit(f"{lua}.{method}", question, call)

        def perform() -> JsonValue:
            with _Recorded(context, call_path, method, lua, "read"):
                return self._request(server, method, params, context, call_path)

        return context.journaled(call, perform)

    def _request(
        self, server: Server, method: str, params: Any, context: RunContext, call_path: str = ""
    ) -> JsonValue:
        context.deadline.check()
        if not self._trust:
            trust_store(self._environ, self._home).check(server)
        launch = resolve(server, self._environ, self._home)
        try:
            running = self._servers_running()
            return running.request(launch, method, params, context.deadline, context.mask)
        except KosmoError as error:
            if call_path and error.function_name is None:
                error.function_name = call_path
            raise

    def _servers_running(self) -> "Servers":
        with self._lock:
            if self._closed:
                raise NetworkError("The run has ended, and its MCP servers with it.")
            if self._sessions is None:
                from kosmo_circleci.mcp_client.servers import Servers

                default = Timeouts()
                self._sessions = Servers(
                    Timeouts(
                        _milliseconds(self._environ, "MCP_TIMEOUT") or default.start_s,
                        _milliseconds(self._environ, "MCP_TOOL_TIMEOUT") or default.call_s,
                    )
                )
            return self._sessions


def _continuing(context: RunContext) -> dict[str, JsonValue]:
    """Return what lets a server continue the trace of the run; nothing where none is made."""
    traceparent = context.traceparent
    return {"meta": {"traceparent": traceparent}} if traceparent else {}


class _Recorded:
    """Puts a call into the run's log when it has ended, well or not."""

    def __init__(
        self, context: RunContext, call_path: str, tool: str, server: str, kind: Kind
    ) -> None:
        self._context = context
        self._call = (call_path, tool, server, kind)

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        call_path, tool, server, call_kind = self._call
        self._context.record(
            ExternalCall(
                call_path,
                tool,
                server,
                call_kind,
                ok=error is None,
                duration_ms=(time.perf_counter() - self._started) * 1000,
                settled=not isinstance(error, NetworkError | LimitExceeded | Interrupted),
            )
        )


def _argument(arguments: list[JsonValue], index: int) -> JsonValue:
    return arguments[index] if index < len(arguments) else None


def _word(value: JsonValue, what: str, limit: int = MAX_NAME_CHARACTERS) -> str:
    if not isinstance(value, str) or not value:
        raise ValidationError(f"mcp: {what} is missing; it is a string")
    # Before anything looks for dots in it, or for similar names.
    if len(value) > limit:
        raise ValidationError(
            f"mcp: {what} has {len(value):,} characters; it may have at most {limit:,}"
        )
    return value


def _milliseconds(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name, "").strip()
    return int(text) / 1000 if text.isascii() and text.isdigit() and int(text) > 0 else None
