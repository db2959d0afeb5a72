"""The server over streamable HTTP: whose token a call uses, and who is let in."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.http import PATH, application, client_of_request, listening_socket
from kosmo_circleci.agent.running_call import ActiveTime
from kosmo_circleci.agent.server import ToolServer

ERAS = ("legacy", "auto")
LOGIN = "return app.integrations.circleci.get_current_user().login"


class _Mock(BaseHTTPRequestHandler):
    """A CircleCI whose user is called like the token that was sent."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers["Circle-Token"])
        body = b'{"id": "x", "login": "%s", "name": "x"}' % self.headers["Circle-Token"].encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def circleci(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A CircleCI on loopback, which the server's default account names; the tokens it saw."""
    _Mock.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Mock) as mock:
        thread = threading.Thread(target=mock.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("CIRCLECI_BASE_URL", f"http://127.0.0.1:{mock.server_port}")
        monkeypatch.setenv("CIRCLECI_TOKEN", "token-of-the-server")
        monkeypatch.setenv("CIRCLECI_TOKEN_WORK", "token-of-work")
        yield _Mock.seen
        mock.shutdown()
        thread.join()


@contextlib.asynccontextmanager
async def serving(*, shared: bool = False) -> AsyncIterator[str]:
    """Yield the address of a running server."""
    tools = CodeTools(Executions(ServeOptions()))
    server = ToolServer(tools, lambda: ActiveTime(60), client_of=client_of_request(shared))
    listener = listening_socket("127.0.0.1", 0)
    config = uvicorn.Config(application(server, listener, shared=shared), log_config=None)
    http = uvicorn.Server(config)
    task = asyncio.create_task(http.serve(sockets=[listener]))
    while not http.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
    finally:
        http.should_exit = True
        await task
        await server.close()


async def call(address: str, era: Any, headers: dict[str, str], *arguments: Any) -> list[Any]:
    """Return what `execute_lua` answers to each of `arguments`, in one conversation."""
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode=era) as client,
    ):
        results = [await client.call_tool("execute_lua", each) for each in arguments]
    return [each.structured_content for each in results]


@pytest.mark.parametrize("era", ERAS)
def test_each_call_uses_the_token_of_its_own_request(circleci: list[str], era: str) -> None:
    async def work() -> Any:
        async with serving() as address:
            arguments = [{"code": LOGIN}] * 10
            return await asyncio.gather(
                call(address, era, {"Circle-Token": "token-of-ann"}, *arguments),
                call(address, era, {"Authorization": "Bearer token-of-bob"}, *arguments),
            )

    answers = asyncio.run(asyncio.wait_for(work(), 90))
    # A run masks its own token: another one would be shown.
    assert [[each["result"] for each in own] for own in answers] == [["***"] * 10] * 2
    assert sorted(circleci) == ["token-of-ann"] * 10 + ["token-of-bob"] * 10


def test_the_servers_own_accounts_are_not_lent(circleci: list[str]) -> None:
    async def work() -> Any:
        async with serving() as address:
            arguments = {"code": LOGIN, "account": "work"}
            return await call(address, "auto", {"Circle-Token": "token-of-ann"}, arguments)

    (answer,) = asyncio.run(asyncio.wait_for(work(), 60))
    assert (answer["error_type"], answer["call_count"]) == ("configuration", 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic abc"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Circle-Token": "t", "Host": "evil.example"}, 421),
        ({"Circle-Token": "t", "Host": "127.0.0.1:1"}, 421),
        ({"Circle-Token": "t", "Origin": "https://evil.example"}, 403),
    ],
)
def test_a_request_without_a_token_or_from_elsewhere_is_refused(
    headers: dict[str, str], status: int
) -> None:
    async def work() -> int:
        async with serving() as address, httpx2.AsyncClient() as http:
            accept = {"Accept": "application/json, text/event-stream"}
            message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            return (await http.post(address, json=message, headers=accept | headers)).status_code

    assert asyncio.run(asyncio.wait_for(work(), 60)) == status


def test_a_shared_token_serves_clients_that_bring_none(circleci: list[str]) -> None:
    async def work() -> Any:
        async with serving(shared=True) as address:
            return await call(address, "auto", {}, {"code": LOGIN})

    (answer,) = asyncio.run(asyncio.wait_for(work(), 60))
    assert (answer["success"], answer["result"]) == (True, "***")
    assert circleci == ["token-of-the-server"]
