"""What scripts can ask of a server, against a real one over stdio."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.errors import KosmoError, PermissionDenied, ValidationError
from kosmo_circleci.mcp_client.functions import McpFunctions

Open = Callable[..., McpFunctions]


def test_a_tool_is_called_by_any_of_its_names(open_functions: Open, new_run: Any) -> None:
    functions, run = open_functions(), new_run()
    for name in ("s.get_JSON", "s.get-JSON", "mcp.s.get_JSON", "app.mcp.s.get_JSON"):
        value = functions.call("mcp.call", [name], run)
        assert value == {"list": [], "none": None, "n": 1.0}
    assert run.log == [("app.mcp.s.get_JSON", "get-JSON", "s", True)] * 4


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        ("echo", {"message": "Grüße"}, "Grüße"),
        ("echo", {"message": 12}, 12),  # A number becomes text, and JSON text a value.
        ("add", {"a": "19", "b": 23.0}, 42),
        ("structured", None, {"count": 2}),
        ("wrapped", {}, [1, 2]),
        (
            "several",
            [],
            ["a picture", {"type": "image", "data": "AAAA", "mimeType": "image/png"}],
        ),
        ("nothing", None, {}),
    ],
)
def test_the_answer_of_a_tool_is_one_value(
    open_functions: Open, new_run: Any, tool: str, arguments: Any, value: Any
) -> None:
    assert open_functions().call("mcp.call", [f"s.{tool}", arguments], new_run()) == value


def test_tools_are_listed_over_all_pages_with_kind_and_path(
    open_functions: Open, new_run: Any
) -> None:
    listed: Any = open_functions().call("mcp.tools", ["s"], new_run())
    assert len(listed) == 22
    assert listed[1] == {
        "name": "curious",
        "tool": "curious",
        "server": "s",
        "path": "app.mcp.s.curious",
        "kind": "read",
        "title": "",
        "description": "Does curious.",
    }
    assert [each["name"] for each in listed if each["kind"] == "write"] == ["write", "write_secret"]


def test_the_schema_of_a_tool_is_the_one_its_server_gives(
    open_functions: Open, new_run: Any
) -> None:
    assert open_functions().call("mcp.schema", ["s.write"], new_run()) == {
        "type": "object",
        "properties": {"value": {"type": "string"}},
        "required": ["value"],
    }


def test_a_failed_tool_is_an_api_error_with_what_it_said(
    open_functions: Open, new_run: Any
) -> None:
    run = new_run()
    with pytest.raises(KosmoError) as raised:
        open_functions().call("mcp.call", ["s.fail", {"why": '{"code": 7}'}], run)
    assert raised.value.fields() == {
        "type": "api",
        "message": 'MCP tool error (s.fail): {"code": 7}',
        "function_name": "app.mcp.s.fail",
        "server": "s",
        "tool": "fail",
        "body": {"code": 7},
    }
    assert run.log == [("app.mcp.s.fail", "fail", "s", False)]


def test_an_error_of_the_protocol_has_its_code_and_data(open_functions: Open, new_run: Any) -> None:
    with pytest.raises(KosmoError) as raised:
        open_functions().call("mcp.call", ["s.refuse"], new_run())
    assert raised.value.fields() == {
        "type": "api",
        "message": "MCP server 's': I know no 'refuse'",
        "function_name": "app.mcp.s.refuse",
        "server": "s",
        "code": -32601,
        "body": {"asked": "'refuse'"},
    }


def test_an_error_of_a_server_that_goes_on_is_not_taken_for_its_end(
    open_functions: Open, new_run: Any
) -> None:
    functions = open_functions()
    with pytest.raises(KosmoError) as raised:
        functions.call("mcp.call", ["s.locked"], new_run())
    assert raised.value.message == "MCP server 's': the issue is closed"
    assert raised.value.fields()["code"] == -32000


def test_an_answer_the_protocol_does_not_allow_is_an_api_error(
    open_functions: Open, new_run: Any
) -> None:
    functions = open_functions()
    with pytest.raises(
        KosmoError, match=r"^MCP server 's' gave an answer that the protocol"
    ) as raised:
        functions.call("mcp.call", ["s.nonsense"], new_run())
    assert raised.value.error_type == "api"
    assert functions.call("mcp.call", ["s.echo", {"message": "still here"}], new_run()) == (
        "still here"
    )


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "s.ecko",
            {},
            "Unknown tool: app.mcp.s.ecko. Did you mean: echo?",
        ),
        ("t.echo", {}, "Unknown MCP server: t. Configured: s."),
        (
            "echo",
            {},
            "'echo' does not name a tool of an MCP server; write 'server.tool'. mcp.servers() and "
            "mcp.tools(server) list them.",
        ),
        (
            "s.echo",
            {"mesage": "x"},
            "app.mcp.s.echo: Unknown parameter 'mesage'. Did you mean 'message'? "
            "Missing required parameter(s): message",
        ),
        (
            "s.add",
            {"a": "one", "b": 2},
            "app.mcp.s.add: Parameter 'a' takes an integer, got string \"one\".",
        ),
        (None, {}, "mcp: the name of a tool, 'server.tool' is missing; it is a string"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_called(
    open_functions: Open, new_run: Any, name: Any, arguments: Any, message: str
) -> None:
    run = new_run()
    with pytest.raises(ValidationError) as raised:
        open_functions().call("mcp.call", [name, arguments], run)
    assert raised.value.message == message
    assert (run.questions, run.log) == ([], [])


@pytest.mark.parametrize(
    ("function", "arguments", "what"),
    [
        ("mcp.schema", ["." * 2_000_000 + "x"], "the name of a tool, 'server.tool'"),
        ("mcp.call", ["." * 2_000_000 + "x"], "the name of a tool, 'server.tool'"),
        ("mcp.tools", ["s" * 2_000_000], "the name of a server"),
        ("app.mcp", ["s" * 2_000_000], "the name of a server"),
        ("app.mcp.tool", ["s", "t" * 2_000_000], "the name of a tool"),
        ("mcp.get_prompt", ["s", "p" * 2_000_000], "the name of a prompt"),
    ],
)
def test_a_name_is_bounded_before_it_is_looked_at(
    open_functions: Open, new_run: Any, function: str, arguments: Any, what: str
) -> None:
    functions = open_functions()
    length = len(arguments[-1])
    with pytest.raises(ValidationError) as raised:
        functions.call(function, arguments, new_run())
    assert raised.value.message == (
        f"mcp: {what} has {length:,} characters; it may have at most 512"
    )


def test_a_tool_without_the_read_only_hint_is_a_write_and_asks(
    open_functions: Open, new_run: Any
) -> None:
    functions, run = open_functions(), new_run()
    with pytest.raises(PermissionDenied):
        functions.call("mcp.call", ["s.write_secret", {"api_token": "hunter22"}], run)
    assert run.questions[-1] == (
        "app.mcp.s.write_secret (write, MCP server 's', stdio)\n"
        "  api_token = ***\n"
        "Allow s.write_secret for the rest of this run?"
    )
    assert run.log == []
    allowed = new_run(writes=True)
    assert functions.call("mcp.call", ["s.write", {"value": "x"}], allowed) == "written"


def test_resources_are_listed_and_read(open_functions: Open, new_run: Any) -> None:
    functions, run = open_functions(), new_run()
    listed: Any = functions.call("mcp.resources", ["s"], run)
    assert listed[0] == {"uri": "memo://text", "name": "text"}
    read = [functions.call("mcp.read_resource", ["s", each["uri"]], run) for each in listed]
    assert read == ["1", [1], {"uri": "memo://blob", "mimeType": "image/png", "blob": "AAAA"}]
    assert run.log[1] == ("mcp.read_resource", "resources/read", "s", True)


def test_prompts_are_listed_and_filled_in(open_functions: Open, new_run: Any) -> None:
    functions, run = open_functions(), new_run()
    listed = functions.call("mcp.prompts", ["s"], run)
    assert listed == [{"name": "greet", "arguments": [{"name": "who", "required": True}]}]
    assert functions.call("mcp.get_prompt", ["s", "greet", {"who": 7}], run) == {
        "description": "A greeting",
        "messages": [{"role": "user", "content": {"type": "text", "text": "Greet 7."}}],
    }


def test_a_server_that_has_grown_is_asked_again(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    functions, run = open_functions({"s": scripted("--grows")}), new_run()
    assert len(functions.tools("s", run)) == 1
    assert functions.call("app.mcp.tool", ["s", "tool_1"], run) == "tool_1"


def test_a_tool_is_told_the_trace_of_the_run_and_the_journal_is_not(
    open_functions: Open, new_run: Any, scripted: Any, tmp_path: Path
) -> None:
    log = tmp_path / "messages"
    functions, run = open_functions({"s": scripted("--log", str(log))}), new_run()
    for run.traceparent in (None, "", f"00-{'a' * 32}-{'b' * 16}-01"):
        functions.call("mcp.call", ["s.echo", {"message": "m"}], run)
    messages = [json.loads(line) for line in log.read_text().splitlines()]
    calls = [each["params"] for each in messages if each.get("method") == "tools/call"]
    assert ["traceparent" in each.get("_meta", {}) for each in calls] == [False, False, True]
    assert calls[2]["_meta"]["traceparent"] == run.traceparent
    called = [each for each in run.journaled_calls if each.content.method == "tools/call"]
    assert called == [called[0]] * 3


def test_names_that_lua_cannot_write_are_made_safe(
    open_functions: Open, new_run: Any, scripted: Any
) -> None:
    functions = open_functions({"my.server-2": scripted(), "end": scripted()})
    names = [each["name"] for each in functions.call("mcp.servers", [], new_run())]  # type: ignore
    assert names == ["end_", "my_server_2"]
    for call_path in ("my_server_2.echo", "my.server-2.echo"):
        assert functions.call("mcp.call", [call_path, {"message": "m"}], new_run()) == "m"


def test_without_a_configured_server_the_list_is_empty_and_nothing_is_loaded(
    open_functions: Open, new_run: Any
) -> None:
    functions = open_functions({})
    assert functions.call("mcp.servers", [], new_run()) == []
    assert functions.call("mcp.tools", [], new_run()) == []
    with pytest.raises(ValidationError, match=r"^Unknown MCP server: s\. No MCP server is"):
        functions.call("mcp.tools", ["s"], new_run())
