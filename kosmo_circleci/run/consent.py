"""The answers to a permission question, whether a terminal asks or an MCP client."""

from typing import Final, NamedTuple

from kosmo_circleci.run.listener import Consent
from kosmo_circleci.wording import printable


class Choice(NamedTuple):
    """One answer: what it means, the words for it, and its label, for a screen or a form."""

    consent: Consent
    words: tuple[str, ...]
    label: str


CHOICES: Final = (
    Choice("run", ("y", "yes", "a", "always"), "yes, this function in this run"),
    Choice("once", ("o", "once"), "once, this call only"),
    Choice("no", ("n", "no", ""), "no"),
)
"""The answers in the order they are offered; no answer at all is no."""


def consent_of(answer: str) -> Consent | None:
    """Return what an answer means, or None for a word that is not an answer."""
    word = answer.strip().lower()
    return next((choice.consent for choice in CHOICES if word in choice.words), None)


def safe_question(question: str) -> str:
    r"""Return a question for a screen: what could steer it or hide text is written as `\x9b`.

    The parts of a question are made safe where they are put together; this holds for all of it.
    """
    return "\n".join(printable(line) for line in question.split("\n"))
