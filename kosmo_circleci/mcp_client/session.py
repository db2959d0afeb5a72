"""The conversation with one MCP server, on the official SDK.

Everything here runs on the event loop of `servers.py`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.mcp_client import faults
from kosmo_circleci.mcp_client.http_streams import http_streams, is_transport_fault
from kosmo_circleci.mcp_client.launch import HttpLaunch, Launch, StdioLaunch, Timeouts
from kosmo_circleci.mcp_client.process import ServerProcess
from kosmo_circleci.mcp_client.results import ServerError
from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from mcp.client.session import ClientSession

MAX_PAGES: Final = 100

CLOSE_S: Final = 1.6
"""How long a server gets to end before it is killed."""

_NO_SUCH_METHOD: Final = -32601
_UNSUPPORTED_VERSION: Final = -32022
_CLOSED: Final = -32000


class Connection:
    """One server: the task that owns its session, and the requests to it. Lives on the loop."""

    def __init__(self, launch: Launch, timeouts: Timeouts) -> None:
        self._launch = launch
        self._start_s = timeouts.start_s
        self._call_s = launch.timeout_s or timeouts.call_s
        self._loop = asyncio.get_running_loop()
        self._process: ServerProcess | None = None
        self._session: ClientSession | None = None
        self._refused: int | None = None
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._stop = asyncio.Event()
        self._task = self._loop.create_task(self._live())

    @property
    def ended(self) -> bool:
        """True once no further request can reach the server."""
        return self._task.done() or self._gone.is_set()

    async def request(self, method: str, params: Mapping[str, Any]) -> JsonValue:
        """Return the result of one request; raises as `Servers.request` does."""
        await asyncio.shield(self._ready)
        assert self._session is not None
        work = self._loop.create_task(_REQUESTS[method](self._session, dict(params)))
        gone = self._loop.create_task(self._gone.wait())
        try:
            await asyncio.wait(
                {work, gone}, timeout=self._call_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not work.done() and self._gone.is_set():
                # The answer may have arrived just before the end.
                await asyncio.wait({work}, timeout=0.2)
            if not work.done():
                if self._gone.is_set():
                    raise await self._death()
                raise faults.too_slow(self._name, method, self._call_s)
            answer: JsonValue = work.result()
            return answer
        except KosmoError:
            raise
        except Exception as error:
            raise await self._fault(error) from None
        finally:
            work.cancel()
            gone.cancel()

    async def stop(self) -> None:
        """End the conversation and the server."""
        self._stop.set()
        with contextlib.suppress(BaseException):
            await asyncio.wait({self._task}, timeout=CLOSE_S)

    def kill(self) -> None:
        """End the server without the loop, from any thread."""
        if self._process is not None:
            self._process.stop()

    async def _live(self) -> None:
        try:
            await self._hold_session()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(await self._start_fault(error))
        finally:
            self._gone.set()
            if not self._ready.done():
                self._ready.set_exception(faults.stopped(self._name))
            self._ready.exception()  # marks it as retrieved: there may be no waiter

    async def _hold_session(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            if isinstance(self._launch, StdioLaunch):
                # Before the SDK is imported, which takes a second: both start side by side.
                self._process = ServerProcess(self._launch)
                stack.push_async_callback(self._end_process, self._process)
            _load_sdk(self._name)
            from mcp.client.session import ClientSession
            from mcp_types import Implementation

            reading, writing = await stack.enter_async_context(self._streams())
            info = Implementation(name="kosmo-circleci", version=__version__)
            session = ClientSession(reading, writing, client_info=info)
            self._session = await stack.enter_async_context(session)
            handshake = self._loop.create_task(_shake_hands(session))
            gone = self._loop.create_task(self._gone.wait())
            stop = self._loop.create_task(self._stop.wait())
            try:
                await asyncio.wait(
                    {handshake, gone, stop},
                    timeout=self._start_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not handshake.done():
                    raise await self._no_handshake()
                handshake.result()
                self._ready.set_result(None)
                await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (handshake, gone, stop):
                    task.cancel()

    def _streams(self) -> Any:
        if isinstance(self._launch, HttpLaunch):
            return http_streams(self._launch, self._note_status)
        assert self._process is not None
        return self._stdio_streams(self._process)

    async def _end_process(self, process: ServerProcess) -> None:
        await asyncio.shield(asyncio.to_thread(process.stop))

    def _note_status(self, status: int) -> None:
        self._refused = status

    @contextlib.asynccontextmanager
    async def _stdio_streams(self, process: ServerProcess) -> AsyncIterator[tuple[Any, Any]]:
        import anyio
        from mcp.shared.message import SessionMessage

        incoming, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        writing, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        loop = self._loop

        def take(line: bytes) -> None:
            message = _message(line)
            if message is not None:
                # Waiting until it is received slows down a server that floods.
                _put(loop, incoming.send(message))

        def end() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._gone.set)

        async def write() -> None:
            async for each in outgoing:
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    await asyncio.to_thread(process.write, text.encode())
                except (OSError, ValueError):
                    self._gone.set()
                    return

        process.read_lines(take, end)
        writer = self._loop.create_task(write())
        try:
            yield reading, writing
        finally:
            for stream in (incoming, reading, writing, outgoing):
                stream.close()
            writer.cancel()

    @property
    def _name(self) -> str:
        return self._launch.name

    async def _death(self) -> KosmoError:
        how, words = "closed the connection", ""
        if self._process is not None:
            how = await asyncio.to_thread(self._process.how_it_ended)
            words = self._process.last_words()
        return faults.ended(self._name, how, words, starting=not self._ready.done())

    async def _fault(self, error: Exception) -> KosmoError:
        from mcp.shared.exceptions import MCPError

        cause = faults.innermost(error)
        if isinstance(cause, KosmoError):
            return cause
        if isinstance(cause, MCPError) and not (cause.code == _CLOSED and self._closed_by(cause)):
            status, self._refused = self._refused, None
            return faults.refused(self._launch, status, cause.code, cause.message, cause.data)
        if isinstance(cause, MCPError) or self._gone.is_set():
            return await self._death()
        if isinstance(self._launch, HttpLaunch) and is_transport_fault(cause):
            return faults.unreachable(self._launch, cause)
        return faults.not_allowed(self._name, cause)

    def _closed_by(self, error: Any) -> bool:
        # The SDK's own words; a server may use the code as well.
        return self._gone.is_set() or error.message == "Connection closed"

    async def _no_handshake(self) -> KosmoError:
        if self._gone.is_set():
            return await self._death()
        if self._stop.is_set():
            return faults.stopped(self._name)
        words = self._process.last_words() if self._process is not None else ""
        return faults.too_slow_to_start(self._name, self._start_s, words)

    async def _start_fault(self, error: BaseException) -> KosmoError:
        cause = faults.innermost(error)
        fault = await self._fault(cause if isinstance(cause, Exception) else Exception(str(cause)))
        if isinstance(fault, ServerError):
            fault.message = f"{fault.message} (while it was started)"
        return fault


def _put(loop: asyncio.AbstractEventLoop, sending: Any) -> None:
    try:
        asyncio.run_coroutine_threadsafe(sending, loop).result()
    except BaseException:
        sending.close()
        # The session is gone; the rest of the output has no reader.
        raise OSError("the session has ended") from None


def _message(line: bytes) -> Any:
    """Return a line as the SDK's message, or None for any other output: a banner, a log line."""
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    if not line.strip():
        return None
    try:
        value = jsonvalue.decode(line)
        return SessionMessage(jsonrpc_message_adapter.validate_python(value, by_name=False))
    except (JsonError, ValueError):
        return None


