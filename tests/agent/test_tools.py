"""The four tools a Python program offers to its own agent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kosmo_circleci import Bridge
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
            "Unknown tool 'execute'. The tools are: lua_list_docs, lua_search_docs, lua_read_doc, "
            "execute_lua",
        ),
        (
            "execute_lua",
            {"cod": "x"},
            "execute_lua: 'code' is missing; 'cod' is unknown. It takes: code, account",
        ),
        ("lua_read_doc", {"page": 1}, "lua_read_doc: 'page' must be a string. It takes: page"),
        ("lua_list_docs", {"a": ""}, "lua_list_docs: 'a' is unknown. It takes: no arguments"),
    ],
)
def test_a_call_that_does_not_fit_says_what_would(
    bridge: Bridge, name: str, arguments: Any, message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        bridge.call_agent_tool(name, arguments)
    assert raised.value.message == message
