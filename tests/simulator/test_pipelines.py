from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"


def trigger(ask: Ask, **body: Any) -> dict[str, Any]:
    status, pipeline = ask("POST", f"{PROJECT}/pipeline", body)
    assert status == 201, pipeline
    return pipeline


def only_workflow(ask: Ask, pipeline_id: str) -> dict[str, Any]:
    status, page = ask("GET", f"/pipeline/{pipeline_id}/workflow")
    assert (status, len(page["items"]), page["next_page_token"]) == (200, 1, None)
    return page["items"][0]


def poll(ask: Ask, pipeline_id: str) -> list[str]:
    """Ask until the workflow rests; return every status that was seen."""
    seen = [only_workflow(ask, pipeline_id)["status"]]
    while seen[-1] in ("running", "failing") and len(seen) < 12:
        seen.append(only_workflow(ask, pipeline_id)["status"])
    return seen


def jobs(ask: Ask, workflow_id: str) -> dict[str, dict[str, Any]]:
    status, page = ask("GET", f"/workflow/{workflow_id}/job")
    assert status == 200
    return {job["name"]: job for job in page["items"]}


def statuses(ask: Ask, workflow_id: str) -> dict[str, str]:
    return {name: job["status"] for name, job in jobs(ask, workflow_id).items()}


@pytest.mark.parametrize(
    ("branch", "last"),
    [("main", "success"), ("feature/x", "success"), ("fail/x", "failed"), ("hold/x", "on_hold")],
)
def test_a_triggered_pipeline_runs_while_polled_and_ends_by_its_branch(
    ask: Ask, branch: str, last: str
) -> None:
    pipeline = trigger(ask, branch=branch)
    assert (pipeline["number"], pipeline["state"]) == (46, "created")
    seen = poll(ask, pipeline["id"])
    assert seen[:-1] == ["running"] * (len(seen) - 1)
    assert seen[-1] == last
    assert 4 <= len(seen) <= 12


def test_each_job_moves_from_queued_to_running_to_success(ask: Ask) -> None:
    workflow = only_workflow(ask, trigger(ask)["id"])
    seen = [tuple(statuses(ask, workflow["id"]).values()) for _ in range(5)]
    assert seen == [
        ("running", "blocked", "blocked"),
        ("success", "running", "blocked"),
        ("success", "running", "blocked"),
        ("success", "success", "running"),
        ("success", "success", "success"),
    ]


def test_what_was_triggered_is_what_the_pipeline_shows(ask: Ask) -> None:
    triggered = trigger(ask, branch="feature/x", parameters={"deploy": True, "to": "eu", "n": 3})
    status, pipeline = ask("GET", f"/pipeline/{triggered['id']}")
    assert status == 200
    assert pipeline["trigger_parameters"] == {"deploy": True, "to": "eu", "n": 3}
    assert pipeline["vcs"]["branch"] == "feature/x"
    assert pipeline["trigger"]["type"] == "api"
    assert pipeline["trigger"]["actor"]["login"] == "example-user"
    assert ask("GET", f"{PROJECT}/pipeline/46") == (200, pipeline)
    values = ask("GET", f"/pipeline/{triggered['id']}/values")[1]
    assert (values["pipeline.number"], values["pipeline.parameters.to"]) == (46, "eu")


def test_a_tag_is_built_without_a_branch(ask: Ask) -> None:
    triggered = trigger(ask, tag="v1.0.0")
    vcs = ask("GET", f"/pipeline/{triggered['id']}")[1]["vcs"]
    assert (vcs.get("branch"), vcs["tag"]) == (None, "v1.0.0")
    assert poll(ask, triggered["id"])[-1] == "success"


@pytest.mark.parametrize(
    ("body", "branch"),
    [
        ({}, "main"),
        ({"config": {"branch": "fail/config"}}, "fail/config"),
        ({"config": {"branch": "main"}, "checkout": {"branch": "hold/it"}}, "hold/it"),
    ],
)
def test_a_pipeline_run_builds_what_is_checked_out(
    ask: Ask, body: dict[str, Any], branch: str
) -> None:
    status, run = ask("POST", f"{PROJECT}/pipeline/run", body)
    assert (status, run["number"]) == (201, 46)
    assert ask("GET", f"/pipeline/{run['id']}")[1]["vcs"]["branch"] == branch


def test_pipelines_are_listed_newest_first_and_filtered(ask: Ask) -> None:
    trigger(ask, branch="fail/payments")

    def numbers(path: str, **query: Any) -> list[int]:
        return [each["number"] for each in ask("GET", path, **query)[1]["items"]]

    everything = list(range(46, 32, -1))
    assert numbers(f"{PROJECT}/pipeline") == everything
    assert numbers(f"{PROJECT}/pipeline", branch="fail/payments") == [46, 41]
    assert numbers(f"{PROJECT}/pipeline/mine") == [each for each in everything if each != 41]
    another = [5, 4, 3, 2, 1]
    assert numbers("/project/gh/example-org/another-repo/pipeline") == another
    of_all = numbers("/pipeline", org_slug="github/example-org")
    assert of_all == [46, 45, 44, 43, 42, 41, 5, 40, 4, 39, 3, 38, 2, 37, 1, 36, 35, 34, 33]
    assert numbers("/pipeline", mine="true") == [each for each in of_all if each != 41]


