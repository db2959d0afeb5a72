"""Resources of API v3 that v2 has too, seen through it: what one writes the other shows."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"


def data(ask: Ask, method: str, path: str, body: Any = None) -> Any:
    status, answer = ask(method, f"/api/v3{path}", body)
    assert status in (200, 201), answer
    return answer["data"]


def names(rows: list[Any]) -> list[str]:
    return [each["attributes"]["name"] for each in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[slug]=gh/example-org/example-repo", ["example-repo"]),
        ("filter[slug]=github/example-org/another-repo", ["another-repo"]),
        ("filter[slug]=circleci/org-uuid/project-uuid", ["example-repo"]),
        ("filter[slug]=gh/example-org/nothing", []),
        ("filter[slug]=gh/another-org/private-repo", []),
        ("filter[org_id]=org-uuid&order_by=name", ["another-repo", "example-repo"]),
        ("filter[org_id]=org-uuid&filter[name]=AMPLE", ["example-repo"]),
        ("filter[following]=true", ["example-repo", "another-repo"]),
    ],
)
def test_projects_are_found(ask: Ask, query: str, expected: list[str]) -> None:
    rows = data(ask, "GET", f"/projects?{query}")
    assert names(rows) == expected


def test_a_project_names_its_organization(ask: Ask) -> None:
    assert data(ask, "GET", "/projects/project-uuid") == {
        "id": "project-uuid",
        "attributes": {"name": "example-repo", "is_followed": True},
        "references": {"org": {"id": "org-uuid", "attributes": {"name": "example-org"}}},
    }


def test_settings_are_those_of_v2_under_other_names(ask: Ask) -> None:
    body = {"is_oss": True, "is_running_disabled": True, "pr_only_branch_overrides": []}
    after = data(ask, "POST", "/projects/project-uuid/update-settings", body)
    assert "id" not in after
    assert {key: after["attributes"][key] for key in body} == body
    assert after == data(ask, "GET", "/projects/project-uuid/settings")
    advanced = ask("GET", f"{PROJECT}/settings")[1]["advanced"]
    assert (advanced["oss"], advanced["pr_only_branch_overrides"]) == (True, [])
    assert "is_running_disabled" not in advanced
    ask("PATCH", f"{PROJECT}/settings", {"advanced": {"autocancel_builds": True}})
    attributes = data(ask, "GET", "/projects/project-uuid/settings")["attributes"]
    assert attributes["enable_auto_cancel_redundant_workflows"] is True


def test_settings_of_an_organization_change_one_by_one(ask: Ask) -> None:
    before = data(ask, "GET", "/orgs/org-uuid/settings")["attributes"]
    after = data(ask, "POST", "/orgs/org-uuid/update-settings", {"enable_ai_agents": True})
    assert after == {"attributes": before | {"enable_ai_agents": True}}


@pytest.mark.parametrize(
    "path", ["/projects/project-uuid/update-settings", "/orgs/org-uuid/update-settings"]
)
def test_an_unknown_setting_is_refused_and_changes_nothing(ask: Ask, path: str) -> None:
    body = {"is_running_disabled": True, "color": "red"}
    status, answer = ask("POST", f"/api/v3{path}", body)
    assert (status, answer["error"]["title"]) == (400, "Unknown member")
    after = data(ask, "GET", path.replace("update-settings", "settings"))
    assert after["attributes"]["is_running_disabled"] is False


def test_organizations_have_no_slug(ask: Ask) -> None:
    expected = {
        "id": "org-uuid",
        "attributes": {"name": "example-org", "vcs": {"provider": "github"}},
    }
    assert data(ask, "GET", "/orgs") == [expected]
    assert data(ask, "GET", "/orgs?filter[slug]=gh/example-org") == [expected]
    assert data(ask, "GET", "/orgs?filter[slug]=gh/nothing") == []
    assert data(ask, "GET", "/orgs/org-uuid") == expected
    created = ask("POST", "/organization", {"name": "alone", "vcs_type": "circleci"})[1]
    assert data(ask, "GET", f"/orgs/{created['id']}")["attributes"]["vcs"] is None


def test_contexts_are_found_by_a_part_of_their_name(ask: Ask) -> None:
    assert names(data(ask, "GET", "/contexts?filter[org_id]=org-uuid&filter[name]=PROD")) == [
        "production"
    ]
    assert data(ask, "GET", "/contexts?filter[org_id]=org-uuid&filter[name]=x") == []


def test_context_variables_come_in_pages_that_lead_through_all(ask: Ask) -> None:
    for number in range(5):
        path = f"/context/context-uuid/environment-variable/VAR_{number}"
        assert ask("PUT", path, {"value": f"value-{number}"})[0] == 200
    path, variables = "/api/v3/contexts/context-uuid/env-vars?page[limit]=3", []
    page = ask("GET", path)[1]
    while True:
        variables += names(page["data"])
        if page["page"]["next"] is None:
            break
        page = ask("GET", f"{path}&page[cursor]={page['page']['next']}")[1]
    assert variables == ["AWS_REGION", "DEPLOY_TOKEN", *(f"VAR_{number}" for number in range(5))]
    last = page["data"][0]
    assert last["attributes"]["truncated_value"] == "ue-4"
    assert (last["references"], "id" in last) == ({"context": {"id": "context-uuid"}}, False)


def test_deployments_are_the_jobs_that_deploy(ask: Ask) -> None:
    rows = data(ask, "GET", "/deploy/deployments?filter[org_id]=org-uuid")
    assert [each["id"] for each in rows][:3] == [
        "deploy-job-uuid-deployment",
        "40-deploy-job-uuid-deployment",
        "deploy-failed-deploy-job-uuid-deployment",
    ]
    newest, _, failed = rows[:3]
    assert newest["attributes"]["target_version"] == {"name": "1.5.0"}
    assert newest["references"]["deploy_component"] == {
        "id": "component-uuid",
        "attributes": {"name": "web"},
    }
    assert (failed["attributes"]["status"], newest["attributes"]["status"]) == ("failed", "success")
    assert failed["attributes"]["failure_reason"].startswith("deployment of web to production")
    one = data(
        ask,
        "GET",
        "/deploy/deployments?filter[org_id]=org-uuid&filter[project_id]=another-project-uuid",
    )
    assert [each["id"] for each in one] == ["deploy-failed-deploy-job-uuid-deployment"]


def test_charges_are_the_credits_of_the_runs_that_ended(ask: Ask) -> None:
    def charges(**fields: Any) -> list[tuple[str, int, int]]:
        scope = {"project_ids": ["project-uuid"]}
        body = {"analysis": "charge.workflow", "scope": scope, **fields}
        rows = data(ask, "POST", "/analysis/charges", body)
        assert all(each["references"] == {"project": {"id": "project-uuid"}} for each in rows)
        keys = ("name", "credits", "runs")
        return [tuple(each["attributes"][key] for key in keys) for each in rows]

    workflows = charges()
    assert [name for name, _, _ in workflows] == ["build-and-test", "integration", "setup"]
    assert [runs for _, _, runs in workflows] == [11, 1, 1]
    assert charges(order_by="name desc") == sorted(workflows, reverse=True)
    jobs = charges(analysis="charge.job")
    total = sum(used for _, used, _ in workflows)
    assert sum(used for _, used, _ in jobs) == total
    assert charges(analysis="charge.pipeline") == [("example-repo", total, 12)]
    of_one = charges(filter='pipeline.id == "pipeline-uuid"')
    assert of_one == [("build-and-test", 6, 1)]
    assert charges(filter='workflow.id == "setup-workflow-uuid"') == [("setup", 4, 1)]


def test_the_dearest_is_first_and_its_cost_per_run_is_told(ask: Ask) -> None:
    body = {"analysis": "charge.job", "scope": {"project_ids": ["project-uuid"]}}
    rows = [each["attributes"] for each in data(ask, "POST", "/analysis/charges", body)]
    used = [each["credits"] for each in rows]
    assert used == sorted(used, reverse=True)
    assert all(each["credits_per_run"] == round(each["credits"] / each["runs"], 3) for each in rows)


def test_repositories_of_a_provider_come_in_pages_whose_cursor_remembers_the_limit(
    ask: Ask,
) -> None:
    path = "/api/v3/provider/repositories?filter[org_id]=org-uuid&filter[provider]=github_app"
    first = ask("GET", f"{path}&page[limit]=1")[1]
    cursor = first["page"]["next"]
    second = ask("GET", f"{path}&page[cursor]={cursor}")[1]
    full_names = [each["data"][0]["attributes"]["repo_full_name"] for each in (first, second)]
    assert full_names == ["example-org/example-repo", "example-org/another-repo"]
    assert second["page"] == {"next": None}
    status, answer = ask("GET", f"{path}&page[cursor]={cursor}&page[limit]=1")
    assert (status, answer["error"]["type"]) == (400, "validation_error")


def test_an_organization_without_a_connection_has_an_empty_list(ask: Ask) -> None:
    created = ask("POST", "/organization", {"name": "alone", "vcs_type": "circleci"})[1]
    assert data(ask, "GET", f"/provider/connections?filter[org_id]={created['id']}") == []
    rows = data(ask, "GET", "/provider/connections?filter[org_id]=org-uuid")
    assert [each["attributes"]["provider"] for each in rows] == ["github_app", "github_oauth"]


def test_the_layer_cache_of_a_project_is_purged(ask: Ask) -> None:
    assert ask("DELETE", "/api/v3/projects/project-uuid/dlc") == (204, None)
    assert ask("DELETE", "/api/v3/projects/private-project-uuid/dlc")[0] == 404
