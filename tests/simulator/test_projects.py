from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.resources.project import masked

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"


@pytest.mark.parametrize("slug", ["gh/example-org/example-repo", "github/example-org/example-repo"])
def test_the_long_and_the_short_slug_name_the_same_project(ask: Ask, slug: str) -> None:
    assert ask("GET", f"/project/{slug}") == (
        200,
        {
            "slug": "gh/example-org/example-repo",
            "name": "example-repo",
            "id": "project-uuid",
            "organization_name": "example-org",
            "organization_slug": "gh/example-org",
            "organization_id": "org-uuid",
            "vcs_info": {
                "vcs_url": "https://github.com/example-org/example-repo",
                "provider": "GitHub",
                "default_branch": "main",
            },
        },
    )


def test_the_documented_list_of_projects_is_the_one_of_version_1_1(ask: Ask) -> None:
    assert ask("GET", "/projects", org_slug="gh/example-org") == (404, {"message": "Not found"})
    row = {
        "followed": True,
        "username": "example-org",
        "vcs_type": "github",
    }
    assert ask("GET", "/api/v1.1/projects") == (
        200,
        [
            row
            | {
                "name": "example-repo",
                "reponame": "example-repo",
                "slug": "gh/example-org/example-repo",
                "vcs_url": "https://github.com/example-org/example-repo",
            },
            row
            | {
                "name": "another-repo",
                "reponame": "another-repo",
                "vcs_url": "https://github.com/example-org/another-repo",
            },
        ],
    )


def test_a_variable_of_a_project_is_masked_wherever_it_is_shown(ask: Ask) -> None:
    body = {"name": "NPM_TOKEN", "value": "secret-value-1234"}
    created = ask("POST", f"{PROJECT}/envvar", body)
    row = {"name": "NPM_TOKEN", "value": "xxxx1234", "created-at": "2025-01-15T10:00:05.000Z"}
    assert created == (201, row)
    assert ask("GET", f"{PROJECT}/envvar/NPM_TOKEN") == (200, row)
    listed = ask("GET", f"{PROJECT}/envvar")[1]["items"]
    assert [(each["name"], each["value"]) for each in listed] == [
        ("EXAMPLE_VAR", "xxxxalue"),
        ("NPM_TOKEN", "xxxx1234"),
    ]
    gone = ask("DELETE", f"{PROJECT}/envvar/NPM_TOKEN")
    assert gone == (200, {"message": "Environment variable deleted."})
    assert ask("GET", f"{PROJECT}/envvar/NPM_TOKEN")[0] == 404


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", "xxxx"), ("abcd", "xxxx"), ("abcde", "xxxxbcde"), ("ünïcödé", "xxxxcödé")],
)
def test_a_mask_never_shows_a_whole_value(value: str, expected: str) -> None:
    assert masked(value) == expected


def test_settings_change_only_where_they_are_given(ask: Ask) -> None:
    before = ask("GET", f"{PROJECT}/settings")[1]["advanced"]
    status, after = ask("PATCH", f"{PROJECT}/settings", {"advanced": {"oss": True}})
    assert (status, after["advanced"]) == (200, before | {"oss": True})
    assert ask("GET", f"{PROJECT}/settings")[1] == after


def test_an_organization_gets_a_project_that_builds_from_number_one(ask: Ask) -> None:
    _, organization = ask("POST", "/organization", {"name": "acme", "vcs_type": "circleci"})
    assert organization["slug"] == "circleci/acme"
    _, project = ask("POST", "/organization/circleci/acme/project", {"name": "web"})
    assert project["slug"] == "circleci/acme/web"
    assert ask("GET", "/project/circleci/acme/web") == (200, project)
    _, pipeline = ask("POST", "/project/circleci/acme/web/pipeline", {})
    assert pipeline["number"] == 1
    slugs = [each["slug"] for each in ask("GET", "/me/collaborations")[1]]
    assert slugs == ["gh/example-org", "circleci/acme"]


def test_a_deleted_project_is_not_found(ask: Ask) -> None:
    assert ask("DELETE", PROJECT) == (204, None)
    assert ask("GET", PROJECT) == (404, {"message": "Project not found"})


def test_the_user_of_the_token_is_the_example_user(ask: Ask) -> None:
    user = {"id": "user-uuid", "login": "example-user", "name": "Example User"}
    assert ask("GET", "/me") == (200, user)
    assert ask("GET", "/user/user-uuid") == (200, user)
    assert ask("GET", "/user/nobody-uuid") == (404, {"message": "User not found"})