def test_a_held_pipeline_goes_on_when_it_is_approved_and_only_once(ask: Ask) -> None:
    pipeline = trigger(ask, branch="hold/deploy")
    workflow_id = only_workflow(ask, pipeline["id"])["id"]
    approval = jobs(ask, workflow_id)["hold-deploy"]
    assert (approval["type"], approval["status"]) == ("approval", "blocked")
    path = f"/workflow/{workflow_id}/approve/{approval['approval_request_id']}"
    assert ask("POST", path)[0] == 400

    assert poll(ask, pipeline["id"])[-1] == "on_hold"
    assert ask("POST", path) == (202, {"message": "Accepted."})
    status, refusal = ask("POST", path)
    assert (status, refusal["message"]) == (
        400,
        "The approval job hold-deploy is not on hold, it is success.",
    )
    assert poll(ask, pipeline["id"])[-1] == "success"
    assert jobs(ask, workflow_id)["hold-deploy"]["approved_by"] == "user-uuid"


def test_the_seeded_approval_lets_the_deployment_go(ask: Ask) -> None:
    path = "/workflow/on-hold-workflow-uuid/approve"
    assert ask("POST", f"{path}/nothing-uuid") == (404, {"message": "Approval request not found"})
    assert ask("POST", f"{path}/approval-uuid") == (202, {"message": "Accepted."})
    assert poll(ask, "on-hold-pipeline-uuid")[-1] == "success"


def test_a_canceled_workflow_stops_at_once_and_cannot_be_canceled_again(ask: Ask) -> None:
    workflow_id = only_workflow(ask, trigger(ask)["id"])["id"]
    assert ask("POST", f"/workflow/{workflow_id}/cancel") == (202, {"message": "Accepted."})
    workflow = ask("GET", f"/workflow/{workflow_id}")[1]
    assert (workflow["status"], workflow["canceled_by"]) == ("canceled", "user-uuid")
    assert workflow["stopped_at"] is not None
    assert set(statuses(ask, workflow_id).values()) == {"canceled"}
    assert ask("POST", f"/workflow/{workflow_id}/cancel") == (
        400,
        {"message": "The workflow cannot be canceled, it is canceled."},
    )


@pytest.mark.parametrize("path", [f"{PROJECT}/job/110/cancel", "/jobs/running-job-uuid/cancel"])
def test_a_running_job_is_canceled_by_number_or_by_id(ask: Ask, path: str) -> None:
    assert ask("POST", path) == (200, {"message": "Accepted."})
    assert statuses(ask, "running-workflow-uuid") == {
        "lint": "success",
        "test": "canceled",
        "deploy": "not_run",
    }
    assert ask("GET", "/workflow/running-workflow-uuid")[1]["status"] == "canceled"
    assert ask("POST", path) == (400, {"message": "The job cannot be canceled, it is canceled."})


def test_a_rerun_from_failed_keeps_what_succeeded_and_runs_the_rest(ask: Ask) -> None:
    before = jobs(ask, "failed-workflow-uuid")
    path = "/workflow/failed-workflow-uuid/rerun"
    status, answer = ask("POST", path, {"from_failed": True})
    assert status == 202
    workflows = ask("GET", "/pipeline/failed-pipeline-uuid/workflow")[1]["items"]
    assert [each["id"] for each in workflows] == ["failed-workflow-uuid", answer["workflow_id"]]

    after = jobs(ask, answer["workflow_id"])
    assert after["lint"] == before["lint"]
    assert (before["test"]["job_number"], after["test"]["job_number"]) == (98, 113)
    assert after["test"]["dependencies"] == [before["lint"]["id"]]


def test_a_rerun_of_the_whole_runs_every_job_again_with_new_numbers(ask: Ask) -> None:
    status, answer = ask("POST", "/workflow/workflow-uuid/rerun", {})
    assert status == 202
    again = jobs(ask, answer["workflow_id"])
    assert [each["job_number"] for each in again.values()] == [113, 114, 115]
    for _ in range(6):
        workflow = ask("GET", f"/workflow/{answer['workflow_id']}")[1]
    assert (workflow["status"], workflow["pipeline_number"]) == ("success", 42)


def test_a_rerun_of_chosen_jobs_runs_them_and_what_depends_on_them(ask: Ask) -> None:
    _, answer = ask("POST", "/workflow/workflow-uuid/rerun", {"jobs": ["job-uuid"]})
    numbers = [each["job_number"] for each in jobs(ask, answer["workflow_id"]).values()]
    assert numbers == [101, 113, 114]


