"""flaky_report: the flaky tests of a project or of an organization, the worst first."""

from tests.support.shipped import ORG, OTHER, REPO, Simulation, run_workflow

LOGIN = {
    "project": REPO,
    "test": "test_login",
    "classname": "tests.test_account",
    "file": "tests/test_account.py",
    "workflow": "build-and-test",
    "job": "test",
    "times_flaked": 1,
    "time_wasted_s": 10,
    "last_pipeline": 39,
}


def make_flaky(circleci: Simulation, project: str, times: int) -> None:
    """Let a test of the project flake so many times: it fails, and passes when it runs again."""
    for _ in range(times):
        circleci.call("trigger_pipeline", project_slug=project, branch="flaky/search")
        circleci.transport.advance(600)
        workflow = max(circleci.world.workflows.values(), key=lambda each: each.created_s)
        circleci.call("rerun_workflow", workflow_id=workflow.id, from_failed=True)
        circleci.transport.advance(600)


def test_it_asks_every_project_of_the_organization(circleci: Simulation) -> None:
    run = run_workflow(circleci, "flaky_report", org=ORG)

    assert (run.error, run.result) == (None, [LOGIN])
    assert run.result_text is not None
    assert run.result_text.startswith("1 flaky test in 2 projects\n\n")
    assert [each["tool"] for each in run.call_log].count("circleci_list_flaky_tests") == 2


def test_the_worst_come_first_and_top_cuts(circleci: Simulation) -> None:
    make_flaky(circleci, OTHER, 2)

    every = run_workflow(circleci, "flaky_report", org=ORG, top=0)
    worst = run_workflow(circleci, "flaky_report", org=ORG, top=1)

    assert [(row["project"], row["times_flaked"]) for row in every.result] == [
        (OTHER, 2),
        (REPO, 1),
    ]
    assert worst.result == every.result[:1]
    assert "2 flaky tests in 2 projects" in str(worst.result_text)


def test_one_project_is_asked_alone(circleci: Simulation) -> None:
    run = run_workflow(circleci, "flaky_report", project=OTHER)

    assert (run.result, run.result_text) == ([], "0 flaky tests in 1 project")
    assert run.call_count == 1


def test_a_project_that_cannot_be_read_is_named_and_stops_nothing(circleci: Simulation) -> None:
    circleci.refuse("/insights/gh/example-org/another-repo/")

    run = run_workflow(circleci, "flaky_report", org=ORG)

    assert run.result == [LOGIN]
    assert "1 flaky test in 1 project, 1 project could not be read" in str(run.result_text)
    assert run.log == (f"cannot read {OTHER}: CircleCI API error (403): Permission denied.",)


def test_nothing_readable_is_an_error(circleci: Simulation) -> None:
    circleci.refuse("/insights/")

    run = run_workflow(circleci, "flaky_report", org=ORG)

    assert (run.success, run.error_type) == (False, "api")
    assert "CircleCI API error (403): Permission denied." in str(run.error)


def test_an_organization_without_projects_is_an_error_that_says_what_to_look_at(
    circleci: Simulation,
) -> None:
    run = run_workflow(circleci, "flaky_report", org="gh/nobody")

    assert "You follow no project of gh/nobody." in str(run.error)
    assert "list_collaborations" in str(run.error)
