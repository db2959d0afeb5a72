"""Tasks: calls that take long, in both eras, as the SDK's client meets them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from pydantic import ConfigDict

from kosmo_circleci.agent import tasks
from kosmo_circleci.agent.clients import Client as Caller
from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.running_call import ActiveTime, Question, RunningCall
from kosmo_circleci.agent.server import ToolServer
from kosmo_circleci.agent.task_shapes import EXTENSION
from kosmo_circleci.agent.tasks import MAX_RUNNING_OF_ONE, TaskLimits
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.masking import Mask

AT_ONCE = TaskLimits(after_s=0.0, run_s=30.0)
SLOW = "print('began') for i = 1, 3 do flow.sleep(0.1) end return 'done'"
ENDLESS = "while true do end"
TRIGGER = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"


@pytest.fixture
def new_server() -> Iterator[Callable[..., ToolServer]]:
    """Return what makes a server whose calls become tasks at once."""
    opened: list[CodeTools] = []

    def make(
        write: Any = "ask",
        *,
        call_s: float = 30.0,
        limits: TaskLimits = AT_ONCE,
        client_of: Any = lambda _ctx: Caller("one"),
    ) -> ToolServer:
        opened.append(CodeTools(Executions(ServeOptions(write, simulate=True))))
        return ToolServer(
            opened[-1], lambda: ActiveTime(call_s), client_of=client_of, task_limits=limits
        )

    yield make
    for each in opened:
        each.close()


class TaskCreated(types.Result):
    """The claimed shape of the extension, as a client of it declares it."""

    model_config = ConfigDict(extra="allow", alias_generator=None)

    result_type: Literal["task"] = "task"  # type: ignore[assignment]
    taskId: str
    status: str
    ttlMs: int
    pollIntervalMs: int


class Answer(types.Result):
    """Whatever a method answers."""

    model_config = ConfigDict(extra="allow")


class TaskExtension(ClientExtension):
    """Declares tasks; a call that becomes one is handed to the test."""

    identifier = EXTENSION

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskCreated, resolve=self._resolve)]

    async def _resolve(self, _created: TaskCreated, _context: ClaimContext) -> Any:
        raise AssertionError("the tests poll by themselves")


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """Send a request the SDK's client has no method for, and return its answer as JSON."""
    request: Any = types.Request[dict[str, Any], str](method=method, params=params)
    answer = await client.session.send_request(request, Answer)
    return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


async def start(client: Client, code: str, era: str) -> str:
    """Start a script that becomes a task, and return its ID."""
    call = {"name": "execute_lua", "arguments": {"code": code}}
    if era == "legacy":
        return str((await ask(client, "tools/call", **call, task={"ttl": 60000}))["task"]["taskId"])
    created = await client.session.call_tool(**call, allow_claimed=True)
    assert isinstance(created, TaskCreated)
    assert (created.status, created.pollIntervalMs) == ("working", 2000)
    return created.taskId


async def ended(client: Client, task_id: str) -> dict[str, Any]:
    """Poll a task until it has ended."""
    while True:
        task = await ask(client, "tasks/get", taskId=task_id)
        if task["status"] not in ("working", "input_required"):
            return task
        await asyncio.sleep(0.02)


