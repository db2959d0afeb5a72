"""The protocol's side of prompts: lists, messages, and completion of their arguments."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import anyio.to_thread
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.prompts import Prompt, Prompts
from kosmo_circleci.agent.reading import refuse_cursor
from kosmo_circleci.errors import KosmoError

Context: TypeAlias = ServerRequestContext[Any, Any]

_NO_OTHERS: Final[Mapping[str, str]] = {}


class Prompting:
    """The handlers for prompts. `client_of` tells who sent a request."""

    def __init__(self, prompts: Prompts, client_of: Callable[[Context], Client]) -> None:
        self._prompts = prompts
        self._client_of = client_of

    async def list_prompts(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """Answer `prompts/list`, in one page."""
        refuse_cursor(params)
        listed = await anyio.to_thread.run_sync(self._prompts.list_for, self._client_of(ctx))
        return types.ListPromptsResult(prompts=[_wire(each) for each in listed])

    async def get(
        self, ctx: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """Answer `prompts/get`."""
        client, arguments = self._client_of(ctx), params.arguments or {}
        try:
            text = await anyio.to_thread.run_sync(
                self._prompts.text, params.name, arguments, client
            )
        except KosmoError as error:
            raise MCPError(code=types.INVALID_PARAMS, message=error.message) from None
        message = types.PromptMessage(role="user", content=types.TextContent(text=text))
        return types.GetPromptResult(messages=[message])

    async def complete(self, ctx: Context, params: types.CompleteRequestParams) -> list[str]:
        """Return the values of an argument of a prompt; what is unknown has none."""
        context = params.context
        others = (context.arguments if context is not None else None) or _NO_OTHERS
        client = self._client_of(ctx)

        def values() -> list[str]:
            argument = params.argument
            name = str(getattr(params.ref, "name", ""))
            return self._prompts.complete(name, argument.name, argument.value, others, client)

        try:
            return await anyio.to_thread.run_sync(values)
        except KosmoError:
            return []


def _wire(prompt: Prompt) -> types.Prompt:
    return types.Prompt(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description or None,
        arguments=[
            types.PromptArgument(
                name=each.name, description=each.description or None, required=each.required
            )
            for each in prompt.arguments
        ],
    )
