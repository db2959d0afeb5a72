"""The permission question: what it shows, what an answer means, how long it holds."""

import io
import os
import pty
from collections.abc import Iterator
from typing import Any, TextIO

import pytest

from kosmo_circleci.cli.script.prompt import Asker, can_ask

CHOICES = "[y]es, for the rest of this run; [o]nce, this call only; [N]o: "
WRITES = """
local c = app.integrations.circleci
local function try(name, arguments)
  local ok, err = pcall(c[name], arguments)
  print(name, ok or err.type)
end
try("upsert_context_env_var", {context_id = "context-uuid", env_var_name = "A", value = "hunter2!"})
try("upsert_context_env_var", {context_id = "context-uuid", env_var_name = "B", value = "hunter2!"})
try("delete_context_env_var", {context_id = "context-uuid", env_var_name = "A"})
"""
QUESTION_1 = "Allow upsert_context_env_var?"
QUESTION_2 = "Allow delete_context_env_var?"


@pytest.fixture
def keyboard() -> Iterator[tuple[int, TextIO]]:
    """Return where to type, and the terminal that gives what was typed."""
    master, slave = pty.openpty()
    with open(slave) as typed:
        yield master, typed
    os.close(master)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", "run"),
        ("YES\n", "run"),
        ("o\n", "once"),
        ("Once\n", "once"),
        ("n\n", "no"),
        ("no\n", "no"),
        ("\n", "no"),
        ("\x04", "no"),
    ],
)
def test_an_answer_is_a_word_or_its_first_letter(
    keyboard: tuple[int, TextIO], typed: str, answer: str
) -> None:
    master, terminal = keyboard
    shown = io.StringIO()
    os.write(master, typed.encode())
    assert Asker(terminal, shown).ask("question") == answer
    assert shown.getvalue().count(CHOICES) == 1


def test_what_is_no_answer_is_asked_again(keyboard: tuple[int, TextIO]) -> None:
    master, terminal = keyboard
    shown = io.StringIO()
    os.write(master, b"maybe\ny\n")
    assert Asker(terminal, shown).ask("Send it?") == "run"
    assert shown.getvalue() == f"Send it?\n{CHOICES}'maybe' is not an answer. {CHOICES}"


def test_a_run_that_is_over_waits_for_no_answer(keyboard: tuple[int, TextIO]) -> None:
    looks: list[Any] = []
    shown = io.StringIO()
    asker = Asker(keyboard[1], shown)
    assert asker.ask("Send it?", lambda: len(looks) == 2 or bool(looks.append(None))) == "no"
    assert shown.getvalue() == f"Send it?\n{CHOICES}\n"


def test_nobody_is_asked_without_a_terminal_on_both_sides(keyboard: tuple[int, TextIO]) -> None:
    assert can_ask(keyboard[1], keyboard[1])
    assert not can_ask(keyboard[1], io.StringIO())
    assert not can_ask(io.StringIO(), keyboard[1])


def test_a_script_asks_once_per_function_and_masks_secrets(terminal: Any) -> None:
    screen = terminal("integrations:lua", "--simulate", "-e", WRITES)
    question = screen.expect(QUESTION_1)
    assert "upsert_context_env_var" in question
    assert "context-uuid" in question
    assert "***" in question
    screen.expect(CHOICES)
    screen.send("y\n")
    assert screen.expect(QUESTION_2).count("upsert_context_env_var\ttrue") == 2
    screen.expect(CHOICES)
    screen.send("\n")
    screen.expect("delete_context_env_var\tpermission")
    assert screen.end() == 0
    assert "hunter2!" not in screen.seen


def test_once_holds_for_one_call(terminal: Any) -> None:
    screen = terminal("integrations:lua", "--simulate", "-e", WRITES)
    for _ in range(3):
        screen.expect(CHOICES)
        screen.send("o\n")
    screen.expect("delete_context_env_var\ttrue")
    assert screen.end() == 0


def test_ctrl_c_at_the_question_ends_the_run(terminal: Any) -> None:
    screen = terminal("integrations:lua", "--simulate", "-e", WRITES)
    screen.expect(CHOICES)
    screen.send("\x03")
    screen.expect("Interrupted")
    assert screen.end() == 130


def test_a_timeout_ends_the_question_too(terminal: Any) -> None:
    screen = terminal("integrations:lua", "--simulate", "--timeout", "1.5", "-e", WRITES)
    screen.expect(CHOICES)
    screen.expect("The run took longer than 1.5 s.")
    assert screen.end() == 1


def test_one_call_asks_as_a_script_does(terminal: Any) -> None:
    call = ("integrations:call", "delete_context", "--context-id=context-uuid", "--simulate")
    screen = terminal(*call)
    screen.expect("Allow delete_context?")
    screen.expect(CHOICES)
    screen.send("y\n")
    assert screen.end() == 0
    refused = terminal(*call)
    refused.expect(CHOICES)
    refused.send("n\n")
    refused.expect("error: app.integrations.circleci.delete_context is a write")
    assert refused.end() == 1
