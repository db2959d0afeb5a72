"""webhooks_sync: one webhook for every project, and a second run that changes nothing."""

import json
from typing import Any

import pytest

from kosmo_circleci import Run
from tests.support.shipped import ORG, OTHER, REPO, Simulation, run_workflow, write_count

URL = "https://ci.acme.com/hook"
SECRET = "sign-with-this-secret"


def sync(circleci: Simulation, **arguments: Any) -> Run:
    return run_workflow(
        circleci, "webhooks_sync", **({"org": ORG, "url": URL, "secret": SECRET} | arguments)
    )


def statuses(run: Run) -> dict[str, str]:
    return {row["project"]: row["status"] for row in run.result}


def webhooks(circleci: Simulation, project_id: str) -> list[dict[str, Any]]:
    rows = circleci.world.tables["webhooks"].values()
    return [dict(row) for row in rows if row["project_id"] == project_id]


def test_what_is_missing_is_created_and_the_rest_is_left_alone(circleci: Simulation) -> None:
    run = sync(circleci)

    assert statuses(run) == {REPO: "created", OTHER: "created"}
    others, ours = webhooks(circleci, "project-uuid")
    assert (others["name"], others["url"]) == ("builds", "https://example.com/hook")
    assert (ours["name"], ours["url"], ours["events"], ours["verify-tls"]) == (
        "kosmo",
        URL,
        ["workflow-completed"],
        True,
    )
    assert ours["signing-secret"] == SECRET
    assert f"Webhooks of {ORG}: 2 created, 0 updated, 0 unchanged, 0 failed" in str(run.result_text)


def test_a_second_run_changes_nothing(circleci: Simulation) -> None:
    sync(circleci)
    again = sync(circleci)

    assert statuses(again) == {REPO: "unchanged", OTHER: "unchanged"}
    assert write_count(again) == 0


def test_only_what_differs_is_updated(circleci: Simulation) -> None:
    sync(circleci)
    run = sync(circleci, events=["job-completed", "workflow-completed"], verify_tls=False)

    assert [row["changes"] for row in run.result] == ["events, verify_tls"] * 2
    [ours] = webhooks(circleci, "another-project-uuid")
    assert (ours["events"], ours["verify-tls"], ours["signing-secret"]) == (
        ["job-completed", "workflow-completed"],
        False,
        SECRET,
    )
    swapped = sync(circleci, events=["workflow-completed", "job-completed"], verify_tls=False)
    assert write_count(swapped) == 0


def test_a_webhook_of_that_url_is_taken_over_rather_than_doubled(circleci: Simulation) -> None:
    run = sync(circleci, url="https://example.com/hook", projects="/example-repo$")

    [row] = run.result
    assert (row["status"], row["changes"], row["webhook"]) == (
        "updated",
        "name, events",
        "webhook-uuid",
    )
    assert len(webhooks(circleci, "project-uuid")) == 1


def test_existing_webhooks_get_a_new_secret_when_told_to(circleci: Simulation) -> None:
    sync(circleci)
    unasked = sync(circleci, secret="another-signing-secret")
    asked = sync(circleci, secret="another-signing-secret", new_secret="yes")

    assert write_count(unasked) == 0
    assert [row["changes"] for row in asked.result] == ["signing_secret"] * 2
    assert (
        webhooks(circleci, "another-project-uuid")[0]["signing-secret"] == "another-signing-secret"
    )


def test_the_secret_is_nowhere_in_what_the_run_says(circleci: Simulation) -> None:
    run = sync(circleci)

    assert SECRET not in json.dumps(run.to_json()) + str(run.result_text)


def test_a_project_that_refuses_fails_the_run_after_the_others_are_done(
    circleci: Simulation,
) -> None:
    circleci.refuse("/project/gh/example-org/example-repo")

    run = sync(circleci)

    assert (run.success, run.script_exit_code) == (False, 1)
    assert statuses(run) == {REPO: "failed", OTHER: "created"}
    assert run.result[0]["error"] == "CircleCI API error (403): Permission denied."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "http://ci.acme.com"}, "The url must begin with https://, got http://ci.acme.com"),
        ({"secret": ""}, "The secret is empty."),
        ({"events": []}, "events must be a list"),
        ({"events": ["job-done"]}, "There is no event 'job-done'"),
        ({"projects": "nothing"}, f"You follow no project of {ORG} whose slug matches nothing."),
        ({"org": "gh/nobody"}, "You follow no project of gh/nobody."),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    circleci: Simulation, arguments: dict[str, Any], error: str
) -> None:
    run = sync(circleci, **arguments)

    assert error in str(run.error)
    assert write_count(run) == 0
