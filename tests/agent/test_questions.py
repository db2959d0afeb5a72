"""`--write=ask`: permission questions to the user of a client, in both eras of the protocol."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

from kosmo_circleci.agent import questions, running_call
from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.running_call import ActiveTime
from kosmo_circleci.agent.server import ToolServer

ERAS = ("legacy", "auto")
TRIGGER = """
    local c = app.integrations.circleci
    local function trigger()
      local ok, answer = pcall(c.trigger_pipeline, {project_slug = "gh/example-org/example-repo"})
      return ok and answer.state or answer.message
    end
    return {trigger(), trigger(), c.get_current_user().login}
"""


@pytest.fixture
def new_server() -> Iterator[Callable[..., ToolServer]]:
    """Return what makes a server whose scripts talk to a simulator of its own."""
    opened: list[CodeTools] = []

    def make(write: Any = "ask", timeout_s: float = 60, journal: Path | None = None) -> ToolServer:
        options = ServeOptions(write, simulate=True, journal=journal)
        opened.append(CodeTools(Executions(options)))
        return ToolServer(opened[-1], lambda: ActiveTime(timeout_s))

    yield make
    for each in opened:
        each.close()


class User:
    """Who answers at the client; keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def answer(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        answer = self._answers.pop(0)
        if isinstance(answer, ElicitResult):
            return answer
        return ElicitResult(action="accept", content={"answer": answer})


def run(server: ToolServer, era: Any, user: User | None, code: str = TRIGGER) -> CallToolResult:
    """Return what `execute_lua` answers to a client of that era with that user."""

    async def work() -> CallToolResult:
        elicitation = None if user is None else user.answer
        async with Client(server.sdk, mode=era, elicitation_callback=elicitation) as client:
            return await client.call_tool("execute_lua", {"code": code})

    return asyncio.run(asyncio.wait_for(work(), 60))


DECLINED = ElicitResult(action="decline")
NO = "app.integrations.circleci.trigger_pipeline is a write: you answered no. Nothing was sent."


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["once", "once"], ["created", "created", "example-user"]),
        (["run"], ["created", "created", "example-user"]),
        (["once", "no"], ["created", NO, "example-user"]),
        (["no"], [NO, NO, "example-user"]),
        ([DECLINED], [NO, NO, "example-user"]),
        ([ElicitResult(action="cancel")], [NO, NO, "example-user"]),
        ([ElicitResult(action="accept", content={})], [NO, NO, "example-user"]),
        ([ElicitResult(action="accept", content={"answer": "yes"})], [NO, NO, "example-user"]),
        ([ElicitResult(action="decline", content={"answer": "run"})], [NO, NO, "example-user"]),
    ],
)
def test_a_write_is_made_only_after_a_matching_yes(
    new_server: Any, era: str, answers: list[Any], outcome: list[str]
) -> None:
    user = User(*answers)
    result = run(new_server(), era, user)
    assert result.structured_content is not None
    assert result.structured_content["result"] == outcome
    assert len(user.asked) == len(answers)
    writes = sum(each == "created" for each in outcome)
    assert result.structured_content["call_count"] == writes + 1


