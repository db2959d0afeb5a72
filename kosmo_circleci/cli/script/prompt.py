"""The permission question on a terminal: this call, this function in this run, or no."""

import os
import select
import sys
from collections.abc import Callable
from typing import Final, TextIO

from kosmo_circleci.run.listener import Consent

_CHOICES: Final = "[y]es, for the rest of this run; [o]nce, this call only; [N]o: "
_CONSENTS: Final[dict[str, Consent]] = {
    **{"y": "run", "yes": "run"},
    **{"o": "once", "once": "once"},
    **{"n": "no", "no": "no", "": "no"},
}
_LOOK_EVERY_S: Final = 0.1
_LONGEST_ANSWER: Final = 1024


def can_ask(answers: TextIO | None = None, questions: TextIO | None = None) -> bool:
    """Say whether there is a person to ask: standard input and standard error are terminals."""
    answers, questions = answers or sys.stdin, questions or sys.stderr
    return answers is not None and questions is not None and answers.isatty() and questions.isatty()


class Asker:
    """Puts permission questions to the person at the terminal.

    `answers` and `questions` are standard input and standard error unless given.
    """

    def __init__(self, answers: TextIO | None = None, questions: TextIO | None = None) -> None:
        self._answers, self._questions = answers or sys.stdin, questions or sys.stderr

    def ask(self, question: str, stopped: Callable[[], bool] = lambda: False) -> Consent:
        """Show the question (secrets already masked) and return the person's answer.

        An empty answer and the end of the input mean no; so does `stopped()`, which is checked
        while the question is open: a run may end before its answer.
        """
        text = f"{question}\n{_CHOICES}"
        while True:
            self._show(text)
            line = _line(self._answers, stopped)
            if not line:
                self._show("\n")
                return "no"
            word = line.strip().lower()
            if word in _CONSENTS:
                return _CONSENTS[word]
            shown = "".join(char for char in word[:20] if char.isprintable())
            text = f"'{shown}' is not an answer. {_CHOICES}"

    def _show(self, text: str) -> None:
        self._questions.write(text)
        self._questions.flush()


def asker() -> Asker | None:
    """Return who puts questions to the person at this process's terminal; None where nobody is."""
    return Asker() if can_ask() else None


def _line(answers: TextIO, stopped: Callable[[], bool]) -> str:
    """Return the next line, or "" at the end of the input and when the run is over.

    A signal handler only notes Ctrl-C, and a plain `readline` would keep reading.
    """
    descriptor = answers.fileno()
    while not stopped():
        if select.select([descriptor], [], [], _LOOK_EVERY_S)[0]:
            # A terminal gives one line at a time; what was typed after it stays for the next read.
            return os.read(descriptor, _LONGEST_ANSWER).decode("utf-8", "replace")
    return ""
