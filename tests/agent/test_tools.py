"""The four tools a Python program offers to its own agent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.agent import tools
from kosmo_circleci.agent.code_tools import CodeTools
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.errors import ValidationError


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as bridge:
        yield bridge


def test_each_definition_has_a_name_a_description_and_a_closed_schema(bridge: Bridge) -> None:
    tools: Any = bridge.agent_tools()
    assert [each["name"] for each in tools] == [
        "lua_list_docs",
        "lua_search_docs",
        "lua_read_doc",
        "execute_lua",
    ]
    for tool in tools:
        assert set(tool) == {"name", "description", "input_schema"}
        assert tool["description"].endswith(".")
        assert tool["input_schema"]["additionalProperties"] is False
        assert set(tool["input_schema"]["required"]) <= set(tool["input_schema"]["properties"])


def test_the_pages_a_description_names_exist(bridge: Bridge) -> None:
    read: Any = bridge.agent_tools()[2]
    for page in read["description"].split("'")[1::2]:
        assert bridge.read_doc(page.replace("<function>", "get_pipeline")).startswith("# ")


def test_documentation_comes_as_text(bridge: Bridge) -> None:
    assert bridge.call_agent_tool("lua_list_docs", {}) == bridge.list_docs()
    found = bridge.call_agent_tool("lua_search_docs", {"query": "cancel a job"})
    assert found == bridge.search_docs("cancel a job")
    page = bridge.call_agent_tool("lua_read_doc", {"page": "circleci.get_pipeline"})
    assert page == bridge.read_doc("circleci.get_pipeline")


def test_a_script_answers_with_the_envelope(bridge: Bridge) -> None:
    code = "print('hi') return app.integrations.circleci.get_current_user().login"
    envelope = json.loads(bridge.call_agent_tool("execute_lua", {"code": code}))
    assert (envelope["output"], envelope["result"]) == ("hi", "example-user")
    failed = json.loads(
        bridge.call_agent_tool("execute_lua", {"code": "return 1", "account": "nope"})
    )
    assert (failed["success"], failed["error_type"]) == (False, "configuration")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "execute",
            {},
            "Unknown tool 'execute'. Did you mean 'execute_lua'?",
        ),
        (
            "execute_lua",
            {"cod": "x"},
            "execute_lua: Unknown argument 'cod'. 'code' is missing. It takes: code, account",
        ),
        (
            "lua_read_doc",
            {"page": 1},
            "lua_read_doc: 'page' must be a string, got integer 1. It takes: page",
        ),
        (
            "lua_list_docs",
            {"a": ""},
            "lua_list_docs: Unknown argument 'a'. It takes: no arguments",
        ),
    ],
)
def test_a_call_that_does_not_fit_says_what_would(
    bridge: Bridge, name: str, arguments: Any, message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        bridge.call_agent_tool(name, arguments)
    assert raised.value.message == message


def test_both_doors_offer_the_same_tools(bridge: Bridge) -> None:
    served: Any = {
        each["name"]: each for each in CodeTools(Executions(ServeOptions())).definitions()
    }
    own: Any = {each["name"]: each for each in bridge.agent_tools()}
    assert [*own][1:] == [*served]
    for name, tool in served.items():
        assert tool["description"].startswith(own[name]["description"])
        mine = own[name]["input_schema"]
        assert mine["required"] == tool["inputSchema"]["required"]
        assert mine["properties"].items() <= tool["inputSchema"]["properties"].items()


def test_a_script_that_a_model_wrote_runs_in_a_process_of_its_own(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "TIMEOUT_S", 0.5)
    # A pattern like this cannot be interrupted inside a process, only together with it.
    code = "return string.find(('a'):rep(60), ('a?'):rep(60) .. ('a'):rep(61))"
    envelope = json.loads(bridge.call_agent_tool("execute_lua", {"code": code}))
    assert (envelope["error_type"], envelope["result"]) == ("limit", None)


def test_a_script_that_a_model_wrote_has_a_time_limit(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "TIMEOUT_S", 0.5)
    # In a simulated world waiting takes no time; this waits for nothing that could end.
    code = "while true do coroutine.wrap(function() end)() end"
    envelope = json.loads(bridge.call_agent_tool("execute_lua", {"code": code}))
    assert envelope["error"].startswith("script:1: The run took longer than 0.5 s.")


def test_what_a_model_did_to_the_simulated_world_is_there_for_the_next_call(bridge: Bridge) -> None:
    slug = "gh/example-org/example-repo"
    create = f"""
        local c = app.integrations.circleci
        return #c.list_project_env_vars("{slug}").items
    """
    before = json.loads(bridge.call_agent_tool("execute_lua", {"code": create}))["result"]
    bridge.call(
        "create_project_env_var", {"project_slug": slug, "name": "A", "value": "b"}, force=True
    )
    after = json.loads(bridge.call_agent_tool("execute_lua", {"code": create}))["result"]
    assert after == before + 1
