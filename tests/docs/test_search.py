import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kosmo_circleci.catalog import words
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import search
from kosmo_circleci.workflows.library import Workflow

CATALOG = load_catalog()
LINE = re.compile(
    r"circleci\.\w+ \((read|write)\): .+|[a-z0-9_.]+ \((?:helper|workflow)\): .+|\w+ \(guide\): .+"
)


def _questions() -> ModuleType:
    path = Path(__file__).with_name("questions.py")
    spec = importlib.util.spec_from_file_location("questions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


QUESTIONS = _questions()


@pytest.mark.parametrize(("question", "function"), QUESTIONS.FIRST.items())
def test_the_function_a_question_means_comes_first(question: str, function: str) -> None:
    assert search.ranked(question, CATALOG)[0] == function


@pytest.mark.parametrize(("question", "functions"), QUESTIONS.TOP_THREE.items())
def test_a_question_with_several_answers_has_one_of_them_in_the_first_three(
    question: str, functions: tuple[str, ...]
) -> None:
    assert set(functions) & set(search.ranked(question, CATALOG)[:3])


def test_an_answer_is_at_most_ten_lines_of_name_kind_and_sentence() -> None:
    lines = search.search("cancel a running workflow", CATALOG).splitlines()
    assert lines[0] == (
        "circleci.cancel_workflow (write): Cancel a running workflow and all of its jobs."
    )
    for question in (*QUESTIONS.FIRST, *QUESTIONS.TOP_THREE):
        lines = search.search(question, CATALOG).splitlines()
        assert 1 <= len(lines) <= 10
        assert [line for line in lines if not LINE.fullmatch(line)] == []


@pytest.mark.parametrize("spelling", [*CATALOG.names])
def test_a_function_s_own_name_finds_it(spelling: str) -> None:
    assert search.ranked(spelling, CATALOG)[0] == spelling
    assert search.ranked(f"app.integrations.circleci.{spelling}", CATALOG)[0] == spelling


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("", "The query is empty."),
        (" \n ", "The query is empty."),
        ("zzzzqqqq", "Nothing matches 'zzzzqqqq'."),
        ("!?", "Nothing matches '!?'."),
        ("the of and", "Nothing matches 'the of and'."),
        ("a\0\x1b[31m", "Nothing matches 'a\\x00\\x1b[31m'."),
        ("ß漢字", "Nothing matches 'ß漢字'."),
        ("zq" * 60, f"Nothing matches '{('zq' * 60)[:59]}…'."),
    ],
)
def test_a_question_without_known_words_says_what_to_ask_instead(question: str, start: str) -> None:
    assert search.search(question, CATALOG) == (
        f"{start} Say what you want to do in words of the field (pipeline, workflow, job, context, "
        "env var, schedule, webhook, insights), such as 'cancel a running job'; docs.list() names "
        "every page."
    )


def test_a_very_long_question_is_answered_quickly() -> None:
    question = "cancel the workflow " + "qwzx vbnmk plkjh " * 20_000
    assert search.ranked(question, CATALOG)[0] == "cancel_workflow"


def _typos(word: str) -> Iterator[str]:
    for place in range(1, len(word)):
        yield word[:place] + word[place + 1 :]  # a letter left out
        yield word[:place] + word[place - 1 : place] + word[place:]  # a letter doubled
    for place in range(1, len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]  # two swapped


@pytest.mark.parametrize(
    ("word", "function"),
    [
        ("workflow", "cancel_workflow"),
        ("webhook", "delete_webhook"),
        ("schedule", "delete_schedule"),
        ("context", "delete_context"),
    ],
)
def test_one_wrong_letter_in_a_noun_does_not_matter(word: str, function: str) -> None:
    verb = function.partition("_")[0]
    wrong = [
        typo for typo in _typos(word) if search.ranked(f"{verb} {typo}", CATALOG)[0] != function
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("jobs", "job"),
        ("running", "run"),
        ("cancelled", "cancell"),
        ("policies", "policy"),
        ("status", "status"),
        ("settings", "setting"),
        ("statuses", "status"),
        ("addresses", "address"),
        ("approved", "approv"),
        ("approve", "approv"),
    ],
)
def test_words_lose_their_endings(word: str, stem: str) -> None:
    assert words.stem(word) == stem


def test_the_order_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "from kosmo_circleci.docs.search import search\n"
        "from kosmo_circleci.catalog.load import load_catalog\n"
        "for q in ('canel wrkflow', 'secrets', 'run ci', 'slow jobs', 'deplo componnt'):\n"
        "    print(search(q, load_catalog()))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1


def test_workflows_come_behind_the_three_best_and_first_by_their_name() -> None:
    name = "workflows.why_did_it_fail"
    assert search.ranked("why did the newest build fail", CATALOG)[3] == name
    for spelling in ("why_did_it_fail", name):
        assert search.ranked(spelling, CATALOG)[0] == name
    assert name not in search.ranked("why did the newest build fail", CATALOG, [])


@pytest.mark.parametrize(
    "question", ["cancel a running workflow", "rerun only the failed jobs", "list projects"]
)
def test_where_a_function_does_all_that_is_asked_there_are_no_workflows(
    question: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.lua"
    path.write_text(f"--- {question.capitalize()} of every zeppelin.\n")
    own = Workflow("own", "user", path)
    assert "workflows.own" not in search.ranked(question, CATALOG, [own])
    assert "workflows.own" in search.ranked(f"{question} of a zeppelin", CATALOG, [own])


@pytest.mark.parametrize(
    ("question", "guide"),
    [
        ("what does error 404 mean", "errors"),
        ("resume after a crash", "journal"),
        ("plan and apply", "journal"),
        ("simulator", "simulator"),
        ("rehearse offline", "simulator"),
        ("run it in batch", "fleet"),
        ("lint a script", "checking"),
        ("opentelemetry", "telemetry"),
        ("how to sign in", "overview"),
        ("sandbox limits", "overview"),
        ("shell completion", "cli"),
        ("show me examples", "examples"),
    ],
)
def test_a_question_about_the_program_finds_the_guide(question: str, guide: str) -> None:
    assert guide in search.ranked(question, CATALOG)[:3]


@pytest.mark.parametrize(
    ("question", "workflow"),
    [
        ("download artifacts", "download_artifacts"),
        ("rotate a secret in a context", "rotate_context_secret"),
        ("rerun the failed workflow", "rerun_failed"),
    ],
)
def test_a_workflow_whose_name_is_in_the_question_comes_whatever_a_function_does(
    question: str, workflow: str
) -> None:
    assert f"workflows.{workflow}" in search.ranked(question, CATALOG)[:5]
