"""cost_report: the credits of an organization's projects, workflows or jobs."""

import pytest

from tests.support.shipped import ORG, OTHER, Simulation, run_workflow


def test_projects_are_listed_by_their_credits(circleci: Simulation) -> None:
    run = run_workflow(circleci, "cost_report", org=ORG)

    assert run.error is None
    assert run.result == [
        {
            "project": "another-repo",
            "credits": 235,
            "runs": 4,
            "credits_per_run": 58.8,
            "share_percent": 77.3,
        },
        {
            "project": "example-repo",
            "credits": 69,
            "runs": 12,
            "credits_per_run": 5.8,
            "share_percent": 22.7,
        },
    ]
    assert str(run.result_text).startswith(f"{ORG}: 304 credits in 14 days, by 2 projects\n\n")


def test_one_project_is_reported_alone(circleci: Simulation) -> None:
    run = run_workflow(circleci, "cost_report", project=OTHER, by="workflow")

    assert [(row["project"], row["name"], row["credits"]) for row in run.result] == [
        ("another-repo", "build-and-test", 235)
    ]


@pytest.mark.parametrize("by", ["workflow", "job"])
def test_workflows_and_jobs_add_up_to_what_their_projects_used(
    circleci: Simulation, by: str
) -> None:
    run = run_workflow(circleci, "cost_report", org=ORG, by=by, top=0)

    assert sum(row["credits"] for row in run.result) == 304
    assert all(row["name"] for row in run.result)


def test_the_share_counts_what_is_not_shown_too(circleci: Simulation) -> None:
    run = run_workflow(circleci, "cost_report", org=ORG, by="job", top=1)

    [row] = run.result
    assert (row["name"], row["credits"], row["share_percent"]) == ("test", 230, 75.7)


def test_five_hundred_projects_take_few_requests(circleci: Simulation) -> None:
    organization = circleci.world.organization_by_slug(ORG)
    for number in range(500):
        circleci.world.add_project(organization, f"service-{number:03}")

    run = run_workflow(circleci, "cost_report", org=ORG, by="job")

    assert "by 502 projects" in str(run.result_text)
    assert run.result[0]["project"] == "another-repo"
    # One for the organization, 11 pages of projects, and 11 lists of 50 projects asked twice.
    assert run.call_count <= 1 + 11 + 2 * 11


def test_a_project_that_used_nothing_has_no_rows(circleci: Simulation) -> None:
    circleci.call("create_project", org_slug_or_id=ORG, name="quiet")

    run = run_workflow(circleci, "cost_report", project=f"{ORG}/quiet")

    assert (run.result, run.result_text) == (
        [],
        "gh/example-org/quiet: 0 credits in 14 days, by 1 project",
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"by": "team"}, "by cannot be 'team'. It is one of: project, workflow, job"),
        ({"days": 0}, "days must be 1 or more"),
        ({"project": "gh/a/b"}, "There is no project gh/a/b that this token sees."),
        ({"org": "gh/nobody"}, "CircleCI API error (404): Organization not found"),
    ],
)
def test_what_is_wrong_is_said(
    circleci: Simulation, arguments: dict[str, object], error: str
) -> None:
    run = run_workflow(circleci, "cost_report", **({"org": ORG} | arguments))

    assert error in str(run.error)
