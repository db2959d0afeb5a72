"""`call --all`: every page of a list as one answer."""

import json
from typing import Any

import pytest

CALL = ("integrations:call", "list_deploy_components", "--simulate")
PAGES = ("--org-id=org-uuid", "--page-size=1")


def test_the_items_of_every_page_are_one_answer(kosmo: Any) -> None:
    one = json.loads(kosmo(*CALL, "--org-id=org-uuid", "--page-size=9").out)["items"]
    assert len(one) == 2
    ended = kosmo(*CALL, *PAGES, "--all")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {"items": one, "next_page_token": None}


def test_the_envelope_counts_every_request(kosmo: Any) -> None:
    envelope = kosmo(*CALL, *PAGES, "--all", "--json").json
    assert set(envelope) == set(kosmo(*CALL, *PAGES, "--json").json)
    assert (envelope["success"], envelope["call_count"]) == (True, 2)
    paths = [call["function"] for call in envelope["call_log"]]
    assert paths == ["app.integrations.circleci.list_deploy_components"] * 2


def test_a_raw_path_is_followed_too(kosmo: Any) -> None:
    body = {"path": "/deploy/components", "query": {"org-id": "org-uuid", "page-size": "1"}}
    ended = kosmo("integrations:call", "api_get", json.dumps(body), "--simulate", "--all", "--json")
    assert [item["id"] for item in ended.json["result"]["items"]] == [
        "component-uuid",
        "another-component-uuid",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "error_type", "error"),
    [
        (
            ["get_context", "--context-id=context-uuid", "--simulate"],
            2,
            "usage",
            "get_context does not answer in pages, so --all has nothing to follow. "
            "What it answers: kosmo docs circleci.get_context",
        ),
        (
            ["list_contexts", "--owner-slug=gh/nowhere", "--simulate"],
            1,
            "api",
            "CircleCI API error (404): Organization not found",
        ),
        (
            ["list_contexts", "--owner-slg=gh/nowhere", "--simulate"],
            1,
            "validation",
            "list_contexts: Unknown parameter 'owner_slg'. Did you mean 'owner_slug'?",
        ),
        (
            ["work.list_contexts", "--owner-slug=gh/acme", "--simulate"],
            1,
            "configuration",
            "Unknown account 'work'. Configured accounts: default. Add it to the configuration "
            "file, or set CIRCLECI_TOKEN_WORK.",
        ),
    ],
)
def test_a_fault_is_told_as_that_of_one_call(
    kosmo: Any, arguments: list[str], code: int, error_type: str, error: str
) -> None:
    ended = kosmo("integrations:call", *arguments, "--all", "--json")
    assert (ended.code, ended.json["error_type"], ended.json["error"]) == (code, error_type, error)
    text = kosmo("integrations:call", *arguments, "--all")
    assert (text.code, text.out, text.err.splitlines()[0]) == (code, "", f"error: {error}")


def test_a_dry_run_shows_the_first_request(kosmo: Any) -> None:
    ended = kosmo(*CALL, *PAGES, "--all", "--dry-run")
    assert ended.out.startswith("GET https://circleci.com/api/v2/deploy/components?")
    assert ended.code == 0
