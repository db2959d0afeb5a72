"""The protocol's side of what a client can read: resources, their templates, completion."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import anyio.to_thread
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from kosmo_circleci.agent import questions
from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.resources import PAGE_TEMPLATE, RESULT_TEMPLATE, Resource, Resources
from kosmo_circleci.errors import KosmoError, UsageError

Context: TypeAlias = ServerRequestContext[Any, Any]

PAGES_FRESH_MS: Final = 3_600_000
"""How long a client may take a page, or the list of tools, for the newest."""

_NOT_FOUND: Final = -32002
"""An unknown resource, in the revisions up to 2025-11-25; later ones have INVALID_PARAMS."""


class Reading:
    """The handlers for resources. `client_of` tells who sent a request."""

    def __init__(self, resources: Resources, client_of: Callable[[Context], Client]) -> None:
        self._resources = resources
        self._client_of = client_of

    async def list_resources(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Answer `resources/list`, in one page."""
        refuse_cursor(params)
        listed = self._resources.list_for(self._client_of(ctx))
        return types.ListResourcesResult(resources=[_wire(each) for each in listed])

    async def list_templates(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Answer `resources/templates/list`, in one page."""
        refuse_cursor(params)
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    name="page",
                    title="A page of the documentation",
                    uri_template=PAGE_TEMPLATE,
                    mime_type="text/markdown",
                ),
                types.ResourceTemplate(
                    name="result",
                    title="A result that was too long to show, in ranges of bytes",
                    uri_template=RESULT_TEMPLATE,
                    mime_type="application/json",
                ),
            ]
        )

    async def read(
        self, ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Answer `resources/read`."""
        uri, client = str(params.uri), self._client_of(ctx)
        try:
            content = await anyio.to_thread.run_sync(self._resources.read, uri, client)
        except KosmoError as error:
            wrong_range = isinstance(error, UsageError)
            code = types.INVALID_PARAMS if wrong_range or questions.is_modern(ctx) else _NOT_FOUND
            raise MCPError(code=code, message=error.message, data={"uri": uri}) from None
        text = types.TextResourceContents(
            uri=params.uri, mime_type=content.mime_type, text=content.text
        )
        return types.ReadResourceResult(
            contents=[text],
            ttl_ms=PAGES_FRESH_MS if content.is_public else 0,
            cache_scope="public" if content.is_public else "private",
        )

    async def complete(self, ctx: Context, params: types.CompleteRequestParams) -> list[str]:
        """Return the names of pages that begin with what was typed."""
        if params.argument.name != "page":
            return []
        return self._resources.page_names(params.argument.value, self._client_of(ctx))


def refuse_cursor(params: types.PaginatedRequestParams | None) -> None:
    """Raise `MCPError` for a further page: every list has one."""
    if params is not None and params.cursor is not None:
        raise MCPError(code=types.INVALID_PARAMS, message="the list has one page, so no cursor")


def _wire(resource: Resource) -> types.Resource:
    return types.Resource(
        uri=resource.uri,
        name=resource.name,
        title=resource.title,
        mime_type=resource.mime_type,
        size=resource.size_bytes,
    )
