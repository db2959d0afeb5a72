"""The server over streamable HTTP: whose token a call uses, and who is let in."""

import asyncio
import contextlib
import itertools
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import uvicorn
from mcp.client.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, InputRequiredResult, PromptReference, Request, Result
from pydantic import ConfigDict

from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.http import PATH, application, client_of_request, listening_socket
from kosmo_circleci.agent.running_call import ActiveTime
from kosmo_circleci.agent.server import ToolServer
from kosmo_circleci.agent.task_shapes import EXTENSION
from kosmo_circleci.agent.tasks import DEFAULT_LIMITS, TaskLimits
from kosmo_circleci.agent.workflows import WorkflowSource
from kosmo_circleci.files.trust import TrustFile
from kosmo_circleci.workflows.library import Library

ERAS = ("legacy", "auto")
LOGIN = "return app.integrations.circleci.get_current_user().login"


class _Mock(BaseHTTPRequestHandler):
    """A CircleCI whose user is called like the token that was sent."""

    seen: list[str]

    def do_GET(self) -> None:
        token = self.headers["Circle-Token"]
        self.seen.append(token)
        user = {"id": "x", "login": token, "name": "x"}
        projects = {"items": [{"slug": f"gh/{token}/web"}], "next_page_token": None}
        body = json.dumps(projects if "/projects" in self.path else user).encode()
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


class Anything(Result):
    """Whatever a method answers."""

    model_config = ConfigDict(extra="allow")


class TaskCreated(Anything):
    """A call that became a task."""

    result_type: Literal["task"] = "task"  # type: ignore[assignment]
    taskId: str


class TaskExtension(ClientExtension):
    """Declares tasks."""

    identifier = EXTENSION

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskCreated, resolve=self._resolve)]

    async def _resolve(self, _created: TaskCreated, _context: ClaimContext) -> Any:
        raise AssertionError("the tests poll by themselves")


async def nobody(_context: Any, _params: Any) -> ElicitResult:
    """A user who is never asked: the test answers."""
    raise AssertionError


@contextlib.asynccontextmanager
async def client_of(
    address: str, token: str, era: Any, user: Any = nobody
) -> AsyncIterator[Client]:
    """Yield a client with that token, which knows tasks and has a user."""
    async with (
        httpx2.AsyncClient(headers={"Circle-Token": token}, timeout=60) as http,
        Client(
            streamable_http_client(address, http_client=http),
            mode=era,
            elicitation_callback=user,
            extensions=[TaskExtension()],
        ) as client,
    ):
        yield client


COUNT = "--- Count.\n-- @arg project string  The project.\nreturn 1\n"


@contextlib.asynccontextmanager
async def serving(
    *,
    shared: bool = False,
    write: Any = "deny",
    task_limits: TaskLimits = DEFAULT_LIMITS,
    bound: str = "127.0.0.1",
) -> AsyncIterator[str]:
    """Yield the address of a running server, whose one workflow is `count`."""
    folder = Path.home() / "shipped"
    folder.mkdir()
    (folder / "count.lua").write_text(COUNT)
    nobody_trusted = TrustFile(folder / "trust.json", "workflows", "")
    source = WorkflowSource(lambda: Library([("shipped", folder)], nobody_trusted))
    tools = CodeTools(Executions(ServeOptions(write), source))
    server = ToolServer(
        tools,
        lambda: ActiveTime(60),
        client_of=client_of_request(shared),
        task_limits=task_limits,
    )
    listener = listening_socket(bound, 0)
    config = uvicorn.Config(application(server, listener, shared=shared), log_config=None)
    http = uvicorn.Server(config)
    task = asyncio.create_task(http.serve(sockets=[listener]))
    while not http.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://{bound}:{listener.getsockname()[1]}{PATH}"
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
def test_each_of_200_interleaved_calls_uses_the_token_of_its_own_request(
    circleci: list[str], era: str
) -> None:
    # Sessions of each client: a script in one starts no process, so that 200 calls are quick.
    async def work() -> Any:
        async with serving() as address:
            arguments = [{"code": LOGIN, "session": f"s{n % 2}"} for n in range(50)]
            ann, bob = {"Circle-Token": "token-of-ann"}, {"Authorization": "Bearer token-of-bob"}
            return await asyncio.gather(
                *(call(address, era, headers, *arguments) for headers in [ann, bob] * 2)
            )

    answers = asyncio.run(asyncio.wait_for(work(), 120))
    # A run masks its own token: another one would be shown.
    assert [[each["result"] for each in own] for own in answers] == [["***"] * 50] * 4
    assert sorted(circleci) == ["token-of-ann"] * 100 + ["token-of-bob"] * 100
    # They were interleaved, not one client after the other.
    changes = sum(one != next_one for one, next_one in itertools.pairwise(circleci))
    assert changes > 10


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


