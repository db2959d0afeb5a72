"""`--write=ask`: permission questions to the user of a client, in both eras of the protocol."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

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

    def make(write: Any = "ask", timeout_s: float = 60) -> ToolServer:
        opened.append(CodeTools(Executions(ServeOptions(write, simulate=True))))
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
