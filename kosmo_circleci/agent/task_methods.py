"""The protocol's side of tasks: who can have one, and the methods `tasks/*`.

The revision 2025-11-25 has them in its core: the client asks for a task with the call, and comes
for the result with `tasks/result`. In 2026-07-28 they are the extension `io.modelcontextprotocol/
tasks` (SEP-2663): the server decides, and `tasks/get` brings the result and the questions. The SDK
has the types of the former and carries out neither.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from kosmo_circleci.agent import questions
from kosmo_circleci.agent import task_shapes as shapes
from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.running_call import Question, RunningCall
from kosmo_circleci.agent.tasks import Task, TaskLimits, Tasks
from kosmo_circleci.agent.tool_result import ToolResult
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.run.listener import Consent

Context: TypeAlias = ServerRequestContext[Any, Any]
Start: TypeAlias = Callable[[Context, types.CallToolRequestParams], RunningCall]
Wire: TypeAlias = Callable[[ToolResult], types.CallToolResult]


class UpdateTaskParams(types.RequestParams):
    """What `tasks/update` brings: answers by the keys under which `tasks/get` showed questions."""

    task_id: str
    input_responses: types.InputResponses


class TaskMethods:
    """The handlers of `tasks/*`. `start` begins a call, `wire` gives its result as the SDK's."""

    def __init__(
        self, limits: TaskLimits, client_of: Callable[[Context], Client], start: Start, wire: Wire
    ) -> None:
        self.tasks: Final = Tasks(limits)
        self._kept_s = limits.kept_s
        self._client_of = client_of
        self._start, self._wire = start, wire

    def register(self, sdk: "Server[Any]") -> None:
        """Serve the methods, and the calls that ask for a task, with `sdk`."""
        one = types.GetTaskRequestParams
        sdk.add_request_handler("tasks/get", one, self._get)
        sdk.add_request_handler("tasks/result", one, self._result)
        sdk.add_request_handler("tasks/cancel", one, self._cancel)
        sdk.add_request_handler("tasks/update", UpdateTaskParams, self._update)
        sdk.add_request_handler("tasks/list", types.PaginatedRequestParams, self._list)
        sdk.extensions[shapes.EXTENSION] = {}
        # The SDK's schema of the answer to `tools/call` knows no task, its capabilities neither.
        sdk.middleware.append(self._intercept)

    def wait_s(self, ctx: Context) -> float | None:
        """Return how long a call is waited for before it becomes a task; None means to the end."""
        modern = questions.is_modern(ctx) and _declares_tasks(ctx)
        return self.tasks.limits.after_s if modern else None

    def adopt(self, ctx: Context, call: RunningCall) -> dict[str, Any] | None:
        """Make a call a task and return the answer that says so; None where there is no room."""
        if not self.tasks.has_room(self._client_of(ctx).key):
            return None
        return shapes.created(self._made(ctx, call), self._kept_s)

    async def _intercept(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method == "initialize":
            return shapes.with_capability(await call_next(ctx))
        params = ctx.params or {}
        asks = ctx.method == "tools/call" and isinstance(params.get("task"), Mapping)
        if not (asks and ctx.protocol_version == shapes.WITH_TASKS and ctx.session.client_params):
            return await call_next(ctx)
        call_params = types.CallToolRequestParams.model_validate(params, by_name=False)
        if not self.tasks.has_room(self._client_of(ctx).key):
            raise MCPError(
                code=types.INVALID_REQUEST,
                message="Too many tasks are running. Wait for one to end, or cancel one.",
            )
        task = self._made(ctx, self._start(ctx, call_params))
        # Without `content` the SDK's own client takes no answer to `tools/call`.
        return {"task": self._shown(task), "content": []}

    def _made(self, ctx: Context, call: RunningCall) -> Task:
        call.become_task(self.tasks.limits.run_s)
        # Over HTTP a question needs a request of the client to travel on.
        duplex = ctx.request is None and not questions.is_modern(ctx)
        task = Task(
            call,
            self._client_of(ctx).key,
            _asking(ctx) if duplex else None,
            self._telling(ctx),
        )
        self.tasks.add(task)
        return task

    def _telling(self, ctx: Context) -> Callable[[Task], Awaitable[None]]:
        steps = 0

        async def tell(task: Task) -> None:
            nonlocal steps
            steps += 1
            token = (ctx.meta or {}).get("progress_token")
            with contextlib.suppress(Exception):  # the stream is closed: the client polls
                if not task.running or task.question is not None:
                    status = types.TaskStatusNotificationParams.model_validate(self._shown(task))
                    notification: Any = types.TaskStatusNotification(params=status)
                    await ctx.session.send_notification(notification)
                elif token is not None:
                    await ctx.session.send_progress_notification(token, steps, None, task.message)

        async def tell_no_one(_task: Task) -> None:
            pass

        return tell if ctx.protocol_version == shapes.WITH_TASKS else tell_no_one

    def _find(self, ctx: Context, task_id: str) -> Task:
        _require_tasks(ctx)
        try:
            return self.tasks.find(task_id, self._client_of(ctx).key)
        except ValidationError as error:
            raise MCPError(code=types.INVALID_PARAMS, message=error.message) from None

    async def _get(self, ctx: Context, params: types.GetTaskRequestParams) -> HandlerResult:
        task = self._find(ctx, params.task_id)
        if not questions.is_modern(ctx):
            return self._shown(task)
        result = None if task.result is None else self._wire(task.result)
        return shapes.detailed(task, self._kept_s, result)

    async def _result(self, ctx: Context, params: types.GetTaskRequestParams) -> HandlerResult:
        task = self._find(ctx, params.task_id)
        while task.result is None:
            question = None if questions.is_modern(ctx) else task.claim()
            if question is None:
                await task.wait()
            else:
                await _ask_here(ctx, task, question)
        result = shapes.dumped(self._wire(task.result))
        return {**result, "_meta": {questions.RELATED_TASK: {"taskId": task.task_id}}}

    async def _cancel(self, ctx: Context, params: types.GetTaskRequestParams) -> HandlerResult:
        task = self._find(ctx, params.task_id)
        modern = questions.is_modern(ctx)
        if not modern and (not task.running or task.cancelled):
            raise MCPError(
                code=types.INVALID_PARAMS,
                message=f"The task cannot be cancelled: it is {task.status} already.",
            )
        task.cancel()
        return {} if modern else self._shown(task)

    async def _update(self, ctx: Context, params: UpdateTaskParams) -> HandlerResult:
        task = self._find(ctx, params.task_id)
        question = task.question
        if question is not None and shapes.key(question) in params.input_responses:
            response = params.input_responses[shapes.key(question)]
            task.answer(question, questions.consent_of(response))
        return {}

    async def _list(self, ctx: Context, params: types.PaginatedRequestParams) -> HandlerResult:
        _require_tasks(ctx)
        if params.cursor is not None:
            raise MCPError(code=types.INVALID_PARAMS, message="the list has one page, so no cursor")
        return {"tasks": [self._shown(each) for each in self.tasks.of(self._client_of(ctx).key)]}

    def _shown(self, task: Task) -> dict[str, Any]:
        return shapes.task(task, self._kept_s)


def _asking(ctx: Context) -> Callable[[Task, Question], Awaitable[Consent]]:
    async def ask(task: Task, question: Question) -> Consent:
        return await questions.elicited(ctx, question.text, task_id=task.task_id, apart=True)

    return ask


async def _ask_here(ctx: Context, task: Task, question: Question) -> None:
    """Put a question to the user on the request of `ctx`; given up with it, it is asked again."""
    try:
        task.answer(question, await questions.elicited(ctx, question.text, task_id=task.task_id))
    finally:
        task.release(question)


def _declares_tasks(ctx: Context) -> bool:
    capabilities = ctx.session.client_capabilities
    return capabilities is not None and shapes.EXTENSION in (capabilities.extensions or {})


def _require_tasks(ctx: Context) -> None:
    if questions.is_modern(ctx):
        if not _declares_tasks(ctx):
            needed = types.ClientCapabilities(extensions={shapes.EXTENSION: {}})
            data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
            raise MCPError(
                code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
                message=f"The client does not declare the extension {shapes.EXTENSION}.",
                data=shapes.dumped(data),
            )
    elif ctx.protocol_version != shapes.WITH_TASKS:
        raise MCPError(code=types.METHOD_NOT_FOUND, message="Method not found", data=ctx.method)
