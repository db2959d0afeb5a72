"""What a resumed run answers from its record needs no permission, and nothing else is excused."""

from pathlib import Path

from listeners import Asking

from kosmo_circleci import Bridge
from kosmo_circleci.run.envelope import Run

HEAD = """
    local c = app.integrations.circleci
    local function trigger()
      return c.trigger_pipeline({project_slug = "gh/example-org/example-repo"}).number
    end
"""


def run(
    bridge: Bridge, code: str, journal: Path, questions: list[str], *, resume: bool = False
) -> Run:
    """Run a script whose user says yes to one call at a time."""

    def ask(question: str) -> str:
        questions.append(question)
        return "once"

    return bridge.run(HEAD + code, journal=journal, resume=resume, listener=Asking(ask))


def test_only_the_writes_that_are_sent_are_asked_for(tmp_path: Path) -> None:
    questions: list[str] = []
    with Bridge(simulate=True) as bridge:
        first = run(bridge, "trigger() trigger() error('stop')", tmp_path / "j", questions)
        assert (first.success, len(questions)) == (False, 2)
        again = run(
            bridge,
            "return {trigger(), trigger(), trigger()}",
            tmp_path / "j",
            questions,
            resume=True,
        )
    assert again.error is None
    assert len(set(again.result)) == 3
    assert len(questions) == 3
    assert again.journal["journal"]["replayed"] == 2


def test_parallel_calls_of_one_content_share_the_record_without_a_gap(tmp_path: Path) -> None:
    questions: list[str] = []
    three = "local n = flow.map({1, 2, 3}, trigger)"
    with Bridge(simulate=True) as bridge:
        run(bridge, "trigger() error('stop')", tmp_path / "j", questions)
        again = run(bridge, three + " return n", tmp_path / "j", questions, resume=True)
    # One was sent before; of the three, two are sent now, each after a yes.
    assert len(questions) == 1 + 2
    assert len(set(again.result)) == 3
