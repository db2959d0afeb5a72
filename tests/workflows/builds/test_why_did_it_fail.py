"""why_did_it_fail: the newest build of a branch, step by step."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.run.envelope import Run

ANOTHER = {"project": "gh/example-org/another-repo"}


def test_main_failed_in_a_step_with_an_exit_code_a_test_and_a_log(
    workflow: Callable[..., Run],
) -> None:
    run = workflow("why_did_it_fail")

    assert run.success
    [row] = run.result
    assert (row["branch"], row["workflow"], row["job"], row["step"]) == (
        "main",
        "integration",
        "test",
        "Run tests",
    )
    assert row["exit_code"] == 1
    assert [test["name"] for test in row["tests"]] == ["test_login"]
    page = str(run.result_text).splitlines()
    assert page[:5] == [
        "Pipeline 44 on main of gh/example-org/example-repo",
        "",
        'integration / test, step 103 "Run tests": failed, exit code 1',
        f"  {row['url']}",
        "  failed: test_login: AssertionError: expected 200, got 500",
    ]
    assert page[-1].startswith("    FAILED tests/test_account.py::test_login")
    assert run.output == ""


def test_lines_is_how_much_of_the_log_is_shown(workflow: Callable[..., Run]) -> None:
    run = workflow("why_did_it_fail", {"lines": "2"})

    assert run.result[0]["log"].count("\n") == 1
    assert run.result[0]["truncated"] is True


@pytest.mark.parametrize(
    ("branch", "status"),
    [("timeout/search", "timedout"), ("infra/search", "infrastructure_fail")],
)
def test_jobs_that_were_killed_are_failures(
    branch: str, status: str, workflow: Callable[..., Run]
) -> None:
    run = workflow("why_did_it_fail", {**ANOTHER, "branch": branch})

    assert [(row["job"], row["status"]) for row in run.result] == [("test", status)]
    assert f": {status}" in str(run.result_text)


@pytest.mark.parametrize("choice", [{}, {"only": "^test"}])
def test_a_configuration_that_was_refused_says_what_is_wrong_with_it(
    choice: dict[str, str], workflow: Callable[..., Run]
) -> None:
    run = workflow("why_did_it_fail", {**ANOTHER, "branch": "error/search", **choice})

    trouble = "Job 'test' requires 'lint', which is the name of 0 other jobs."
    assert [row["message"] for row in run.result] == [trouble]
    assert run.result_text == (
        "Pipeline 3 on error/search of gh/example-org/another-repo\n\n"
        f"the pipeline cannot run\n  {trouble}"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"branch": "flaky/x"},
            "nothing failed in the newest pipeline of gh/example-org/example-repo on flaky/x",
        ),
        (
            {"branch": "flaky/login"},
            "nothing failed in the newest pipeline of gh/example-org/example-repo on flaky/login",
        ),
        (
            {"branch": "mian"},
            "gh/example-org/example-repo has no pipeline on the branch mian",
        ),
        (
            {"only": "^lint$"},
            "no failed job matches ^lint$; failed: test",
        ),
    ],
)
def test_without_a_failure_the_page_says_which_kind_of_nothing_it_is(
    arguments: dict[str, str],
    text: str,
    workflow: Callable[..., Run],
    trigger: Callable[..., Any],
) -> None:
    trigger("flaky/x", 300, simulate="success")

    run = workflow("why_did_it_fail", arguments)

    assert (run.success, run.result, run.result_text) == (True, [], text)


def test_a_failure_counts_while_it_is_run_again(
    workflow: Callable[..., Run], trigger: Callable[..., Any]
) -> None:
    trigger("slow/flaky/x", 3000)
    workflow("rerun_failed", {"branch": "slow/flaky/x", "wait": "false"})

    run = workflow("why_did_it_fail", {"branch": "slow/flaky/x"})

    assert [row["job"] for row in run.result] == ["test"]


def test_only_chooses_jobs_by_a_regex(workflow: Callable[..., Run]) -> None:
    run = workflow("why_did_it_fail", {"only": "^te.t$"})

    assert [row["job"] for row in run.result] == ["test"]


def test_an_unknown_project_is_the_answer_of_circleci(workflow: Callable[..., Run]) -> None:
    run = workflow("why_did_it_fail", {"project": "gh/example-org/nowhere"})

    assert (run.error_type, run.exit_code) == ("api", 1)
    assert "CircleCI API error (404): Project not found" in str(run.error)
