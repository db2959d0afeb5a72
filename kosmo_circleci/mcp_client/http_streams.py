"""The streams of the SDK to a server over HTTP, with statuses passed on and answers bounded."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from kosmo_circleci.mcp_client.launch import HttpLaunch
from kosmo_circleci.mcp_client.process import MAX_MESSAGE_BYTES

_CONNECT_S: Final = 30.0
_SILENCE_S: Final = 300.0


@contextlib.asynccontextmanager
async def http_streams(
    launch: HttpLaunch, refused: Callable[[int], None]
) -> AsyncIterator[tuple[Any, Any]]:
    """Connect; `refused` is called with the HTTP status of a message that was not accepted."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async def answered(response: Any) -> None:
        # The SDK keeps the status to itself. To GET, a server may well answer 405.
        if response.status_code >= 400 and response.request.method == "POST":
            refused(response.status_code)
        # An event stream has its own limit, for each event.
        if "event-stream" not in response.headers.get("content-type", ""):
            response.stream = _bounded_stream(response.stream)

    # As the SDK's own client: a server may keep a stream open for minutes without a word.
    timeout = httpx2.Timeout(_CONNECT_S, read=_SILENCE_S)
    client = httpx2.AsyncClient(
        headers=dict(launch.headers), timeout=timeout, event_hooks={"response": [answered]}
    )
    async with (
        client,
        streamable_http_client(
            launch.url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES
        ) as streams,
    ):
        yield streams[0], streams[1]


def _bounded_stream(stream: Any) -> Any:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MAX_MESSAGE_BYTES
            async for part in stream:
                left -= len(part)
                if left < 0:
                    raise httpx2.ReadError(
                        f"the answer is larger than {MAX_MESSAGE_BYTES >> 20} MiB"
                    )
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()


def is_transport_fault(error: BaseException) -> bool:
    """Say whether `error` is one of the connection, and not of the protocol."""
    import httpx2

    return isinstance(error, httpx2.HTTPError | OSError)
