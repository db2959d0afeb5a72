"""The MCP server: the official SDK's, with our tools.

One server speaks both eras of the protocol, the revisions that begin with `initialize` and
2026-07-28, over any transport of the SDK. Calls run on threads (`running_call`); what is here runs
on the event loop.
"""

import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import anyio
import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import handler_exception_to_error_data

from kosmo_circleci.agent import questions
from kosmo_circleci.agent.clients import LOCAL, Client
from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.prompting import Prompting
from kosmo_circleci.agent.prompts import Prompts
from kosmo_circleci.agent.reading import PAGES_FRESH_MS, Reading, refuse_cursor
from kosmo_circleci.agent.resources import Resources
from kosmo_circleci.agent.running_call import ActiveTime, Progress, Question, RunningCall
from kosmo_circleci.agent.task_methods import TaskMethods
from kosmo_circleci.agent.task_shapes import WITH_TASKS
from kosmo_circleci.agent.tasks import DEFAULT_LIMITS, TaskLimits
from kosmo_circleci.agent.tool_result import ToolResult, Tools
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.version import __version__

Context: TypeAlias = ServerRequestContext[Any, Any]

MAX_AT_ONCE: Final = 8
"""How many calls are carried out at once; further ones wait."""

_NAME: Final = "kosmo-circleci"
_END_S: Final = 1.5
_COMPLETED: Final = 100
"""How many values the protocol lets one completion have."""


class ToolServer:
    """The handlers of one server.

    `new_deadline` bounds a call from its arrival; `client_of` tells who sent a request, the
    one client of stdio unless it is given.
    """

    def __init__(
        self,
        tools: Tools,
        new_deadline: Callable[[], ActiveTime],
        instructions: str = "",
        client_of: Callable[[Context], Client] | None = None,
        task_limits: TaskLimits = DEFAULT_LIMITS,
    ) -> None:
        self._tools = tools
        self._client_of = client_of or _local
        self._new_deadline = new_deadline
        self._turns = threading.Semaphore(MAX_AT_ONCE)
        self._questions = questions.OpenQuestions()
        self._calls: set[RunningCall] = set()
        self._reading = reading = Reading(Resources(tools.executions), self._client_of)
        self._prompting = prompting = Prompting(Prompts(tools.executions), self._client_of)
        runs_scripts = isinstance(tools, CodeTools)  # a prompt tells the model to run one
        fresh = CacheHint(ttl_ms=PAGES_FRESH_MS, scope="public")
        self.sdk: Server[Any] = Server(
            _NAME,
            version=__version__,
            title="CircleCI",
            instructions=instructions or None,
            on_list_tools=self._list_tools,
            on_list_resources=reading.list_resources,
            on_list_resource_templates=reading.list_templates,
            on_read_resource=reading.read,
            on_list_prompts=prompting.list_prompts if runs_scripts else None,
            on_get_prompt=prompting.get if runs_scripts else None,
            on_completion=self._complete,
            cache_hints={"tools/list": fresh, "resources/templates/list": fresh},
        )
        self.sdk.middleware.append(_shielded)
        security = RequestStateSecurity.ephemeral(ttl=questions.STATE_S)
        self.sdk.middleware.append(RequestStateBoundary(security, default_audience=_NAME))
        self.sdk.add_request_handler("tools/call", types.CallToolRequestParams, self._call_tool)
        self._tasks = TaskMethods(task_limits, self._client_of, self._started, _wire)
        self._tasks.register(self.sdk)

    async def close(self) -> None:
        """End every call, and give back processes and connections."""
        for call in self._calls:
            call.cancel(Interrupted("The client has gone."))
        with anyio.move_on_after(_END_S):
            for call in list(self._calls):
                await call.wait()
        await self._tasks.tasks.close()
        self._tools.close()

    async def _complete(
        self, ctx: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        completer = self._reading if params.ref.type == "ref/resource" else self._prompting
        values = await completer.complete(ctx, params)
        return types.CompleteResult(
            completion=types.Completion(
                values=values[:_COMPLETED], total=len(values), has_more=len(values) > _COMPLETED
            )
        )

    async def _list_tools(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        refuse_cursor(params)
        tools = [
            types.Tool.model_validate(each, by_name=False) for each in self._tools.definitions()
        ]
        if ctx.protocol_version != WITH_TASKS:
            tools = [each.model_copy(update={"execution": None}) for each in tools]
        return types.ListToolsResult(tools=tools)

    async def _call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult | dict[str, Any]:
        if params.request_state is not None:
            call = self._questions.resume(params.request_state, params.input_responses)
        else:
            call = self._started(ctx, params)
        try:
            with anyio.move_on_after(self._tasks.wait_s(ctx)):
                return await self._followed(ctx, call)
            # It takes long: the client polls from here, if there is room for one more task.
            return self._tasks.adopt(ctx, call) or await self._followed(ctx, call)
        except anyio.get_cancelled_exc_class():
            call.cancel(Interrupted("The client cancelled the call."))
            with anyio.move_on_after(_END_S, shield=True):
                await call.wait()
            raise

    def _started(self, ctx: Context, params: types.CallToolRequestParams) -> RunningCall:
        name, arguments = params.name, params.arguments or {}
        call = RunningCall(
            lambda tool_call: self._tools.call(name, arguments, tool_call),
            self._tools.executions.mask,
            self._new_deadline(),
            self._turns,
            client=self._client_of(ctx),
            can_ask=questions.can_be_asked(ctx),
            on_end=self._forget,
        )
        self._calls.add(call)
        return call

    async def _followed(
        self, ctx: Context, call: RunningCall
    ) -> types.CallToolResult | types.InputRequiredResult:
        steps = 0
        while True:
            event = await call.next_event()
            if isinstance(event, Progress):
                steps += 1
                await ctx.session.report_progress(steps, message=event.text)
            elif isinstance(event, Question):
                if questions.is_modern(ctx):
                    return self._questions.open(call, event)
                call.answer(event, await questions.elicited(ctx, event.text))
            elif isinstance(event, ToolResult):
                return _wire(event)

    def _forget(self, call: RunningCall) -> None:
        self._calls.discard(call)
        self._questions.forget(call)


async def _shielded(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Keep the text of a fault of ours to ourselves: the SDK sends it in the older revisions."""
    try:
        return await call_next(ctx)
    except Exception as error:
        if handler_exception_to_error_data(error) is not None:
            raise
        traceback.print_exc()
        raise MCPError(code=types.INTERNAL_ERROR, message="Internal server error") from None


def _local(_ctx: Context) -> Client:
    return LOCAL


def _wire(result: ToolResult) -> types.CallToolResult:
    links = [
        types.ResourceLink(
            name=each.name, uri=each.uri, mime_type="application/json", size=each.size_bytes
        )
        for each in result.links
    ]
    return types.CallToolResult(
        content=[types.TextContent(text=result.text), *links],
        structured_content=None if result.structured is None else dict(result.structured),
        is_error=result.is_error,
    )