@pytest.mark.parametrize("era", ERAS)
def test_a_completion_uses_the_token_of_its_own_request(circleci: list[str], era: Any) -> None:
    async def complete(address: str, token: str) -> list[str]:
        headers = {"Circle-Token": token}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(address, http_client=http), mode=era) as client,
        ):
            reference = PromptReference(name="count")
            found = await client.complete(reference, {"name": "project", "value": ""})
            return found.completion.values

    async def work() -> Any:
        async with serving() as address:
            tokens = ("token-of-ann", "token-of-bob", "token-of-ann")
            return [await complete(address, token) for token in tokens]

    answers = asyncio.run(asyncio.wait_for(work(), 60))
    # The third one is the first one's, from a minute's memory.
    assert answers == [["gh/token-of-ann/web"], ["gh/token-of-bob/web"], ["gh/token-of-ann/web"]]
    assert circleci == ["token-of-ann", "token-of-bob"]


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """Send a request the SDK's client has no method for, and return its answer as JSON."""
    request: Any = Request[dict[str, Any], str](method=method, params=params)
    answer = await client.session.send_request(request, Anything)
    return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


@pytest.mark.parametrize("era", ERAS)
def test_a_task_is_found_with_the_token_that_made_it_alone(circleci: list[str], era: Any) -> None:
    async def work() -> Any:
        async with (
            serving(task_limits=TaskLimits(after_s=0.0)) as address,
            client_of(address, "token-of-ann", era) as ann,
            client_of(address, "token-of-bob", era) as bob,
        ):
            call = {"name": "execute_lua", "arguments": {"code": LOGIN}}
            if era == "legacy":
                task_id = (await ask(ann, "tools/call", **call, task={}))["task"]["taskId"]
            else:
                task_id = (await ann.session.call_tool(**call, allow_claimed=True)).taskId  # type: ignore
            with pytest.raises(MCPError, match="Unknown task"):
                await ask(bob, "tasks/result", taskId=task_id)
            return await ask(ann, "tasks/result", taskId=task_id)

    result = asyncio.run(asyncio.wait_for(work(), 60))
    assert (result["structuredContent"]["result"], circleci) == ("***", ["token-of-ann"])


def test_a_task_asks_on_the_request_that_waits_for_its_result(circleci: list[str]) -> None:
    asked = []

    async def user(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message.splitlines()[-1])
        return ElicitResult(action="accept", content={"answer": "no"})

    async def work() -> Any:
        async with (
            serving(write="ask") as address,
            client_of(address, "token-of-ann", "legacy", user) as ann,
        ):
            code = f"app.integrations.circleci.trigger_pipeline('gh/a/b') {LOGIN}"
            call = {"name": "execute_lua", "arguments": {"code": f"pcall(function() {code} end)"}}
            task_id = (await ask(ann, "tools/call", **call, task={}))["task"]["taskId"]
            while (await ask(ann, "tasks/get", taskId=task_id))["status"] != "input_required":
                await asyncio.sleep(0.02)
            assert asked == []  # nothing of the client's is open for it to travel on
            await ask(ann, "tasks/result", taskId=task_id)
            return await ask(ann, "tasks/get", taskId=task_id)

    task = asyncio.run(asyncio.wait_for(work(), 60))
    assert (task["status"], asked, circleci) == ("completed", ["Allow trigger_pipeline?"], [])


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "ci-box", 421),
        ("0.0.0.0", "ci-box", 400),
        ("0.0.0.0", "10.1.2.3", 400),
        ("0.0.0.0", "evil.example", 421),
    ],
)
def test_a_server_on_every_address_answers_to_the_names_of_its_machine(
    bound: str, host: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "ci-box")
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 0))]
    known = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *rest, **more: found if name == "ci-box" else known(name, *rest, **more),
    )

    async def work() -> int:
        async with serving(bound=bound) as address, httpx2.AsyncClient() as http:
            address = address.replace("0.0.0.0", "127.0.0.1")
            port = address.split(":")[2].partition("/")[0]
            headers = {
                "Circle-Token": "t",
                "Host": f"{host}:{port}",
                "Accept": "text/event-stream, application/json",
            }
            # Past the gate a message that is none is a bad request.
            return (
                await http.post(
                    address, content=b"[]", headers=headers | {"Content-Type": "application/json"}
                )
            ).status_code

    assert asyncio.run(asyncio.wait_for(work(), 60)) == status


def test_a_state_is_good_for_the_client_that_was_asked(circleci: list[str]) -> None:
    code = "return app.integrations.circleci.trigger_pipeline('gh/a/b')"

    async def work() -> None:
        async with (
            serving(write="ask") as address,
            client_of(address, "token-of-ann", "auto") as ann,
            client_of(address, "token-of-bob", "auto") as bob,
        ):
            arguments = {"code": code}
            asked = await ann.session.call_tool("execute_lua", arguments, allow_input_required=True)
            assert isinstance(asked, InputRequiredResult)
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await bob.session.call_tool(
                    "execute_lua",
                    arguments,
                    input_responses={
                        "permission": ElicitResult(action="accept", content={"answer": "run"})
                    },
                    request_state=asked.request_state,
                    allow_input_required=True,
                )

    asyncio.run(asyncio.wait_for(work(), 60))
    assert circleci == []


def test_who_is_told_the_address_can_connect_before_anything_is_served() -> None:
    with listening_socket("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()
