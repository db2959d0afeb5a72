"""The interactive prompt, typed into on a terminal and fed from a pipe."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

REPL = ("integrations:lua", "--repl", "--simulate")


@pytest.mark.parametrize(
    ("lines", "out", "err"),
    [
        ("1 + 1\n", "2\n", ""),
        ("x = 5\nx\nx * 2 -- twice\n", "5\n10\n", ""),
        ("x\n", "nil\n", ""),
        ("print('a')\n", "a\n", ""),
        ("1, 'two'\n", '[\n  1,\n  "two"\n]\n', ""),
        ("'text'\n", "text\n", ""),
        ("function f(a)\n  return a * 2\nend\nf(21)\n", "42\n", ""),
        ("{1,\n2}\n", "[\n  1,\n  2\n]\n", ""),
        ("local q = 1\nq\n", "1\n", ""),
        ("local function f(n) return n + 1 end\nlocal a, b = f(1), f(2)\na * b\n", "6\n", ""),
        ("do local inner = 1 end\ninner\n", "nil\n", ""),
        ("s = [[one\n\ntwo]]\ns\n", "one\n\ntwo\n", ""),
        ("\n\n  \n7\n", "7\n", ""),
        ("error('boom')\n1\n", "1\n", "error: repl:1: boom\n"),
        ("x x\n1\n", "1\n", "error: repl:1: syntax error near 'x'\n"),
        ("f(\n\nerror('a')\n)\n", "", "error: repl:3: a\n"),
        ("if true then\n", "", "error: the input ends before the last chunk is complete\n"),
        ("::done:: x = 1\nx\n", "1\n", ""),
        (":quit\n1\n", "", ""),
        (":serch\n", "", "error: There is no command ':serch'. Did you mean ':search'?\n"),
        (":xyz\n", "", "error: There is no command ':xyz'. See :help.\n"),
        ("x = 1\n:reset\nx\n", "nil\n", ""),
        (
            "app.integrations.circleci.delete_context('context-uuid')\n",
            "",
            "error: repl:1: app.integrations.circleci.delete_context is a write: the policy asks "
            "before writes, and no confirmation was given. Nothing was sent. Run it with --force "
            "(Python: force=True), or change the policy: `kosmo integrations:configure circleci "
            "--write allow`, which is `permissions: {write: allow}` under integrations.circleci in "
            "the configuration file.\n",
        ),
    ],
)
def test_lines_from_a_pipe_are_run_without_prompts(
    process: Any, lines: str, out: str, err: str
) -> None:
    ended = process(*REPL, stdin=lines)
    assert (ended.out, ended.err) == (out, err)
    assert ended.code == (1 if "input ends" in err else 0)


def test_options_hold_for_every_line(process: Any) -> None:
    lines = "args.who\napp.integrations.circleci.delete_context('context-uuid').message\n"
    ended = process(*REPL, "--force", "--arg", "who=me", stdin=lines)
    assert ended.out.splitlines()[0] == "me"
    assert (ended.code, ended.err) == (0, "")


def test_limits_hold_for_every_line_and_the_state_stays(process: Any) -> None:
    lines = "x = 5\nwhile true do end\nx\nfor i = 1, 1e6 do end\n('a'):rep(1e9)\nx\n"
    ended = process(*REPL, "--cpu-limit", "0.3", "--memory-limit", "32M", stdin=lines)
    assert ended.out == "5\n5\n"
    assert [line[:46] for line in ended.err.splitlines()] == [
        "error: repl:1: The script used more than 0.3 s",
        "error: The script needed more memory than its ",
    ]


def test_a_line_that_has_to_be_killed_takes_the_state_with_it(process: Any) -> None:
    lines = "x = 5\nstring.find(('a'):rep(3e4), ('.-'):rep(20) .. 'b')\nx\n1\n"
    ended = process(*REPL, "--timeout", "1", stdin=lines)
    assert ended.out == "nil\n1\n"
    assert ended.err == (
        "error: The run took longer than 1 s. Raise the limit with --timeout SECONDS (Python: "
        "Limits(timeout_s=…)).\n"
        "warning: that line had to be killed, and the state went with it: globals are gone\n"
    )


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (["--json"], "--json"),
        (["-e", "1"], "--eval"),
        (["x.lua"], "FILE"),
        (["--trace", "t"], "--trace"),
        (["--report", "r"], "--report"),
    ],
)
def test_the_prompt_reads_its_own_lines(kosmo: Any, option: list[str], name: str) -> None:
    ended = kosmo(*REPL, *option)
    message = f"--repl and {name} exclude each other: a prompt reads its own lines."
    assert ended.code == 2
    if name == "--json":
        assert (ended.json["error"], ended.json["error_type"]) == (message, "usage")
    else:
        assert (ended.out, ended.err) == ("", f"error: {message}\n")


def test_documentation_is_at_hand(process: Any) -> None:
    ended = process(*REPL, stdin=":help\n:doc circleci.get_pipeline\n:search cancel a job\n")
    assert ":doc NAME" in ended.out
    assert "app.integrations.circleci.get_pipeline" in ended.out
    assert "circleci.cancel_job_by_id (write)" in ended.out
    assert ended.err == ""


def test_an_unknown_account_ends_it_at_once(process: Any) -> None:
    ended = process(*REPL, "--account", "nope", stdin="1\n")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: Unknown account 'nope'.")


def test_a_terminal_completes_remembers_and_is_interrupted(terminal: Any, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    screen = terminal(*REPL, env={"XDG_STATE_HOME": state, "PROMPT_TOOLKIT_NO_CPR": "1"})
    screen.expect(":help for help")
    screen.expect(">")
    for typed, completed, rest in (
        ("c = app.integrations.circ", "leci", "\r"),
        ("c.get_current_us", "er", "().login\r"),
        ("c.get_webhook{webh", "ook_id =", "'nope'}\r"),
    ):
        screen.send(typed)
        screen.expect(typed)
        screen.send("\t")
        screen.expect(completed)
        screen.send(rest)
    assert "example-user\n" in screen.seen
    screen.expect("error: repl:1: CircleCI API error (404)")
    screen.expect(">")
    screen.send("c.get_pro\x03")
    screen.expect("\x1b[?2004l")  # the line is given up
    screen.expect(">")
    screen.send("for i = 1, 2 do\r")
    screen.send("print('line ' .. i) end\r")
    screen.expect("line 1\nline 2\n")
    screen.expect(">")
    screen.send("while true do end\r")
    screen.expect("calls done")  # the line is running
    screen.send("\x03")
    screen.expect("Interrupted by Ctrl-C.")
    screen.expect(">")
    screen.send("6 * 7\r")
    screen.expect("42\n")
    screen.expect(">")
    screen.send(":quit\r")
    assert screen.end() == 0
    file = tmp_path / "state" / "kosmo" / "lua_history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert entries == [
        "c = app.integrations.circleci",
        "c.get_current_user().login",
        "c.get_webhook{webhook_id = 'nope'}",
        "for i = 1, 2 do\nprint('line ' .. i) end",
        "while true do end",
        "6 * 7",
        ":quit",
    ]


def test_a_write_is_asked_for_at_the_prompt(terminal: Any) -> None:
    screen = terminal(*REPL, env={"TERM": "dumb"})
    screen.expect("> ")
    screen.send("app.integrations.circleci.delete_context('context-uuid')\n")
    screen.expect("Allow delete_context?")
    screen.send("y\n")
    screen.expect("message")
    screen.expect("> ")
    screen.send("\x04")
    assert screen.end() == 0


PLAIN = """
import sys
sys.modules["prompt_toolkit"] = None  # as if the extra were not installed
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