@pytest.mark.parametrize(
    ("workflow_id", "body", "message"),
    [
        (
            "workflow-uuid",
            {"from_failed": True, "jobs": ["job-uuid"]},
            "Only one of from_failed and jobs may be given.",
        ),
        (
            "workflow-uuid",
            {"enable_ssh": True},
            "enable_ssh needs jobs: the ids of the jobs to run again.",
        ),
        ("workflow-uuid", {"jobs": ["nothing"]}, "The workflow has no job nothing."),
        (
            "running-workflow-uuid",
            {"from_failed": True},
            "The workflow has not ended, it is running.",
        ),
    ],
)
def test_a_rerun_that_contradicts_itself_is_refused(
    ask: Ask, workflow_id: str, body: dict[str, Any], message: str
) -> None:
    answer = ask("POST", f"/workflow/{workflow_id}/rerun", body)
    assert answer == (400, {"message": message})


def test_a_setup_pipeline_is_continued_once_with_its_key(ask: Ask) -> None:
    body = {
        "continuation-key": "continuation-key",
        "configuration": "version: 2.1\n",
        "parameters": {"run-e2e": True},
    }
    assert ask("GET", "/pipeline/setup-pipeline-uuid")[1]["state"] == "setup"
    assert ask("POST", "/pipeline/continue", body) == (200, {"message": "Accepted."})
    pipeline = ask("GET", "/pipeline/setup-pipeline-uuid")[1]
    assert (pipeline["state"], pipeline["trigger_parameters"]) == ("created", {"run-e2e": True})
    workflows = ask("GET", "/pipeline/setup-pipeline-uuid/workflow")[1]["items"]
    assert [(each["name"], each["tag"]) for each in workflows] == [
        ("setup", "setup"),
        ("build-and-test", None),
    ]
    config = ask("GET", "/pipeline/setup-pipeline-uuid/config")[1]
    assert config["source"] == "version: 2.1\n"
    assert ask("POST", "/pipeline/continue", body) == (
        400,
        {"message": "The pipeline was already continued."},
    )


def test_the_job_test_of_a_failed_run_shows_the_failing_test_and_its_artifacts(ask: Ask) -> None:
    details = ask("GET", f"{PROJECT}/job/98")[1]
    assert (details["name"], details["status"], details["duration"]) == ("test", "failed", 10_000)
    assert details["latest_workflow"] == {"id": "failed-workflow-uuid", "name": "build-and-test"}
    tests = ask("GET", f"{PROJECT}/98/tests")[1]["items"]
    assert [(each["name"], each["result"]) for each in tests] == [
        ("test_login", "failure"),
        ("test_logout", "success"),
        ("test_profile", "success"),
    ]
    artifacts = ask("GET", f"{PROJECT}/98/artifacts")[1]["items"]
    assert [(each["node_index"], each["path"]) for each in artifacts] == [
        (node, path)
        for node in (0, 1)
        for path in ("coverage/index.html", "test-results/results.xml", "logs/test.log")
    ]
    assert "failed-job-uuid" in artifacts[0]["url"]


def test_a_job_that_has_not_run_has_no_artifacts_and_no_tests(ask: Ask) -> None:
    empty = (200, {"items": [], "next_page_token": None})
    assert ask("GET", f"{PROJECT}/110/artifacts") == empty
    assert ask("GET", f"{PROJECT}/110/tests") == empty


@pytest.mark.parametrize(
    ("pipeline_id", "workflow_id", "expected"),
    [
        (
            "pipeline-uuid",
            "workflow-uuid",
            {"lint": (101, "success"), "test": (102, "success"), "deploy": (103, "success")},
        ),
        (
            "failed-pipeline-uuid",
            "failed-workflow-uuid",
            {"lint": (97, "success"), "test": (98, "failed"), "deploy": (99, "not_run")},
        ),
        (
            "on-hold-pipeline-uuid",
            "on-hold-workflow-uuid",
            {
                "lint": (104, "success"),
                "test": (105, "success"),
                "hold-deploy": (None, "on_hold"),
                "deploy": (106, "blocked"),
            },
        ),
        (
            "running-pipeline-uuid",
            "running-workflow-uuid",
            {"lint": (109, "success"), "test": (110, "running"), "deploy": (111, "blocked")},
        ),
        (
            "running-pipeline-uuid",
            "integration-workflow-uuid",
            {"build": (107, "success"), "test": (108, "failed")},
        ),
    ],
)
def test_the_seeded_pipelines_have_the_workflows_and_jobs_of_the_documentation(
    ask: Ask, pipeline_id: str, workflow_id: str, expected: dict[str, tuple[int | None, str]]
) -> None:
    workflows = ask("GET", f"/pipeline/{pipeline_id}/workflow")[1]["items"]
    assert workflow_id in [each["id"] for each in workflows]
    rows = jobs(ask, workflow_id)
    assert {k: (v.get("job_number"), v["status"]) for k, v in rows.items()} == expected