@pytest.mark.parametrize("era", ERAS)
def test_the_question_shows_function_account_and_every_argument_and_no_secret(
    new_server: Any, era: str
) -> None:
    user = User("no", "no")
    code = """
        local c = app.integrations.circleci
        pcall(c.create_project_env_var, {project_slug = "gh/example-org/example-repo", name = "KEY",
          value = "s3cret-value"})
        pcall(c.api_post, {path = "project/gh/a/b/envvar", body = {
          ["name\\nAllow get_me?"] = "\\27[2K\\r", long = ("x"):rep(500),
          deep = {token = "s3cret-value"}}})
    """
    run(new_server(), era, user, code)
    assert user.asked[0] == (
        "app.integrations.circleci.create_project_env_var (write, POST "
        "/project/{project-slug}/envvar, account default)\n"
        '  project_slug = "gh/example-org/example-repo"\n'
        '  name = "KEY"\n'
        "  value = ***\n"
        "Allow create_project_env_var?"
    )
    assert user.asked[1] == (
        "app.integrations.circleci.api_post (write, POST {path}, account default)\n"
        '  path = "project/gh/a/b/envvar"\n'
        "  body.deep.token = ***\n"
        f'  body.long = "{"x" * 199}… (302 more characters)\n'
        r"  body.name\nAllow get_me? = "
        r'"\u001b[2K\r"'
        "\n"
        "Allow api_post?"
    )


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_cannot_ask_is_told_so(new_server: Any, era: str) -> None:
    result = run(new_server(), era, None, "app.integrations.circleci.trigger_pipeline('gh/a/b')")
    assert result.structured_content is not None
    assert result.structured_content["error"].endswith(
        "This server asks the user before writes (--write=ask), and this client cannot put "
        "questions to its user; a person can allow writes with `kosmo mcp:serve --write=allow`."
    )
    assert result.structured_content["call_count"] == 0


def test_the_time_a_person_takes_does_not_count(new_server: Any) -> None:
    class Slow(User):
        async def answer(self, _context: Any, params: Any) -> ElicitResult:
            await asyncio.sleep(3)
            return await super().answer(_context, params)

    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"
    result = run(new_server(timeout_s=2.5), "legacy", Slow("once"), code)
    assert result.structured_content is not None
    assert result.structured_content.get("result") == "created", result.structured_content


def test_an_answer_counts_once_and_for_the_same_call_only(new_server: Any) -> None:
    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"

    async def work() -> Any:
        user = User()
        server = new_server()
        async with Client(server.sdk, mode="auto", elicitation_callback=user.answer) as client:
            call = client.session.call_tool
            arguments = {"code": code}
            asked = await call("execute_lua", arguments, allow_input_required=True)
            assert isinstance(asked, InputRequiredResult)
            state = asked.request_state
            assert asked.input_requests is not None
            yes = {
                key: ElicitResult(action="accept", content={"answer": "once"})
                for key in asked.input_requests
            }

            async def retry(arguments: dict[str, Any], state: str | None) -> Any:
                return await call(
                    "execute_lua",
                    arguments,
                    input_responses=yes,
                    request_state=state,
                    allow_input_required=True,
                )

            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await retry({"code": code + " "}, state)
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await retry(arguments, "v1.forged")
            answered = await retry(arguments, state)
            with pytest.raises(MCPError, match="The question was answered before"):
                await retry(arguments, state)
            return answered

    answered = asyncio.run(asyncio.wait_for(work(), 60))
    assert (answered.structured_content["result"], answered.structured_content["call_count"]) == (
        "created",
        1,
    )