def test_without_the_extra_lines_are_read_as_the_terminal_gives_them(terminal: Any) -> None:
    screen = terminal(*REPL, command=(sys.executable, "-c", PLAIN))
    screen.expect("> ")
    screen.send("local c = app.integrations.circleci\n")
    screen.expect("> ")
    screen.send("c.get_current_user().login\n")
    screen.expect("example-user\n")
    screen.expect("> ")
    screen.send("while true do end\n")
    screen.expect("calls done")
    screen.send("\x03")
    screen.expect("Interrupted by Ctrl-C.")
    screen.expect("> ")
    screen.send("\x04")
    assert screen.end() == 0


PASTES = [
    # One chunk: it runs as a whole.
    (
        "local n = 0\nfor i = 1, 3 do\n  n = n + i\nend\nprint('sum ' .. n)",
        "sum 6\n",
    ),
    # Not one chunk, since an expression is no statement: line by line, as if typed.
    ("local x = 20\nlocal y = x + 1\nx + y", "41\n"),
    ("local t = {\n  a = 1,\n}\nt.a + 1", "2\n"),
    (":search cancel a workflow\n6 * 7", "42\n"),
]


@pytest.mark.parametrize(("pasted", "shown"), PASTES)
def test_several_lines_can_be_pasted(terminal: Any, pasted: str, shown: str) -> None:
    screen = terminal(*REPL, env={"PROMPT_TOOLKIT_NO_CPR": "1"})
    screen.expect(":help for help")
    screen.expect(">")
    screen.send(f"\x1b[200~{pasted}\x1b[201~")
    screen.send("\r")
    screen.expect("\x1b[?2004l")  # the editor has drawn the lines
    screen.expect(shown)
    screen.expect(">")
    screen.send(":quit\r")
    assert screen.end() == 0


@pytest.mark.parametrize(("pasted", "shown"), PASTES)
def test_several_lines_can_be_pasted_without_the_editor_too(
    terminal: Any, pasted: str, shown: str
) -> None:
    screen = terminal(*REPL, command=(sys.executable, "-c", PLAIN))
    screen.expect("> ")
    screen.send(f"{pasted}\n")
    screen.expect(shown)
    screen.send("\x04")
    assert screen.end() == 0


def test_the_first_of_the_pasted_lines_that_fails_is_the_last(terminal: Any) -> None:
    screen = terminal(*REPL, env={"PROMPT_TOOLKIT_NO_CPR": "1"})
    screen.expect(":help for help")
    screen.expect(">")
    screen.send("\x1b[200~1 + 1\nerror('boom')\nprint('not' .. ' reached')\x1b[201~\r")
    screen.expect("error: repl:1: boom")
    screen.expect(">")
    screen.send(":quit\r")
    assert screen.end() == 0
    assert "not reached" not in screen.seen


def test_a_page_at_the_prompt_is_laid_out(terminal: Any) -> None:
    screen = terminal(*REPL, env={"PROMPT_TOOLKIT_NO_CPR": "1", "NO_COLOR": "1", "PAGER": ""})
    screen.expect(":help for help")
    screen.send(":doc circleci.get_pipeline\r")
    screen.expect("Lua path: app.integrations.circleci.get_pipeline")
    screen.send(":quit\r")
    assert screen.end() == 0
    assert "| ---" not in screen.seen
