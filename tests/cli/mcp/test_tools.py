"""mcp:tools, :schema and :call: the tools of servers from the shell."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_tools_are_listed_once_the_server_is_trusted(
    kosmo: Any, process: Any, project: Path
) -> None:
    refused = process("mcp:tools", "my_server", "--force", "--json")
    assert (refused.code, refused.json["error_type"]) == (1, "permission")
    kosmo("mcp:trust", "my_server")
    ended = process("mcp:tools", "my_server")
    lines = ended.out.splitlines()
    assert lines[0] == "app.mcp.my_server.add (read): Does add."
    assert lines[-1] == "app.mcp.my_server.write_secret (write): Does write_secret."
    assert (ended.code, len(lines), ended.err) == (0, 22, "")
    schema = json.loads(process("mcp:schema", "my_server.echo", "--json").out)
    assert schema["properties"] == {"message": {"type": "string"}}


@pytest.mark.parametrize(
    ("words", "stdin", "out"),
    [
        (["my_server.add", "--a=19", "--b", "23"], "", "42\n"),
        (
            ["my_server.echo", "--message", "007"],
            "",
            "007\n",
        ),
        (["my-server.echo", '{"message": "x"}', "--MESSAGE=flag wins"], "", "flag wins\n"),
        (["my_server.echo", "-"], '{"message": "piped"}', "piped\n"),
        (["my_server.get-JSON"], "", '{\n  "list": [],\n  "none": null,\n  "n": 1.0\n}\n'),
    ],
)
def test_a_call_takes_json_and_flags(
    process: Any, trusted: Path, words: list[str], stdin: str, out: str
) -> None:
    ended = process("mcp:call", *words, stdin=stdin)
    assert (ended.code, ended.out, ended.err) == (0, out, "")


def test_a_call_answers_with_the_envelope(process: Any, trusted: Path) -> None:
    (trusted / "given.json").write_text('{"a": 1, "b": 2}')
    envelope = process("mcp:call", "my_server.add", "@given.json", "--json").json
    assert (envelope["success"], envelope["result"], envelope["call_count"]) == (True, 3, 1)
    assert envelope["meta"]["permission_bypassed"] is False
    call = envelope["call_log"][0]
    assert (call["function"], call["tool"], call["account"], call["status"]) == (
        "app.mcp.my_server.add",
        "add",
        "my_server",
        "ok",
    )


def test_a_call_that_fails_says_why_on_stderr(process: Any, trusted: Path) -> None:
    ended = process("mcp:call", "my_server.fail", "--why=no luck")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: MCP tool error (my_server.fail): no luck\n"


def test_a_write_is_refused_where_nobody_can_be_asked(process: Any, trusted: Path) -> None:
    refused = process("mcp:call", "my_server.write", "--value=x", "--json").json
    assert (refused["error_type"], refused["call_count"]) == ("permission", 0)
    assert refused["error"].startswith(
        "app.mcp.my_server.write is a write: the policy asks before writes"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{"], "The JSON argument is not JSON: "),
        (["[1]"], "The JSON argument must be a JSON object such as "),
        (["{}", "{}"], "Give one JSON argument; single values are written as --key=value."),
        (["@nowhere.json"], "@nowhere.json: No such file or directory."),
    ],
)
def test_words_that_are_no_arguments_are_a_usage_error(
    kosmo: Any, project: Path, words: list[str], message: str
) -> None:
    ended = kosmo("mcp:call", "my_server.echo", *words)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["--dry_run=false"], {"dry_run": False}),
        (["--dry-run=no"], {"dry_run": False}),
        (["--dry-run"], {"dry_run": True}),
        (["--dry-run", '{"maxItems": 2}'], {"maxItems": 2, "dry_run": True}),
        (["--dry-run", "off", "--max-items", "3"], {"dry_run": False, "maxItems": 3}),
        (["--ratio=1.5"], {"ratio": 1.5}),
        (["--ratio=null"], {"ratio": None}),
        (["--tags=a,b", "--tags", "c"], {"tags": ["a,b", "c"]}),
        (["--ids=1,2", "--ids=3"], {"ids": [1, 2, 3]}),
        (['--rows={"a": 1}', '--rows={"a": 2}'], {"rows": [{"a": 1}, {"a": 2}]}),
        (['--filter={"x": 1}'], {"filter": {"x": 1}}),
        (["--filter.x=1", "--filter.y=text"], {"filter": {"x": 1, "y": "text"}}),
        (["--note=007", "--any=007"], {"note": "007", "any": "007"}),
        (["--note=@file", "--any=[1]"], {"note": "@file", "any": [1]}),
    ],
)
def test_a_flag_becomes_what_the_schema_of_the_tool_takes(
    kosmo: Any, trusted: Path, words: list[str], arguments: dict[str, Any]
) -> None:
    envelope = kosmo("mcp:call", "my_server.options", *words, "--json").json
    assert (envelope["error"], envelope["result"]) == (None, arguments)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--dry-run", "maybe"], 2, "'maybe' is neither a JSON object nor a flag."),
        (["{}", "--dry-run", "{}"], 2, "Give one JSON argument;"),
        (["--note"], 2, "--note needs a value: write --note=…"),
        (["--dry-run=maybe"], 1, "Parameter 'dry_run' takes a boolean, got string \"maybe\"."),
        (["--nte=x"], 1, "Unknown parameter 'nte'. Did you mean 'note'?"),
    ],
)
def test_words_that_do_not_fit_the_tool_are_named(
    kosmo: Any, trusted: Path, words: list[str], code: int, message: str
) -> None:
    ended = kosmo("mcp:call", "my_server.options", *words)
    assert (ended.code, ended.out, message in ended.err) == (code, "", True)


def test_a_server_that_fails_is_named_and_the_others_are_listed(kosmo: Any, trusted: Path) -> None:
    entries = json.loads((trusted / ".mcp.json").read_text())["mcpServers"]
    entries |= {"a-broken": {"command": "no-such-program"}, "untrusted": entries["my-server"]}
    (trusted / ".mcp.json").write_text(json.dumps({"mcpServers": entries}))
    kosmo("mcp:trust", "a-broken")
    ended = kosmo("mcp:tools")
    lines = ended.out.splitlines()
    assert lines[0] == (
        "app.mcp.a_broken: error: MCP server 'a-broken' cannot be started: the program "
        "'no-such-program' is not on the PATH. Install it, or give its full path as 'command'."
    )
    assert lines[1] == "app.mcp.my_server.add (read): Does add."
    assert lines[-1].startswith("app.mcp.untrusted: error: The MCP server 'untrusted' of ")
    assert (ended.code, ended.err, len(lines)) == (0, "", 24)
    value = kosmo("mcp:tools", "--json").json
    assert (value["success"], len(value["tools"])) == (True, 22)
    assert [(each["server"], each["error_type"]) for each in value["errors"]] == [
        ("a_broken", "configuration"),
        ("untrusted", "permission"),
    ]


def test_no_server_that_works_is_a_failure(kosmo: Any, project: Path) -> None:
    value = kosmo("mcp:tools", "--json")
    assert (value.code, value.json["success"], value.json["tools"]) == (1, False, [])


def test_an_untrusted_server_runs_with_an_option_of_its_own_which_the_envelope_notes(
    kosmo: Any, process: Any, project: Path
) -> None:
    call = ("mcp:call", "my_server.add", "--a=1", "--b=2", "--json")
    refused = kosmo(*call, "--force").json
    assert (refused["error_type"], "mcp_trust_bypassed" in refused["meta"]) == ("permission", False)
    assert "--trust-mcp" in refused["error"]
    allowed = kosmo(*call, "--trust-mcp").json
    assert (allowed["result"], allowed["meta"]["mcp_trust_bypassed"]) == (3, True)
    assert allowed["meta"]["permission_bypassed"] is False
    for command in ("mcp:lua", "integrations:lua"):
        code = "return app.mcp.my_server.add({a = 1, b = 2})"
        envelope = process(command, "--trust-mcp", "--json", "-e", code).json
        assert (envelope["result"], envelope["meta"]["mcp_trust_bypassed"]) == (3, True)
    assert len(kosmo("mcp:tools", "--trust-mcp").out.splitlines()) == 22
    assert kosmo("mcp:schema", "my_server.add", "--trust-mcp").code == 0


def test_a_call_ends_at_its_time_limit(kosmo: Any, trusted: Path) -> None:
    ended = kosmo("mcp:call", "my_server.slow", "--seconds=60", "--timeout=1", "--json").json
    assert (ended["error_type"], ended["call_log"][0]["status"]) == ("limit", "error")
