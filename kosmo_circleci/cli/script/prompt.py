"""The permission question on a terminal: this call, no call, or every further one."""

import os
import select
import sys
from collections.abc import Callable
from typing import Final, TextIO

_CHOICES: Final = "[y]es, [N]o, [a]lways (every further question of this run): "
_YES: Final = frozenset({"y", "yes"})
_ALWAYS: Final = frozenset({"a", "always"})
_LOOK_EVERY_S: Final = 0.1
_LONGEST_ANSWER: Final = 1024


def can_ask(answers: TextIO | None = None, questions: TextIO | None = None) -> bool:
    """Say whether there is a person to ask: standard input and standard error are terminals."""
    answers, questions = answers or sys.stdin, questions or sys.stderr
    return answers is not None and questions is not None and answers.isatty() and questions.isatty()


class Asker:
    """Puts permission questions to the person at the terminal, and remembers "always".

    `answers` and `questions` are standard input and standard error unless given.
    """

    def __init__(self, answers: TextIO | None = None, questions: TextIO | None = None) -> None:
        self._answers, self._questions = answers or sys.stdin, questions or sys.stderr
        self._always = False

    def ask(self, question: str, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Show the question (secrets already masked) and return whether the answer was yes.

        After "always" it is yes without asking again. An empty answer and the end of the input mean
        no; so does `stopped()`, which is looked at while the question stands: a run may end before
        its answer.
        """
        if self._always:
            return True
        answer = self._answer(question, stopped)
        self._always = answer in _ALWAYS
        return self._always or answer in _YES

    def _answer(self, question: str, stopped: Callable[[], bool]) -> str:
        text = f"{question}\n{_CHOICES}"
        while True:
            self._show(text)
            line = _line(self._answers, stopped)
            if not line:
                self._show("\n")
                return "no"
            answer = line.strip().lower()
            if answer in _YES | _ALWAYS | {"", "n", "no"}:
                return answer
            shown = "".join(char for char in answer[:20] if char.isprintable())
            text = f"'{shown}' is no answer. {_CHOICES}"

    def _show(self, text: str) -> None:
        self._questions.write(text)
        self._questions.flush()


def asker() -> Asker | None:
    """Return who puts questions to the person at this process's terminal; None where nobody is."""
    return Asker() if can_ask() else None


def _line(answers: TextIO, stopped: Callable[[], bool]) -> str:
    """Return the next line, or "" at the end of the input and when the run is over.

    A signal handler only takes note of Ctrl-C, and a plain `readline` would go on reading.
    """
    if os.name != "posix":
        return answers.readline()
    descriptor = answers.fileno()
    while not stopped():
        if select.select([descriptor], [], [], _LOOK_EVERY_S)[0]:
            # A terminal gives one line at a time; what was typed after it stays for the next read.
            return os.read(descriptor, _LONGEST_ANSWER).decode("utf-8", "replace")
    return ""
