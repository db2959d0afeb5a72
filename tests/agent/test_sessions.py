"""Scripts of one session share globals, and nothing that was allowed to one of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions, Write
from kosmo_circleci.agent.tool_result import ToolCall
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.run.listener import Consent

CIRCLECI: Final = "local c = app.integrations.circleci "
WRITE: Final = CIRCLECI + "return c.delete_context('context-uuid')"
CREATE: Final = (
    CIRCLECI + "return c.trigger_pipeline({project_slug = 'gh/example-org/example-repo'})"
)


class Session:
    """One session `s` of a server; each script is answered with `consent` where it asks."""

    def __init__(self, write: Write, journal: Path | None) -> None:
        options = ServeOptions(write, simulate=True, journal=journal)
        self.tools = CodeTools(Executions(options))
        self.asked: list[str] = []

    def run(self, code: str, consent: Consent = "no", **arguments: Any) -> Any:
        def ask(question: str) -> Consent:
            self.asked.append(question)
            return consent

        named = {"code": code, "session": "s", **arguments}
        call = ToolCall(Deadline(20), ask=ask)
        return self.tools.call("execute_lua", named, call).structured


Start = Callable[..., Session]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Session] = []

    def make(write: Write, journal: Path | None = None) -> Session:
        started.append(Session(write, journal))
        return started[-1]

    yield make
    for each in started:
        each.tools.close()


def test_a_header_holds_for_its_own_script_and_for_no_other(start: Start) -> None:
    session = start("allow")
    session.run(
        "function write() return app.integrations.circleci.delete_context('context-uuid') end"
    )
    refused = session.run("-- @writes none\nreturn write()")
    assert (refused["error_type"], "@writes" in refused["error"]) == ("permission", True)
    other = session.run("-- @writes create_context\nreturn write()")
    assert other["error_type"] == "permission"
    assert session.run("return write()")["success"] is True


def test_a_workflow_keeps_to_its_header_in_a_session_that_began_without_one(start: Start) -> None:
    session = start("allow")
    replaced = (
        "flow.all = function() return app.integrations.circleci.delete_context('context-uuid') end "
    )
    code = replaced + "flow.failures, flow.each = flow.all, flow.all"
    assert session.run(code)["success"] is True
    failed = session.run(
        "", workflow="why_did_it_fail", args={"project": "gh/example-org/example-repo"}
    )
    assert (failed["error_type"], "@writes" in failed["error"]) == ("permission", True)


@pytest.mark.parametrize("consent", ["run", "once", "no"])
def test_an_answer_of_a_person_is_for_one_script(consent: Consent, start: Start) -> None:
    session = start("ask")
    session.run(WRITE, consent)
    refused = session.run(WRITE, "no")
    assert refused["error_type"] == "permission"
    assert len(session.asked) == 2


def test_a_no_to_one_script_is_not_one_to_the_next(start: Start) -> None:
    session = start("ask")
    assert session.run(WRITE, "no")["error_type"] == "permission"
    assert session.run(WRITE, "once")["success"] is True


def test_a_coroutine_of_an_earlier_script_asks_for_itself(start: Start) -> None:
    session = start("ask")
    code = (
        "writer = coroutine.wrap(function() while true do "
        "app.integrations.circleci.create_context({name = 'a', owner_id = 'b'}) "
        "coroutine.yield() end end) pcall(writer)"
    )
    session.run(code, "run")
    after = session.run("-- @writes none\nreturn pcall(writer)")
    assert after["result"][0] is False
    assert len(session.asked) == 1


def test_a_run_of_a_session_is_resumed_and_nothing_is_sent_twice(
    start: Start, tmp_path: Path
) -> None:
    session = start("allow", tmp_path)
    session.run("return 1")
    failed = session.run(CREATE + ".id, x.y")
    assert failed["writes"] == {"done": 1, "refused": 0, "unknown": 0}
    resumed = session.run(CREATE + ".id", resume=failed["run"])
    assert (resumed["success"], resumed["call_count"]) == (True, 0)
    unknown = session.run(CREATE, resume="nowhere")
    assert (unknown["error_type"], "no run" in unknown["error"]) == ("journal", True)


def test_the_next_run_of_a_session_is_not_resumed_without_being_asked(
    start: Start, tmp_path: Path
) -> None:
    session = start("allow", tmp_path)
    failed = session.run("t = os.time() error('x')")
    assert session.run("return 1", resume=failed["run"])["success"] is True
    again = session.run("error('y')")
    assert again["run"] != failed["run"]


def test_a_secret_of_one_script_stays_masked_in_the_next(start: Start) -> None:
    session = start("allow")
    kept = "secret = 'hunter2-of-the-first' "
    call = "{context_id = 'context-uuid', env_var_name = 'A', value = secret}"
    session.run(kept + CIRCLECI + f"c.upsert_context_env_var({call})")
    shown = session.run("print(secret) log(secret) return secret, secret:upper():lower()")
    assert "hunter2" not in str(shown)
    assert "hunter2" not in str(session.run("error(secret)"))
