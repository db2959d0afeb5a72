from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.transport.wire import WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

VARIABLES = "/context/context-uuid/environment-variable"


def test_a_variable_is_written_listed_without_its_value_and_deleted(ask: Ask, send: Send) -> None:
    written = send("PUT", f"{VARIABLES}/NPM_TOKEN", {"value": "secret-value-1234"})
    status, page = ask("GET", VARIABLES)
    assert (written.status, status) == (200, 200)
    assert [each["variable"] for each in page["items"]] == [
        "AWS_REGION",
        "DEPLOY_TOKEN",
        "NPM_TOKEN",
    ]
    assert page["items"][2] == {
        "variable": "NPM_TOKEN",
        "created_at": "2025-01-15T10:00:05.000Z",
        "updated_at": "2025-01-15T10:00:05.000Z",
        "context_id": "context-uuid",
        "truncated_value": "1234",
    }
    assert b"secret-value" not in written.body + send("GET", VARIABLES).body
    gone = ask("DELETE", f"{VARIABLES}/NPM_TOKEN")
    assert gone == (200, {"message": "Environment variable deleted."})
    assert ask("DELETE", f"{VARIABLES}/NPM_TOKEN") == (
        404,
        {"message": "Environment variable not found"},
    )


@pytest.mark.parametrize("name", ["", " "])
def test_a_context_has_a_name(ask: Ask, name: str) -> None:
    body = {"name": name, "owner": {"slug": "gh/example-org"}}
    assert ask("POST", "/context", body) == (400, {"message": "name: must not be empty"})


def test_a_variable_written_again_keeps_when_it_was_created(ask: Ask) -> None:
    ask("PUT", f"{VARIABLES}/NPM_TOKEN", {"value": "one"})
    status, variable = ask("PUT", f"{VARIABLES}/NPM_TOKEN", {"value": "two"})
    assert (status, variable["created_at"], variable["updated_at"]) == (
        200,
        "2025-01-15T10:00:05.000Z",
        "2025-01-15T10:00:10.000Z",
    )


@pytest.mark.parametrize("query", [{"owner_slug": "gh/example-org"}, {"owner_id": "org-uuid"}])
def test_contexts_are_listed_for_one_owner_by_slug_or_id(ask: Ask, query: dict[str, str]) -> None:
    status, page = ask("GET", "/context", **query)
    assert (status, [each["name"] for each in page["items"]]) == (200, ["production"])


def test_pages_of_twenty_lead_through_all_contexts(ask: Ask) -> None:
    for number in range(45):
        owner = {"slug": "github/example-org", "type": "organization"}
        assert ask("POST", "/context", {"name": f"context-{number}", "owner": owner})[0] == 200
    names, sizes, token = [], [], None
    for _ in range(3):
        query = {"owner_slug": "gh/example-org"} | ({"page_token": token} if token else {})
        status, page = ask("GET", "/context", **query)
        assert status == 200
        names += [each["name"] for each in page["items"]]
        sizes.append(len(page["items"]))
        token = page["next_page_token"]
    assert sizes == [20, 20, 6]
    assert token is None
    assert names == ["production", *(f"context-{number}" for number in range(45))]


def test_a_page_token_is_good_for_its_own_list_only(ask: Ask) -> None:
    for number in range(25):
        body = {"name": f"context-{number}", "owner": {"id": "org-uuid"}}
        ask("POST", "/context", body)
    token = ask("GET", "/context", owner_id="org-uuid")[1]["next_page_token"]
    refused = (400, {"message": "Invalid page token."})
    assert ask("GET", "/context", owner_slug="gh/example-org", page_token=token) == refused
    restrictions = "/context/context-uuid/restrictions"
    assert ask("GET", restrictions, page_token=token) == refused
    assert ask("GET", "/context", owner_id="org-uuid", page_token=token)[0] == 200


def test_the_list_of_variables_ignores_its_page_token_as_circleci_does(ask: Ask) -> None:
    for number in range(25):
        ask("PUT", f"{VARIABLES}/VAR_{number:02}", {"value": "value-of-it"})
    first = ask("GET", VARIABLES)[1]
    names = [each["variable"] for each in first["items"]]
    assert (len(names), first["next_page_token"]) == (20, names[-1])
    assert ask("GET", VARIABLES, page_token=names[-1]) == (200, first)


def test_restrictions_are_created_listed_and_deleted(ask: Ask) -> None:
    path = "/context/context-uuid/restrictions"
    body = {"restriction_type": "project", "restriction_value": "another-project-uuid"}
    status, created = ask("POST", path, body)
    assert (status, created["name"]) == (201, "another-repo")
    rows = ask("GET", path)[1]["items"]
    assert [(each["id"], each["project_id"]) for each in rows] == [
        ("restriction-uuid", "project-uuid"),
        (created["id"], "another-project-uuid"),
    ]
    gone = ask("DELETE", f"{path}/{created['id']}")
    assert gone == (200, {"message": "Context restriction deleted."})
    assert len(ask("GET", path)[1]["items"]) == 1


def test_a_deleted_context_is_gone_with_its_variables(ask: Ask) -> None:
    assert ask("DELETE", "/context/context-uuid") == (200, {"message": "Context deleted."})
    assert ask("GET", VARIABLES) == (404, {"message": "Context not found"})


@pytest.mark.parametrize(
    ("owner", "status"),
    [
        ({}, 400),
        ({"id": "org-uuid", "slug": "gh/example-org"}, 400),
        ({"slug": "gh/nobody"}, 404),
        ({"id": "org-uuid", "type": "planet"}, 400),
    ],
)
def test_a_context_needs_exactly_one_known_owner(
    ask: Ask, owner: dict[str, str], status: int
) -> None:
    assert ask("POST", "/context", {"name": "staging", "owner": owner})[0] == status


def test_two_contexts_of_one_owner_cannot_share_a_name(ask: Ask) -> None:
    body = {"name": "production", "owner": {"id": "org-uuid"}}
    assert ask("POST", "/context", body) == (
        400,
        {"message": "A context named production already exists."},
    )
