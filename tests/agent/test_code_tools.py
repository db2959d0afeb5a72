"""Three tools for the whole API: what they say of themselves, and what they answer."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.agent.code_tools import INSTRUCTIONS, CodeTools
from kosmo_circleci.agent.cut import LIMIT_BYTES
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.tool_result import ToolCall
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.docs import guides
from kosmo_circleci.errors import ConfigurationError, ValidationError


@pytest.mark.parametrize("write", ["deny", "ask", "allow"])
@pytest.mark.parametrize("journal", [None, Path("journal")])
def test_the_definitions_have_at_most_2000_bytes(write: Any, journal: Path | None) -> None:
    definitions = CodeTools(Executions(ServeOptions(write, journal=journal))).definitions()
    assert [each["name"] for each in definitions] == [
        "lua_search_docs",
        "lua_read_doc",
        "execute_lua",
    ]
    assert len(json.dumps(definitions)) <= 2000  # however the JSON is written
    assert len(INSTRUCTIONS) < 500


def test_what_the_definitions_name_exists(use: Any) -> None:
    *_, read, execute = CodeTools(Executions(ServeOptions())).definitions()
    named = {word for word in str(read["description"]).split("'")[1::2] if "<" not in word}
    assert named <= {*guides.names(), "circleci"}
    example = str(execute["description"]).partition("Example:\n")[2]
    result = use("execute_lua", code=example.replace("gh/org/repo", "gh/example-org/example-repo"))
    assert not result.is_error
    assert "flow.all" in example


def test_a_server_that_refuses_writes_says_so_and_is_read_only() -> None:
    for write, read_only in (("deny", True), ("allow", False)):
        execute = CodeTools(Executions(ServeOptions(write))).definitions()[2]  # type: ignore
        assert execute["annotations"] == {"readOnlyHint": read_only}
        assert ("Functions marked write are refused." in str(execute["description"])) is read_only


def test_search_and_read_give_the_documentation(use: Any) -> None:
    found = use("lua_search_docs", query="why did a job fail")
    assert "circleci.get_job_details (read): " in found.text
    assert not found.is_error
    page = use("lua_read_doc", page="circleci.get_pipeline")
    assert page.text.startswith("# circleci.get_pipeline\n")
    assert (page.structured, page.is_error) == (None, False)


def test_a_view_gives_an_agent_its_rows(use: Any) -> None:
    result = use("execute_lua", code="return view({{id = 1}}, 'one row')")
    assert result.structured["result"] == [{"id": 1}]
    assert "one row" not in result.text


def test_a_script_gives_back_what_it_returns_and_prints(use: Any) -> None:
    result = use("execute_lua", code="print('one') print({a = 1}) return {list = json.array()}")
    assert result.structured == {
        "success": True,
        "result": {"list": []},
        "output": 'one\n{\n  "a": 1\n}',
        "call_count": 0,
        "simulated": True,
    }
    assert json.loads(result.text) == result.structured
    assert result.is_error is False


def test_a_whole_workflow_is_one_script(use: Any) -> None:
    result = use(
        "execute_lua",
        code="""
            local c = app.integrations.circleci
            local me = c.get_current_user()
            local page = c.list_project_pipelines{project_slug = "gh/example-org/example-repo"}
            return {me.login, #page.items > 0}
        """,
    )
    assert result.structured["result"] == ["example-user", True]
    assert result.structured["call_count"] == 2


@pytest.mark.parametrize(
    ("code", "error_type", "message"),
    [
        ("return (", "syntax", "script:1: unexpected symbol near <eof>"),
        ("\nerror('boom')", "runtime", "script:2: boom"),
        (
            "app.integrations.circleci.get_project('gh/no/where')",
            "api",
            "script:1: CircleCI API error (404): Project not found",
        ),
        ("while true do end", "limit", "script:1: The script used more than 1 s of CPU time."),
        ("return app.integrations.circleci.get_pipelin('x')", "validation", "Unknown function"),
    ],
)
def test_a_script_that_fails_is_an_error_with_type_and_message(
    use: Any, code: str, error_type: str, message: str
) -> None:
    result = use("execute_lua", code=code)
    assert result.is_error
    assert (result.structured["success"], result.structured["error_type"]) == (False, error_type)
    assert message in result.structured["error"]


def test_a_failed_script_shows_the_calls_before_its_end(use: Any) -> None:
    code = """
        local c = app.integrations.circleci
        for _ = 1, 9 do c.get_current_user() end
        print("so far")
        c.get_project("gh/no/where")
    """
    shown = use("execute_lua", code=code).structured
    assert [each["http_status"] for each in shown["last_calls"]] == [200, 200, 200, 200, 404]
    assert shown["last_calls"][-1] == {
        "function": "app.integrations.circleci.get_project",
        "status": "error",
        "http_status": 404,
    }
    assert (shown["output"], shown["call_count"]) == ("so far", 10)


def test_a_write_is_refused_unless_the_server_allows_writes(use: Any) -> None:
    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"
    refused = use("execute_lua", code=code)
    assert refused.structured["error_type"] == "permission"
    assert refused.structured["error"] == (
        "script:1: app.integrations.circleci.trigger_pipeline is a write: the policy denies "
        "writes. Nothing was sent. This server was started with --write=deny; a person can allow "
        "writes with `kosmo mcp:serve --write=allow`."
    )
    assert refused.structured["call_count"] == 0
    allowed = use("execute_lua", write="allow", code=code)
    assert (allowed.is_error, allowed.structured["call_count"]) == (False, 1)


def test_the_option_wins_over_the_configured_policy(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"
    outcomes = []
    for configured, option in (("allow", "deny"), ("deny", "allow")):
        file.write_text(f"integrations: {{circleci: {{permissions: {{write: {configured}}}}}}}\n")
        tools = CodeTools(Executions(ServeOptions(option, simulate=True)))  # type: ignore
        result = tools.call("execute_lua", {"code": code}, ToolCall(Deadline(20)))
        tools.close()
        outcomes.append(result.is_error)
    assert outcomes == [True, False]


def test_a_broken_configuration_is_told_by_the_script_and_not_by_the_documentation(
    tmp_path: Path,
) -> None:
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("integrations: [\n")
    tools = CodeTools(Executions(ServeOptions()))
    call = ToolCall(Deadline(20))
    assert tools.call("lua_read_doc", {"page": "flow"}, call).text.startswith("# ")
    with pytest.raises(ConfigurationError, match=str(file)):
        tools.call("execute_lua", {"code": "return 1"}, call)


def test_a_long_result_is_shown_by_its_beginning_and_says_what_to_do(use: Any) -> None:
    code = "local t = {} for i = 1, 5000 do t[i] = {id = i, log = ('x'):rep(99)} end return t"
    result = use("execute_lua", code=code)
    shown = result.structured
    assert "result" not in shown
    assert shown["result_beginning"][0] == {"id": 1, "log": "x" * 99}
    assert shown["result_beginning"][-1].endswith(" more")
    assert shown["cut"] == (
        "The result has 598,894 bytes of JSON; 32,000 can be shown, so only its beginning is. In "
        "Lua, return less: pick fields, filter, count, or one page."
    )
    assert len(result.text) <= LIMIT_BYTES
    assert json.loads(result.text) == shown


def test_a_script_that_ends_with_an_exit_code_shows_its_value_and_the_code(use: Any) -> None:
    result = use("execute_lua", code="exit(3, {left = 2})")

    shown = result.structured
    assert (shown["success"], shown["exit_code"], shown["result"]) == (False, 3, {"left": 2})


def test_long_output_is_cut_between_prints_and_says_what_to_do(use: Any) -> None:
    code = "for i = 1, 999 do print(('x'):rep(99)) end return {ok = true}"
    result = use("execute_lua", code=code)
    lines = result.structured["output"].split("\n")
    assert {len(line) for line in lines} == {99}
    left_out = 100 * (999 - len(lines))
    assert result.structured["output_cut"] == (
        f"The output has {left_out:,} bytes more than can be shown. "
        "Print less, or return the value that matters."
    )
    assert result.structured["result"] == {"ok": True}
    assert LIMIT_BYTES * 0.9 < len(result.text) <= LIMIT_BYTES * 1.1


def test_a_long_error_is_cut(use: Any) -> None:
    result = use("execute_lua", code="error(('e'):rep(99999))")
    assert len(result.structured["error"]) == LIMIT_BYTES // 8 + 1


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("execute_lu", {}, "Unknown tool 'execute_lu'. Did you mean 'execute_lua'?"),
        ("lua_", {}, "Unknown tool 'lua_'. The tools are: "),
        (
            "execute_lua",
            {"cod": "return 1"},
            "execute_lua: Unknown argument 'cod'. 'code' is missing. It takes: code, account, "
            "simulate",
        ),
        (
            "execute_lua",
            {"code": "return 1", "simulate": "yes", "account": None},
            "execute_lua: 'simulate' must be a boolean, got string \"yes\". It takes: code, "
            "account, simulate",
        ),
        ("lua_read_doc", {"page": ""}, "lua_read_doc: 'page' is missing. It takes: page"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    use: Any, name: str, arguments: Any, message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        use(name, **arguments)
    assert raised.value.message.startswith(message)


def test_an_account_that_is_not_configured_is_a_configuration_error(use: Any) -> None:
    result = use("execute_lua", code="return 1", account="nope")
    assert result.structured["error_type"] == "configuration"
    assert result.structured["error"].startswith("Unknown account 'nope'.")


def test_a_simulated_script_may_write_whatever_the_server_allows() -> None:
    tools = CodeTools(Executions(ServeOptions("deny")))
    code = "return app.integrations.circleci.trigger_pipeline('gh/example-org/example-repo').state"
    call = ToolCall(Deadline(20))
    real = tools.call("execute_lua", {"code": code}, call)
    simulated = tools.call("execute_lua", {"code": code, "simulate": True}, call)
    tools.close()
    assert real.structured is not None
    assert real.structured["error_type"] == "permission"
    assert simulated.structured == {
        "success": True,
        "simulated": True,
        "result": "created",
        "call_count": 1,
    }


def test_a_simulated_script_may_not_write_to_servers_which_are_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scripted = Path(__file__).parents[1] / "mcp_client" / "scripted_server.py"
    file = tmp_path / ".config" / "kosmo" / "mcp.json"
    file.parent.mkdir(parents=True)
    entry = {"command": sys.executable, "args": [str(scripted)]}
    file.write_text(json.dumps({"servers": {"s": entry}}))
    tools = CodeTools(Executions(ServeOptions("deny")))
    arguments: Any = {"code": "app.mcp.s.write({value = 'x'})", "simulate": True}
    result = tools.call("execute_lua", arguments, ToolCall(Deadline(30)))
    tools.close()
    assert result.structured is not None
    assert (result.structured["error_type"], result.structured["call_count"]) == ("permission", 0)


def test_what_one_simulated_script_did_the_next_one_finds(use: Any) -> None:
    create = """
        return app.integrations.circleci.create_context{
          name = "from-the-first", owner = {slug = "gh/example-org", type = "organization"}}.name
    """
    find = """
        local c = app.integrations.circleci
        for context in flow.each(c.list_contexts, {owner_slug = "gh/example-org"}) do
          if context.name == "from-the-first" then return true end
        end
    """
    assert use("execute_lua", write="allow", code=create).structured["result"] == "from-the-first"
    assert use("execute_lua", write="allow", code=find).structured["result"] is True


def test_a_line_printed_before_its_text_became_a_secret_is_masked_too(use: Any) -> None:
    result = use(
        "execute_lua",
        write="allow",
        code="""
            print("hush-hush-value")
            app.integrations.circleci.create_project_env_var{
              project_slug = "gh/example-org/example-repo", name = "A", value = "hush-hush-value"}
            print("hush-hush-value")
            return "hush-hush-value"
        """,
    )
    assert (result.structured["output"], result.structured["result"]) == ("***\n***", "***")
    assert "hush" not in result.text


LONG = "local t = {} for i = 1, 5000 do t[i] = {id = i, name = 'ü' .. i} end return t"


def test_a_long_result_is_kept_and_the_next_script_has_all_of_it(use: Any) -> None:
    result = use("execute_lua", code=LONG)
    (link,) = result.links
    assert link.uri == f"kosmo://results/{link.name}"
    assert f'results["{link.name}"]' in result.structured["kept"]
    code = f"""
        local rows = results["{link.name}"]
        local ok, fault = pcall(function() results["{link.name}"] = 1 end)
        rows[1] = nil
        return {{#results["{link.name}"], results["{link.name}"][4999].name, ok, fault.message}}
    """
    assert use("execute_lua", code=code).structured["result"] == [
        5000,
        "ü4999",
        False,
        f"results is read-only: '{link.name}' cannot be set",
    ]


def test_a_result_that_is_not_kept_is_a_validation_error(use: Any) -> None:
    shown = use("execute_lua", code="return results.r123").structured
    assert shown["error_type"] == "validation"
    assert shown["error"].startswith("script:1: Unknown result: 'r123'.")


def test_scripts_of_one_session_share_their_globals(use: Any) -> None:
    first = use("execute_lua", code="count = (count or 0) + 1 return count", session="a").structured
    again = use("execute_lua", code="count = count + 1 return count", session="a").structured
    other = use("execute_lua", code="return count", session="b").structured
    none = use("execute_lua", code="return count").structured
    assert [each["result"] for each in (first, again, other, none)] == [1, 2, None, None]
    assert [each.get("session") for each in (first, again, other, none)] == [
        "new",
        "continued",
        "new",
        None,
    ]
    assert first["simulated"] is True


def test_a_session_whose_script_had_to_be_killed_says_that_its_globals_are_gone(use: Any) -> None:
    use("execute_lua", code="kept = 1", session="killed")
    endless = "string.find(('a'):rep(60), ('a?'):rep(60) .. ('a'):rep(61))"
    killed = use("execute_lua", code=endless, session="killed").structured
    assert (killed["error_type"], killed["session"][:5]) == ("limit", "ended")
    after = use("execute_lua", code="return kept", session="killed").structured
    assert (after["result"], after["session"]) == (None, "new")


def test_a_session_keeps_to_its_account(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN_WORK", "token-of-work")
    tools = CodeTools(Executions(ServeOptions(simulate=True)))
    call = ToolCall(Deadline(20))
    tools.call("execute_lua", {"code": "return 1", "session": "s"}, call)
    with pytest.raises(ValidationError, match="was opened for the account 'default' of the simul"):
        tools.call("execute_lua", {"code": "return 1", "session": "s", "account": "work"}, call)
    tools.close()


def test_a_check_runs_nothing_and_answers_the_findings(use: Any) -> None:
    code = "local c = app.integrations.circleci\nreturn c.get_pipelin('x')"
    result = use("execute_lua", code=code, check=True)
    assert result.is_error
    assert result.structured["success"] is False
    finding = result.structured["findings"][0]
    assert (finding["file"], finding["line"], finding["rule"]) == ("script", 2, "unknown-function")
    good = "return app.integrations.circleci.trigger_pipeline('gh/a/b')"
    result = use("execute_lua", code=good, check=True)
    assert result.structured == {
        "success": True,
        "findings": [],
        "calls": {"read": [], "write": ["trigger_pipeline"]},
    }


@pytest.mark.parametrize(
    ("code", "writes", "advice"),
    [
        ("c.get_current_user() error('x')", {"done": 0, "refused": 0, "unknown": 0}, "safe"),
        ("c.trigger_pipeline(slug) error('x')", {"done": 1, "refused": 0, "unknown": 0}, "look"),
        (
            "pcall(c.trigger_pipeline, 'gh/no/where') error('x')",
            {"done": 0, "refused": 1, "unknown": 0},
            "safe",
        ),
    ],
)
def test_a_failed_answer_says_what_was_written_and_what_a_second_run_would_mean(
    use: Any, code: str, writes: dict[str, int], advice: str
) -> None:
    head = "local c, slug = app.integrations.circleci, 'gh/example-org/example-repo' "
    shown = use("execute_lua", write="allow", code=head + code).structured
    assert (shown["writes"], shown["rerun"]) == (writes, advice)


def test_a_recorded_run_is_resumed_by_its_id(tmp_path: Path) -> None:
    tools = CodeTools(Executions(ServeOptions("allow", simulate=True, journal=tmp_path)))

    def execute(code: str, **more: Any) -> Any:
        head = "local c, org = app.integrations.circleci, 'gh/example-org'\n"
        arguments = {"code": head + code} | more
        return tools.call("execute_lua", arguments, ToolCall(Deadline(60))).structured

    create = "local owner = {slug = org, type = 'organization'}\n"
    create += "local made = c.create_context{name = 'mine', owner = owner}\n"
    failed = execute(create + "error('stop')")
    assert (failed["rerun"], failed["writes"]["done"]) == ("resume", 1)
    resumed = execute(create + "return made.name", resume=failed["run"])
    count = execute("""
        local mine = 0
        for context in flow.each(c.list_contexts, {owner_slug = org}) do
          if context.name == "mine" then mine = mine + 1 end
        end
        return mine
    """)
    unknown = execute("return 1", resume="no-such-run")
    tools.close()
    assert (resumed["result"], count["result"]) == ("mine", 1)
    assert (unknown["error_type"], unknown["call_count"]) == ("journal", 0)
    assert (tmp_path / "stdio.journal").is_file()


def test_without_a_journal_there_is_nothing_to_resume(use: Any) -> None:
    with pytest.raises(ValidationError, match="Unknown argument 'resume'"):
        use("execute_lua", code="return 1", resume="x")
