"""Who sees what: what another user has is not there, for reading, writing or listing."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.seeded import ANOTHER_TOKEN

Ask = Callable[..., tuple[int, Any]]

PRIVATE = "/project/gh/another-org/private-repo"

HIDDEN = [
    ("GET", PRIVATE, "Project not found"),
    ("POST", f"{PRIVATE}/pipeline", "Project not found"),
    ("GET", f"{PRIVATE}/envvar", "Project not found"),
    ("GET", f"{PRIVATE}/job/1", "Project not found"),
    ("GET", "/insights/gh/another-org/private-repo/flaky-tests", "Project not found"),
    ("GET", "/projects/private-project-uuid/pipeline-definitions", "Project not found"),
    ("GET", "/webhook?scope-id=private-project-uuid&scope-type=project", "Project not found"),
    ("GET", "/organization/gh/another-org", "Organization not found"),
    ("DELETE", "/organization/another-org-uuid", "Organization not found"),
    ("GET", "/organizations/another-org-uuid/groups", "Organization not found"),
    ("GET", "/context?owner-slug=gh/another-org", "Organization not found"),
    ("GET", "/pipeline?org-slug=gh/another-org", "Organization not found"),
    ("GET", "/deploy/environments?org-id=another-org-uuid&page-size=5", "Organization not found"),
    ("GET", "/otel/exporters?org-id=another-org-uuid", "Organization not found"),
    ("GET", "/insights/gh/another-org/summary", "Organization not found"),
    ("GET", "/context/private-context-uuid", "Context not found"),
    ("PUT", "/context/private-context-uuid/environment-variable/A", "Context not found"),
    ("GET", "/pipeline/private-pipeline-uuid", "Pipeline not found"),
    ("GET", "/workflow/private-workflow-uuid", "Workflow not found"),
    ("POST", "/workflow/private-workflow-uuid/rerun", "Workflow not found"),
    ("POST", "/jobs/private-job-uuid/cancel", "Job not found"),
]


@pytest.mark.parametrize(("method", "path", "message"), HIDDEN)
def test_what_another_user_has_is_not_there(ask: Ask, method: str, path: str, message: str) -> None:
    body = {"value": "x"} if method == "PUT" else None
    assert ask(method, path, body) == (404, {"message": message})


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        (
            "GET",
            "/context?owner-id=gh/example-org",
            None,
            400,
            "owner-id: expected the id of an organization; owner-slug takes a slug",
        ),
        (
            "POST",
            "/context",
            {"name": "staging", "owner": {"id": "gh/example-org"}},
            400,
            "owner.id: expected the id of an organization; owner.slug takes a slug",
        ),
        ("GET", "/context?owner-slug=org-uuid", None, 404, "Organization not found"),
        ("GET", "/pipeline?org-slug=org-uuid", None, 404, "Organization not found"),
        ("GET", "/otel/exporters?org-id=gh/example-org", None, 404, "Organization not found"),
        ("GET", "/organizations/gh%2Fexample-org/groups", None, 404, "Organization not found"),
        ("GET", "/insights/org-uuid/x/summary", None, 404, "Organization not found"),
    ],
)
def test_an_id_is_not_a_slug_and_a_slug_is_not_an_id(
    ask: Ask, method: str, path: str, body: Any, status: int, message: str
) -> None:
    assert ask(method, path, body) == (status, {"message": message})


def test_an_organization_in_a_path_that_takes_both_is_found_by_either(ask: Ask) -> None:
    by_id = ask("GET", "/organization/org-uuid")
    assert by_id[0] == 200
    assert ask("GET", "/organization/github/example-org") == by_id


def test_its_owner_sees_it(ask: Ask) -> None:
    for path in (PRIVATE, "/context/private-context-uuid", "/workflow/private-workflow-uuid"):
        assert ask("GET", path, token=ANOTHER_TOKEN)[0] == 200


def test_lists_show_what_is_ones_own(ask: Ask) -> None:
    mine, theirs = (
        [each["slug"] for each in ask("GET", "/me/collaborations", **token)[1]]
        for token in ({}, {"token": ANOTHER_TOKEN})
    )
    assert (mine, theirs) == (["gh/example-org"], ["gh/example-org", "gh/another-org"])
    pipelines = ask("GET", "/pipeline")[1]["items"]
    assert "private-pipeline-uuid" not in [each["id"] for each in pipelines]


def test_a_policy_of_another_organization_is_refused_in_its_own_form(ask: Ask) -> None:
    path = "/owner/another-org-uuid/context/config/decision/settings"
    assert ask("GET", path) == (404, {"error": "Organization not found"})
    path = "/org/org-uuid/project/private-project-uuid/oidc-custom-claims"
    assert ask("GET", path) == (404, {"error": "Project not found"})


def test_the_user_who_acts_is_recorded(ask: Ask) -> None:
    path = "/workflow/on-hold-workflow-uuid"
    assert ask("POST", f"{path}/approve/approval-uuid", token=ANOTHER_TOKEN)[0] == 202
    jobs = {each["name"]: each for each in ask("GET", f"{path}/job")[1]["items"]}
    assert jobs["hold-deploy"]["approved_by"] == "another-user-uuid"


def test_a_deleted_organization_takes_along_what_it_had(ask: Ask) -> None:
    assert ask("DELETE", "/organization/gh/example-org") == (204, None)
    for path in (
        "/project/gh/example-org/example-repo",
        "/context/context-uuid",
        "/workflow/workflow-uuid",
        "/webhook/webhook-uuid",
        "/schedule/schedule-uuid",
    ):
        assert ask("GET", path)[0] == 404, path
    assert ask("GET", "/me/collaborations") == (200, [])
