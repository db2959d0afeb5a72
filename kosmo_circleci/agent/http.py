"""The server over streamable HTTP: who may reach it, and whose token a request brings.

Nothing of one request is used for another: the client of a call is the token of its own POST. The
SDK holds a session of the older revisions to the credential that opened it.
"""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import anyio
import uvicorn
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kosmo_circleci.agent.clients import SHARED, Client, holder_of
from kosmo_circleci.agent.server import ToolServer
from kosmo_circleci.agent.serving import exit_code_of_signal

PATH: Final = "/mcp"

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")
_END_S: Final = 2
_NO_TOKEN: Final = (
    "This server needs a CircleCI token with each request: the header 'Circle-Token', or "
    "'Authorization: Bearer …'."
)


def client_of_request(shared: bool) -> Callable[[ServerRequestContext[Any, Any]], Client]:
    """Return what tells the client of a request: the holder of its token."""

    def client_of(ctx: ServerRequestContext[Any, Any]) -> Client:
        client = None if ctx.request is None else _client(ctx.request.headers, shared)
        if client is None:
            raise PermissionError(_NO_TOKEN)  # the gate has let no such request through
        return client

    return client_of


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; port 0 takes a free one. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # before its address is told: a client may connect at once
    except OSError:
        listener.close()
        raise
    return listener


def serve_http(server: ToolServer, listener: socket.socket, *, shared: bool) -> int:
    """Serve until a signal ends the process; return its exit code."""
    return anyio.run(_serve, server, listener, shared)


async def _serve(server: ToolServer, listener: socket.socket, shared: bool) -> int:
    for name in ("mcp", "uvicorn"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    config = uvicorn.Config(
        application(server, listener, shared=shared),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_END_S,
    )
    uvicorn_server, code = _Uvicorn(config), 0
    async with anyio.create_task_group() as group:

        async def watch_signals() -> None:
            nonlocal code
            code = await exit_code_of_signal()
            uvicorn_server.should_exit = True

        group.start_soon(watch_signals)
        try:
            await uvicorn_server.serve(sockets=[listener])
        finally:
            await server.close()
        group.cancel_scope.cancel()
    return code


class _Uvicorn(uvicorn.Server):
    """A server that leaves signals to us.

    By itself it raises one again in the end, and the process dies on the spot: with spans that are
    not sent yet, and with an exit code that another signal would give as well.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(server: ToolServer, listener: socket.socket, *, shared: bool) -> ASGIApp:
    """Return the ASGI application behind the gate that wants a token of every request."""
    host, port = listener.getsockname()[:2]
    # Exact names: a pattern such as "localhost:*" is a prefix to the SDK.
    names = {_bracketed(host), *_LOOPBACK}
    if host in _EVERY_ADDRESS:
        names |= _names_of_this_machine()
    security = TransportSecuritySettings(
        allowed_hosts=[f"{name}:{port}" for name in sorted(names)],
        allowed_origins=[f"http://{name}:{port}" for name in sorted(names)],
    )
    app = server.sdk.streamable_http_app(
        streamable_http_path=PATH, transport_security=security, host=host
    )
    return _Gate(AuthContextMiddleware(app), shared)


def _names_of_this_machine() -> set[str]:
    """Return the host name, and the addresses it resolves to."""
    name = socket.gethostname()
    try:
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(name, None)}
    except OSError:
        addresses = set()  # a name that only others know
    return {name, *map(_bracketed, addresses)}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class _Gate:
    """Refuses a request without a token, and tells the SDK whose request it is."""

    def __init__(self, app: ASGIApp, shared: bool) -> None:
        self._app = app
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = _client(Headers(scope=scope), self._shared)
        if client is None:
            answer = JSONResponse({"error": _NO_TOKEN}, 401, {"WWW-Authenticate": "Bearer"})
            await answer(scope, receive, send)
            return
        token = AccessToken(token=client.key, client_id=client.key, scopes=[])
        await self._app({**scope, "user": AuthenticatedUser(token)}, receive, send)


def _client(headers: Headers, shared: bool) -> Client | None:
    token = headers.get("circle-token", "").strip()
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = credentials.strip()
    if token:
        return holder_of(token)
    return SHARED if shared else None
