"""`kosmo mcp:serve`: a script's run belongs to the request that asked for it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import httpx2
import pytest
from collector import Api, Collector, SentSpan
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

C: Final = "local c = app.integrations.circleci "
CODE: Final = C + "return c.get_current_user().login"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


def trace(number: int) -> tuple[str, str]:
    """Return the trace and the span of client number so and so."""
    return f"{number:032x}", f"{number:016x}"


def meta(number: int) -> Any:
    """Return `_meta` with the parent of that client."""
    return {"traceparent": "00-{}-{}-01".format(*trace(number))}


def served(
    work: Callable[[Client], Awaitable[Any]],
    collector: Collector,
    *options: str,
    era: Any = "auto",
    **env: str,
) -> Any:
    """Return what `work` did with a server that sends its spans to the collector."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "kosmo_circleci", "mcp:serve", *options],
        env=os.environ | {ENDPOINT: collector.origin} | env,
    )

    async def run() -> Any:
        async with Client(stdio_client(server), read_timeout_seconds=20, mode=era) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(run(), 40))


def chains(collector: Collector) -> list[list[SentSpan]]:
    """Return request of the client, run and request to CircleCI, for each of the last."""
    spans = {each.span: each for each in collector.spans()}
    calls = [each for each in spans.values() if each.name == "GET /me"]
    return [[spans[spans[call.parent].parent], spans[call.parent], call] for call in calls]


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_runs_belong_to_the_requests_that_asked_for_them(era: str, collector: Collector) -> None:
    async def work(client: Client) -> None:
        arguments = ({"code": CODE}, {"code": CODE, "session": "s"}, {"code": CODE, "session": "s"})
        for number, each in enumerate(arguments, 1):
            await client.call_tool("execute_lua", each, meta=meta(number))
        await asyncio.gather(
            *(client.call_tool("execute_lua", {"code": CODE}, meta=meta(n)) for n in range(4, 8))
        )

    served(work, collector, "--simulate", era=era)
    found = chains(collector)
    assert [[each.name for each in chain] for chain in found] == [
        ["tools/call execute_lua", "run script", "GET /me"]
    ] * 7
    assert sorted((chain[0].trace, chain[0].parent) for chain in found) == [
        trace(n) for n in range(1, 8)
    ]
    assert all(len({each.trace for each in chain}) == 1 for chain in found)


def test_without_meta_the_environment_has_the_parent(collector: Collector) -> None:
    async def work(client: Client) -> None:
        await client.call_tool("execute_lua", {"code": CODE})

    served(work, collector, "--simulate", TRACEPARENT=meta(9)["traceparent"])
    ((request, _, call),) = chains(collector)
    assert (request.trace, request.parent, call.trace) == (*trace(9), trace(9)[0])


def test_the_api_is_told_the_trace_of_each_script_of_a_session(
    collector: Collector, api: Api
) -> None:
    async def work(client: Client) -> None:
        for number in (1, 2):
            each = {"code": CODE, "session": "s"}
            await client.call_tool("execute_lua", each, meta=meta(number))

    served(work, collector)
    sent = [call.headers["traceparent"].split("-")[1:3] for call in api.calls]
    assert sent == [[call.trace, call.span] for _, _, call in chains(collector)]
    assert [trace_id for trace_id, _ in sent] == [trace(1)[0], trace(2)[0]]


def test_nothing_that_a_client_wrote_is_sent(collector: Collector) -> None:
    async def work(client: Client) -> None:
        await client.call_tool("execute_lua", {"code": "error('hunter2')"})
        await client.call_tool("execute_lua", {"code": CODE, "account": "hunter2"})
        await client.call_tool("execute_lua", {"code": CODE, "hunter2": "hunter2"})
        await client.call_tool("lua_read_doc", {"page": "hunter2"})
        with pytest.raises(Exception, match="hunter2"):
            await client.read_resource("kosmo://results/hunter2")

    served(work, collector, "--simulate")
    assert len(collector.spans()) > 6
    assert b"hunter2" not in b"".join(collector.bodies)


@contextlib.asynccontextmanager
async def over_http(url: str, token: str) -> AsyncIterator[Client]:
    """Yield a client with a token of its own, as one header of each request."""
    async with (
        httpx2.AsyncClient(headers={"Circle-Token": token}) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=20) as client,
    ):
        yield client


def test_over_http_each_request_has_its_own_trace_and_sigterm_loses_none(
    collector: Collector, api: Api
) -> None:
    async def work(url: str) -> None:
        async with over_http(url, "token-of-a") as a, over_http(url, "token-of-b") as b:
            turns = ((a, 10), (b, 11), (a, 20), (b, 21), (a, 30), (b, 31))
            await asyncio.gather(
                *(
                    client.call_tool("execute_lua", {"code": CODE}, meta=meta(number))
                    for client, number in turns
                )
            )

    process = subprocess.Popen(
        [sys.executable, "-m", "kosmo_circleci", "mcp:serve", "--http", "0"],
        env=os.environ | {ENDPOINT: collector.origin},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[-1]
            asyncio.run(asyncio.wait_for(work(url), 40))
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    found = chains(collector)
    numbers = (10, 11, 20, 21, 30, 31)
    assert sorted((chain[0].trace, chain[0].parent) for chain in found) == [
        trace(number) for number in numbers
    ]
    assert sorted(call.headers["traceparent"].split("-")[1] for call in api.calls) == [
        trace(number)[0] for number in numbers
    ]
    assert b"token-of" not in b"".join(collector.bodies)