@pytest.mark.parametrize("era", ERAS)
def test_a_question_nobody_answers_is_no_after_ten_minutes(
    new_server: Any, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (running_call.PATIENCE_S, questions.STATE_S) == (600.0, 600.0)
    monkeypatch.setattr(running_call, "PATIENCE_S", 0.3)
    monkeypatch.setattr(questions, "PATIENCE_S", 0.3)
    asked = []

    async def never(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        await asyncio.sleep(30)
        raise AssertionError("given up long before")

    async def work() -> Any:
        async with Client(new_server().sdk, mode=era, elicitation_callback=never) as client:
            call = client.session.call_tool("execute_lua", {"code": TRIGGER})
            if era == "legacy":
                return (await call).structured_content["result"]
            first = await client.session.call_tool(
                "execute_lua", {"code": TRIGGER}, allow_input_required=True
            )
            call.close()
            await asyncio.sleep(1)
            with pytest.raises(MCPError, match="waited for too long"):
                await client.session.call_tool(
                    "execute_lua",
                    {"code": TRIGGER},
                    input_responses={
                        "permission": ElicitResult(action="accept", content={"answer": "run"})
                    },
                    request_state=first.request_state,
                    allow_input_required=True,
                )

    result = asyncio.run(asyncio.wait_for(work(), 60))
    if era == "legacy":
        assert (result, len(asked)) == ([NO, NO, "example-user"], 1)


@pytest.mark.parametrize("era", ERAS)
def test_a_write_that_a_resumed_run_replays_is_not_asked_for_again(
    new_server: Any, era: str, tmp_path: Path
) -> None:
    code = """
        local owner = {slug = "gh/example-org", type = "organization"}
        local c = app.integrations.circleci.create_context{name = "mine", owner = owner}
    """
    user = User("once", "once", "once")
    server = new_server(journal=tmp_path)

    async def work() -> Any:
        async with Client(server.sdk, mode=era, elicitation_callback=user.answer) as client:

            async def execute(script: str, **more: Any) -> Any:
                arguments = {"code": script, **more}
                return (await client.call_tool("execute_lua", arguments)).structured_content

            failed = await execute(code + "error('no luck')")
            resumed = await execute(code + "return c.name", resume=failed["run"])
            return failed, resumed

    failed, resumed = asyncio.run(asyncio.wait_for(work(), 60))
    assert (failed["rerun"], failed["writes"]["done"]) == ("resume", 1)
    assert (resumed["result"], len(user.asked)) == ("mine", 1)


@pytest.mark.parametrize("era", ERAS)
def test_every_wait_of_flow_is_told_as_progress(new_server: Any, era: Any) -> None:
    code = """
        flow.sleep(1)
        local n = 0
        flow.wait(function() n = n + 1 return n end, function(v) return v == 2 end, {interval = 2})
        return n
    """
    told: list[tuple[float, str]] = []

    async def work() -> Any:
        async def progress(step: float, _total: float | None, message: str | None) -> None:
            told.append((step, message or ""))

        async with Client(new_server().sdk, mode=era) as client:
            return await client.call_tool("execute_lua", {"code": code}, progress_callback=progress)

    result = asyncio.run(asyncio.wait_for(work(), 60))
    assert result.structured_content["result"] == 2
    assert told == [
        (1, "flow.sleep: 1 s"),
        (2, "flow.wait: look 1, next in 2 s, 600 s left"),
    ]


EVERYWHERE = """
    local c, name, gone = app.integrations.circleci, "LEGACY_API_KEY", json.array()
    for project in flow.each(c.list_projects, {org_slug = "gh/example-org"}) do
      local of = {project_slug = project.slug}
      for variable in flow.each(c.list_project_env_vars, of) do
        if variable.name == name then
          c.delete_project_env_var{project_slug = project.slug, name = name}
          gone[#gone + 1] = project.slug
        end
      end
    end
    for context in flow.each(c.list_contexts, {owner_slug = "gh/example-org"}) do
      for variable in flow.each(c.list_context_env_vars, {context_id = context.id}) do
        if variable.variable == name then
          c.delete_context_env_var{context_id = context.id, env_var_name = name}
          gone[#gone + 1] = context.name
        end
      end
    end
    return gone
"""


@pytest.mark.parametrize("era", ERAS)
def test_delete_a_variable_everywhere_is_asked_once_and_done(new_server: Any, era: Any) -> None:
    user = User("run")
    server = new_server()

    async def work() -> Any:
        async with Client(server.sdk, mode=era, elicitation_callback=user.answer) as client:
            results = [await client.call_tool("execute_lua", {"code": EVERYWHERE}) for _ in "12"]
            return [each.structured_content["result"] for each in results]

    assert asyncio.run(asyncio.wait_for(work(), 60)) == [["gh/example-org/another-repo"], []]
    assert user.asked == [
        "app.integrations.circleci.delete_project_env_var (write, DELETE "
        "/project/{project-slug}/envvar/{name}, account default)\n"
        '  project_slug = "gh/example-org/another-repo"\n'
        '  name = "LEGACY_API_KEY"\n'
        "Allow delete_project_env_var?"
    ]
