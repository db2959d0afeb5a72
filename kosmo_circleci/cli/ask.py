"""The permission question on a terminal: this call, this function in this run, or no.

A script writes to the same terminal before it asks, and may try to have its question answered
unseen. So what was typed ahead is dropped, and whatever the script has done to the terminal is
undone before the question is shown: an unfinished escape sequence that would swallow it, concealed
or same-coloured text, another character set, a scrolling region, insert mode.
"""

import os
import select
import sys
import termios
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from kosmo_circleci.run.consent import consent_of, safe_question
from kosmo_circleci.run.listener import Consent
from kosmo_circleci.wording import printable

CHOICES: Final = "[y]es, this function in this run; [o]nce, this call only; [N]o: "
_CLEAN: Final = "".join(
    (
        "\x18\x1b\\",  # end an unfinished sequence: CAN, then ST
        "\x1b[!p",  # DECSTR: soft reset, which leaves the screen's text alone
        "\x1b[0m\x1b(B\x0f",  # no attributes, ASCII
        "\x1b[?25h\x1b[?7h\x1b[4l",  # a cursor, wrapped lines, no insert mode
        "\x1b]104\x07\x1b]110\x07\x1b]111\x07",  # the colours of the palette, text and background
        "\r\n\x1b[J",  # a line of its own, with nothing below it
    )
)
_LOOK_EVERY_S: Final = 0.1
_LONGEST_ANSWER: Final = 1024


def can_ask(answers: TextIO | None = None, questions: TextIO | None = None) -> bool:
    """Say whether there is a person to ask: standard input and standard error are terminals."""
    answers, questions = answers or sys.stdin, questions or sys.stderr
    return answers is not None and questions is not None and answers.isatty() and questions.isatty()


class Asker:
    """Puts permission questions to the person at the terminal.

    `answers` and `questions` default to standard input and standard error.
    """

    def __init__(
        self,
        answers: TextIO | None = None,
        questions: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._answers, self._questions = answers or sys.stdin, questions or sys.stderr
        self._clean = "" if environ.get("TERM", "dumb") == "dumb" else _CLEAN

    def ask(self, question: str, stopped: Callable[[], bool] = lambda: False) -> Consent:
        """Show the question (secrets already masked) and return the person's answer.

        An empty answer and the end of the input mean no; so does `stopped()`, which is checked
        while the question is open: a run may end before its answer.
        """
        sys.stdout.flush()
        text = f"{self._clean}{safe_question(question)}\n{CHOICES}"
        while True:
            termios.tcflush(self._answers.fileno(), termios.TCIFLUSH)
            self._show(text)
            line = _line(self._answers, stopped)
            if not line:
                self._show("\n")
                return "no"
            consent = consent_of(line)
            if consent is not None:
                return consent
            text = f"'{printable(line.strip()[:20])}' is not an answer. {CHOICES}"

    def _show(self, text: str) -> None:
        self._questions.write(text)
        self._questions.flush()


def asker() -> Asker | None:
    """Return the asker of this process's terminal, or None without one."""
    return Asker() if can_ask() else None


def _line(answers: TextIO, stopped: Callable[[], bool]) -> str:
    """Return the next line, or "" at the end of the input and when the run is over.

    A signal handler only notes Ctrl-C, and a plain `readline` would keep reading.
    """
    descriptor = answers.fileno()
    while not stopped():
        if select.select([descriptor], [], [], _LOOK_EVERY_S)[0]:
            return os.read(descriptor, _LONGEST_ANSWER).decode("utf-8", "replace")
    return ""
