"""The permission question: what it shows, what an answer means, how long it holds."""

import io
import os
import pty
from collections.abc import Iterator
from typing import Any, Final, TextIO

import pytest

from kosmo_circleci.cli.ask import CHOICES, Asker, can_ask

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


class Screen(io.StringIO):
    """A screen in front of which somebody types a line whenever the choices are shown."""

    def __init__(self, master: int, *lines: str) -> None:
        super().__init__()
        self._master, self._lines = master, list(lines)

    def write(self, text: str) -> int:
        written = super().write(text)
        if text.endswith(CHOICES) and self._lines:
            os.write(self._master, self._lines.pop(0).encode())
        return written


PLAIN: Final = {"TERM": "dumb"}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", "run"),
        ("YES\n", "run"),
        ("a\n", "run"),
        ("always\n", "run"),
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
    shown = Screen(master, typed)
    assert Asker(terminal, shown, PLAIN).ask("question") == answer
    assert shown.getvalue().count(CHOICES) == 1


def test_what_is_not_an_answer_is_asked_again(keyboard: tuple[int, TextIO]) -> None:
    master, terminal = keyboard
    shown = Screen(master, "may\x1bbe\n", "y\n")
    assert Asker(terminal, shown, PLAIN).ask("Send it?") == "run"
    assert shown.getvalue() == f"Send it?\n{CHOICES}'may\\x1bbe' is not an answer. {CHOICES}"


def test_what_was_typed_before_the_question_does_not_answer_it(
    keyboard: tuple[int, TextIO],
) -> None:
    master, terminal = keyboard
    os.write(master, b"y\ny\ny\n")
    shown = Screen(master, "n\n")
    assert Asker(terminal, shown, PLAIN).ask("Send it?") == "no"


def test_a_question_obeys_nothing_that_its_text_says(keyboard: tuple[int, TextIO]) -> None:
    master, terminal = keyboard
    shown = Screen(master, "n\n")
    Asker(terminal, shown, PLAIN).ask("Allow \x1b[8mx\x9b2J\u202e\r?\n  a = 1")
    assert shown.getvalue() == (f"Allow \\x1b[8mx\\x9b2J\\u202e\\r?\n  a = 1\n{CHOICES}")


def test_the_terminal_is_put_right_before_the_question(keyboard: tuple[int, TextIO]) -> None:
    master, terminal = keyboard
    shown = Screen(master, "n\n")
    Asker(terminal, shown, {"TERM": "xterm"}).ask("Send it?")
    before, _, _ = shown.getvalue().partition("Send it?")
    assert before.startswith("\x18\x1b\\\x1b[!p")
    assert before.endswith("\r\n\x1b[J")
    # No attribute (concealed text), ASCII, a cursor, wrapped lines, no insert mode.
    for sequence in ("\x1b[0m", "\x1b(B", "\x1b[?25h", "\x1b[?7h", "\x1b[4l"):
        assert sequence in before


@pytest.mark.parametrize(
    "trick",
    [
        "\\27[30;40m",  # black on black
        "\\27]0;",  # a title that never ends
    ],
)
def test_a_question_is_read_whatever_the_script_has_printed(terminal: Any, trick: str) -> None:
    pyte = pytest.importorskip("pyte")
    program = f"io_ = nil print('{trick}') app.integrations.circleci.cancel_workflow('w')"
    screen = terminal("run", "--simulate", "-e", program)
    screen.expect(CHOICES)
    drawn = pyte.Screen(100, 40)
    stream = pyte.Stream(drawn)
    stream.feed(screen.seen.replace("\n", "\r\n"))
    row = next(i for i, line in enumerate(drawn.display) if "Allow cancel_workflow?" in line)
    cells = [drawn.buffer[row][column] for column in range(len("Allow cancel_workflow?"))]
    assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
    screen.send("n\n")
    screen.expect("you answered no")
    assert screen.end() == 1


def test_a_yes_that_a_script_waits_for_is_not_stolen(terminal: Any) -> None:
    """Typed while the script computes, before any question is on the screen."""
    program = "print('go') local t = os.clock() while os.clock() - t < 0.5 do end " + WRITES
    screen = terminal("run", "--simulate", "-e", program)
    screen.expect("go")
    screen.send("y\ny\ny\n")
    screen.expect(CHOICES)
    screen.send("n\n")
    screen.expect("upsert_context_env_var\tpermission")
    screen.expect(CHOICES)
    screen.send("\n")
    assert screen.end() == 0


def test_a_run_that_is_over_waits_for_no_answer(keyboard: tuple[int, TextIO]) -> None:
    looks: list[Any] = []
    shown = io.StringIO()
    asker = Asker(keyboard[1], shown, PLAIN)
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