async def _shake_hands(session: "ClientSession") -> None:
    """Agree on a protocol version: the handshake every server knows, then the newer way.

    The order is the reverse of the SDK's own `mode="auto"`, because servers exist that end, or
    never answer, when anything comes before `initialize`.
    """
    from mcp.shared.exceptions import MCPError

    try:
        await session.initialize()
    except MCPError as error:
        if error.code not in (_NO_SUCH_METHOD, _UNSUPPORTED_VERSION):
            raise
        await session.discover()


def _load_sdk(name: str) -> None:
    # It logs what a server does wrong. That reaches the caller as an error; without a handler of
    # the program's own, Python would write it to stderr as well.
    for logger in ("mcp", "client"):
        logging.getLogger(logger).addHandler(logging.NullHandler())
    try:
        import mcp.client.session  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"The MCP server '{name}' needs the MCP package 2.3 or later; what is installed "
            f"cannot be used ({error}). Run: pip install 'kosmo-circleci[mcp]'"
        ) from None


async def _pages(key: str, page_of: Callable[[Any], Awaitable[Any]]) -> JsonValue:
    from mcp_types import PaginatedRequestParams

    items: list[JsonValue] = []
    seen: set[str] = set()
    params: Any = None
    for _ in range(MAX_PAGES):
        page: Any = _dump(await page_of(params))
        items += page.get(key, [])
        cursor = page.get("nextCursor")
        if not cursor:
            return items
        if cursor in seen:
            raise RuntimeError(f"the page cursor did not advance: {cursor!r}")
        seen.add(cursor)
        params = PaginatedRequestParams(cursor=cursor)
    raise RuntimeError(f"the list has more than {MAX_PAGES} pages")


def _dump(result: Any) -> JsonValue:
    value: JsonValue = result.model_dump(by_alias=True, mode="json", exclude_unset=True)
    return value


async def _list_tools(session: "ClientSession", _params: dict[str, Any]) -> JsonValue:
    return await _pages("tools", lambda page: session.list_tools(params=page))


async def _list_resources(session: "ClientSession", _params: dict[str, Any]) -> JsonValue:
    return await _pages("resources", lambda page: session.list_resources(params=page))


async def _list_prompts(session: "ClientSession", _params: dict[str, Any]) -> JsonValue:
    return await _pages("prompts", lambda page: session.list_prompts(params=page))


async def _call_tool(session: "ClientSession", params: dict[str, Any]) -> JsonValue:
    meta = params.get("meta")
    return _dump(await session.call_tool(params["name"], params["arguments"], meta=meta))


async def _read_resource(session: "ClientSession", params: dict[str, Any]) -> JsonValue:
    return _dump(await session.read_resource(params["uri"]))


async def _get_prompt(session: "ClientSession", params: dict[str, Any]) -> JsonValue:
    return _dump(await session.get_prompt(params["name"], params["arguments"]))


_Request = Callable[["ClientSession", dict[str, Any]], Coroutine[Any, Any, JsonValue]]
_REQUESTS: Final[dict[str, _Request]] = {
    "tools/list": _list_tools,
    "tools/call": _call_tool,
    "resources/list": _list_resources,
    "resources/read": _read_resource,
    "prompts/list": _list_prompts,
    "prompts/get": _get_prompt,
}