def talk(
    server: ToolServer, era: Any, work: Callable[[Client], Awaitable[Any]], elicitation: Any = None
) -> Any:
    """Return what `work` does with a client of that era that knows tasks."""

    async def run() -> Any:
        async with Client(
            server.sdk,
            mode=era,
            elicitation_callback=elicitation,
            extensions=[TaskExtension()],
        ) as client:
            try:
                return await work(client)
            finally:
                await server.close()

    return asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_long_script_becomes_a_task_that_is_polled_to_its_result(
    new_server: Any, era: str
) -> None:
    async def work(client: Client) -> Any:
        task_id = await start(client, SLOW, era)
        task = await ended(client, task_id)
        return task, await ask(client, "tasks/result", taskId=task_id)

    task, result = talk(new_server(), era, work)
    assert task["status"] == "completed"
    assert result["structuredContent"]["result"] == "done"
    assert result["structuredContent"]["output"] == "began"
    assert result["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task["taskId"]}
    if era == "auto":
        assert task["result"]["structuredContent"] == result["structuredContent"]
        assert task["result"]["resultType"] == "complete"
        assert (task["resultType"], task["ttlMs"]) == ("complete", 630000)
    else:
        assert types.GetTaskResult.model_validate(task).ttl == 630000


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_task_is_cancelled_by_its_id_and_its_script_ends(new_server: Any, era: str) -> None:
    async def work(client: Client) -> Any:
        task_id = await start(client, ENDLESS, era)
        cancelled = await ask(client, "tasks/cancel", taskId=task_id)
        task = await ask(client, "tasks/get", taskId=task_id)
        result = await ask(client, "tasks/result", taskId=task_id)
        if era == "legacy":
            with pytest.raises(MCPError, match="cannot be cancelled: it is cancelled already"):
                await ask(client, "tasks/cancel", taskId=task_id)
        else:
            await ask(client, "tasks/cancel", taskId=task_id)
        return cancelled, task, result

    cancelled, task, result = talk(new_server(), era, work)
    assert cancelled.get("status") == ("cancelled" if era == "legacy" else None)
    assert task["status"] == "cancelled"
    assert "result" not in task
    assert (result["isError"], result["structuredContent"]["error"]) == (
        True,
        "The client cancelled the task.",
    )
    assert result["structuredContent"]["rerun"] == "safe"


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_task_that_fails_says_so_in_the_words_of_its_era(new_server: Any, era: str) -> None:
    code = "flow.sleep(0.3) error('no luck')"

    async def work(client: Client) -> Any:
        return await ended(client, await start(client, code, era))

    task = talk(new_server(), era, work)
    assert task["status"] == ("failed" if era == "legacy" else "completed")
    assert task.get("result", {}).get("isError") == (None if era == "legacy" else True)


def test_a_task_may_take_longer_than_a_call_and_no_longer_than_its_own_limit(
    new_server: Any,
) -> None:
    async def work(client: Client) -> Any:
        return await ended(client, await start(client, ENDLESS, "auto"))

    server = new_server(call_s=0.1, limits=TaskLimits(after_s=0, run_s=0.6))
    task = talk(server, "auto", work)
    assert "longer than 0.6 s" in task["result"]["structuredContent"]["error"]


def test_a_client_without_tasks_waits_for_the_end(new_server: Any) -> None:
    async def run(era: Any) -> Any:
        server = new_server()
        async with Client(server.sdk, mode=era) as client:
            result = await client.call_tool("execute_lua", {"code": SLOW})
            with pytest.raises(MCPError) as refused:
                await ask(client, "tasks/get", taskId="x")
            await server.close()
            return result.structured_content, refused.value.code

    modern = asyncio.run(asyncio.wait_for(run("auto"), 60))
    legacy = asyncio.run(asyncio.wait_for(run("legacy"), 60))
    assert modern[0]["result"] == legacy[0]["result"] == "done"
    assert modern[1] == types.MISSING_REQUIRED_CLIENT_CAPABILITY
    assert legacy[1] == types.INVALID_PARAMS  # a revision that has tasks, and no such one


def test_a_short_script_is_answered_at_once(new_server: Any) -> None:
    async def work(client: Client) -> Any:
        return await client.call_tool("execute_lua", {"code": "return 1"})

    result = talk(new_server(limits=TaskLimits()), "auto", work)
    assert result.structured_content["result"] == 1


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_task_is_its_clients_own(new_server: Any, era: str) -> None:
    callers = ["one"]

    async def work(client: Client) -> Any:
        task_id = await start(client, ENDLESS, era)
        listed = await ask(client, "tasks/list")
        callers[0] = "another"
        refused = []
        for method in ("tasks/get", "tasks/result", "tasks/cancel"):
            with pytest.raises(MCPError, match="Unknown task") as error:
                await ask(client, method, taskId=task_id)
            refused.append(error.value.code)
        with pytest.raises(MCPError, match="Unknown task"):
            await ask(client, "tasks/update", taskId=task_id, inputResponses={})
        return task_id, listed, refused, await ask(client, "tasks/list")

    server = new_server(client_of=lambda _ctx: Caller(callers[0]))
    task_id, listed, refused, others = talk(server, era, work)
    assert [each["taskId"] for each in listed["tasks"]] == [task_id]
    assert refused == [types.INVALID_PARAMS] * 3
    assert others["tasks"] == []


def test_there_is_no_room_for_any_number_of_tasks(new_server: Any) -> None:
    async def work(client: Client) -> Any:
        started = [await start(client, ENDLESS, "legacy") for _ in range(MAX_RUNNING_OF_ONE)]
        with pytest.raises(MCPError, match="Too many tasks are running"):
            await start(client, ENDLESS, "legacy")
        await ask(client, "tasks/cancel", taskId=started[0])
        await ask(client, "tasks/result", taskId=started[0])
        return await start(client, SLOW, "legacy")

    assert talk(new_server(), "legacy", work)


@pytest.mark.parametrize("answer", ["once", "no"])
@pytest.mark.parametrize("polls", [True, False])
def test_in_the_older_era_a_task_asks_its_user_by_itself(
    new_server: Any, answer: str, polls: bool
) -> None:
    asked = []

    async def elicit(_context: Any, params: types.ElicitRequestFormParams) -> types.ElicitResult:
        asked.append((params.message.splitlines()[-1], dict(params.meta or {})))
        return types.ElicitResult(action="accept", content={"answer": answer})

    async def work(client: Client) -> Any:
        task_id = await start(client, TRIGGER, "legacy")
        if polls:
            await ended(client, task_id)
        return task_id, await ask(client, "tasks/result", taskId=task_id)

    task_id, result = talk(new_server(), "legacy", work, elicit)
    assert asked == [
        (
            "Allow trigger_pipeline?",
            {"io.modelcontextprotocol/related-task": {"taskId": task_id}},
        )
    ]
    assert result["structuredContent"].get("result") == ("created" if answer == "once" else None)


@pytest.mark.parametrize(("answer", "outcome"), [("once", "created"), ("no", None)])
def test_in_the_newer_era_a_question_is_polled_and_answered_once(
    new_server: Any, answer: str, outcome: str | None
) -> None:
    code = f"flow.sleep(0.3) {TRIGGER}"

    async def unused(_context: Any, _params: Any) -> Any:
        raise AssertionError("the question is in the answer to tasks/get")

    async def work(client: Client) -> Any:
        task_id = await start(client, code, "auto")
        while not (task := await ask(client, "tasks/get", taskId=task_id)).get("inputRequests"):
            await asyncio.sleep(0.02)
        assert task["status"] == "input_required"
        ((key, request),) = task["inputRequests"].items()
        wrong = {"permission-7": {"action": "accept", "content": {"answer": "run"}}}
        await ask(client, "tasks/update", taskId=task_id, inputResponses=wrong)
        still = await ask(client, "tasks/get", taskId=task_id)
        assert still["inputRequests"] == task["inputRequests"]
        right = {key: {"action": "accept", "content": {"answer": answer}}}
        for _ in range(2):
            await ask(client, "tasks/update", taskId=task_id, inputResponses=right)
        return request, await ended(client, task_id)

    request, task = talk(new_server(), "auto", work, unused)
    assert request["method"] == "elicitation/create"
    assert request["params"]["message"].endswith("Allow trigger_pipeline?")
    assert task["result"]["structuredContent"].get("result") == outcome


def test_a_late_answer_to_one_question_answers_no_other() -> None:
    def work(call: ToolCall) -> ToolResult:
        assert call.ask is not None
        return ToolResult(f"{call.ask('one?')} {call.ask('two?')}")

    async def run() -> str:
        call = RunningCall(
            work,
            lambda _client: Mask(),
            ActiveTime(20),
            threading.Semaphore(),
            client=Caller("one"),
            failed=lambda fields: ToolResult(str(fields)),
            can_ask=True,
            on_end=lambda _call: None,
        )
        events: list[Any] = [await call.next_event()]
        call.answer(events[0], "no")
        while not (isinstance(events[-1], Question) and events[-1].text == "two?"):
            events.append(await call.next_event())
        call.answer(events[0], "run")  # what the first question would have been answered
        call.answer(events[-1], "once")
        while not isinstance(events[-1], ToolResult):
            events.append(await call.next_event())
        return events[-1].text

    assert asyncio.run(asyncio.wait_for(run(), 20)) == "no once"


def test_a_task_is_forgotten_after_its_time(
    new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "RESULT_KEPT_S", 0.0)
    limits = TaskLimits(after_s=0.0, run_s=1.0)

    async def work(client: Client) -> Any:
        task_id = await start(client, "return 1", "legacy")
        await ask(client, "tasks/result", taskId=task_id)
        await asyncio.sleep(1.1)
        with pytest.raises(
            MCPError, match=r"Unknown task .* A task is kept for 0\.0166667 minutes"
        ):
            await ask(client, "tasks/get", taskId=task_id)
        return await ask(client, "tasks/list")

    assert talk(new_server(limits=limits), "legacy", work)["tasks"] == []


def test_the_tasks_that_ended_first_make_room(
    new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_TASKS", 2)

    async def work(client: Client) -> Any:
        ids = []
        for code in (ENDLESS, "return 1", "return 2"):
            ids.append(await start(client, code, "legacy"))
            if code != ENDLESS:
                await ask(client, "tasks/result", taskId=ids[-1])
        return ids, [each["taskId"] for each in (await ask(client, "tasks/list"))["tasks"]]

    ids, kept = talk(new_server(), "legacy", work)
    assert kept == [ids[0], ids[2]]  # the endless one stays
