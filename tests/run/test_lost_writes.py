"""What a person says about a write whose answer was lost."""

import pytest

from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.lost_writes import decide


class Person(RunListener):
    def __init__(self, *answers: Consent | None) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []

    def ask(self, question: str) -> Consent | None:
        self.questions.append(question)
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        ((None,), "stop"),
        (("run",), "repeat"),
        (("once",), "repeat"),
        (("no", "run"), "skip"),
        (("no", "no"), "stop"),
        (("no", None), "stop"),
    ],
)
def test_a_lost_write_is_repeated_taken_as_done_or_stops_the_run(
    answers: tuple[Consent | None, ...], decision: str
) -> None:
    person = Person(*answers)
    assert decide(person, "create_context (POST /api/v2/context)") == decision
    assert "  create_context (POST /api/v2/context)" in person.questions[0]
    assert len(person.questions) == len(answers)
