"""Secrets typed into prompts: the model never has them, the workflow does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.agent import secret_arguments
from kosmo_circleci.agent.clients import LOCAL, holder_of
from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.prompts import Prompts
from kosmo_circleci.agent.secret_arguments import MAX_KEPT, PREFIX, Place, SecretArguments
from kosmo_circleci.agent.tool_result import ToolCall, ToolResult
from kosmo_circleci.agent.workflows import WorkflowSource
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.files.trust import TrustFile
from kosmo_circleci.workflows.library import Library

SECRET = "hunter2-and-more"
SOURCE = """--- Signs.
-- @arg name string
-- @arg secret string = none
-- @arg new_secret boolean = false
-- @writes none
print(args.secret)
return {length = #args.secret, name = args.name, secret = args.secret, new = args.new_secret}
"""


@pytest.fixture
def executions(tmp_path: Path) -> Iterator[Executions]:
    for name in ("sign", "rotate_secret", "other"):
        text = SOURCE.replace("secret string", "value string").replace("args.secret", "args.value")
        (tmp_path / f"{name}.lua").write_text(text if name == "rotate_secret" else SOURCE)
    library = Library([("shipped", tmp_path)], TrustFile(tmp_path / "trust.json", "workflows", ""))
    opened = Executions(ServeOptions("deny", simulate=True), WorkflowSource(lambda: library))
    yield opened
    opened.close()


def prompted(executions: Executions, workflow: str, **arguments: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a prompt, and the call that it tells the model to make."""
    text = Prompts(executions).text(workflow, arguments, LOCAL)
    return text, json.loads(next(line for line in text.splitlines() if line.startswith("{")))


def execute(executions: Executions, call: dict[str, Any], client: Any = LOCAL) -> ToolResult:
    tool_call = ToolCall(Deadline(20), client=client)
    return CodeTools(executions).call("execute_lua", call, tool_call)


@pytest.mark.parametrize(("workflow", "argument"), [("sign", "secret"), ("rotate_secret", "value")])
def test_the_model_passes_on_a_word_and_the_workflow_has_the_secret(
    executions: Executions, workflow: str, argument: str
) -> None:
    given = {"name": "ci", "new_secret": "true", argument: SECRET}
    text, call = prompted(executions, workflow, **given)
    assert SECRET not in text
    assert call["args"][argument].startswith(PREFIX)
    assert "stands for a secret" in text
    for _ in range(2):  # a run that failed can be repeated
        result = execute(executions, call)
        assert result.structured is not None
        assert result.structured["result"] == {
            "length": len(SECRET),
            "name": "ci",
            "secret": "***",
            "new": True,
        }
        assert result.structured["output"] == "***"
        assert SECRET not in result.text


def test_a_prompt_without_a_secret_says_nothing_of_secrets(executions: Executions) -> None:
    text, call = prompted(executions, "sign", name="ci")
    assert "stands for" not in text
    assert call["args"] == {"name": "ci", "secret": "none", "new_secret": False}


def test_the_word_is_good_for_nothing_else(executions: Executions) -> None:
    _, call = prompted(executions, "sign", name="ci", secret=SECRET)
    word = call["args"]["secret"]
    for other in (
        call | {"workflow": "other"},
        call | {"args": {"name": word}},
        call | {"args": {"name": "ci", "secret": word[:-1]}},
    ):
        with pytest.raises(ValidationError, match="not kept any more, or not for this call"):
            execute(executions, other)
    with pytest.raises(ValidationError, match="not for this call"):
        execute(executions, call, holder_of("somebody-else"))
    with pytest.raises(ValidationError, match="runs without 'session'"):
        execute(executions, call | {"session": "s"})
    printed = execute(executions, {"code": "return args.secret", "args": {"secret": word}})
    assert printed.structured is not None
    assert printed.structured["result"] == word


def test_only_so_many_are_kept_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, place = SecretArguments(), Place("c", "w", "a")
    words = [kept.keep(place, f"{number}") for number in range(MAX_KEPT + 1)]
    assert kept.restored("c", "w", {"a": words[-1]}) == ({"a": f"{MAX_KEPT}"}, (f"{MAX_KEPT}",))
    with pytest.raises(ValidationError, match="choose the prompt again"):
        kept.restored("c", "w", {"a": words[0]})
    monkeypatch.setattr(secret_arguments, "KEPT_S", -1.0)
    with pytest.raises(ValidationError, match="for an hour"):
        kept.restored("c", "w", {"a": words[-1]})
