"""The permission question on a terminal: this call, no call, or every further one."""

import sys
from collections.abc import Callable
from typing import Final, TextIO

_CHOICES: Final = "[y]es, [N]o, [a]lways (every further question of this run): "
_YES: Final = frozenset({"y", "yes"})
_ALWAYS: Final = frozenset({"a", "always"})


def asker(
    answers: TextIO | None = None, questions: TextIO | None = None
) -> Callable[[str], bool] | None:
    """Return what puts a permission question to the person at the terminal; None without one.

    `answers` and `questions` are standard input and standard error unless given; both must be
    terminals. The function takes the question (secrets already masked) and returns whether the
    answer was yes. After "always" it says yes without asking again. No answer, an empty one and the
    end of the input mean no.
    """
    answers, questions = answers or sys.stdin, questions or sys.stderr
    if answers is None or questions is None or not (answers.isatty() and questions.isatty()):
        return None
    always = False

    def ask(question: str) -> bool:
        nonlocal always
        if always:
            return True
        answer = _answer(question, answers, questions)
        always = answer in _ALWAYS
        return always or answer in _YES

    return ask


def _answer(question: str, answers: TextIO, questions: TextIO) -> str:
    text = f"{question}\n{_CHOICES}"
    while True:
        questions.write(text)
        questions.flush()
        line = answers.readline()
        if not line:
            questions.write("\n")
            return "no"
        answer = line.strip().lower()
        if answer in _YES | _ALWAYS | {"", "n", "no"}:
            return answer
        text = f"'{answer[:20]}' is no answer. {_CHOICES}"
