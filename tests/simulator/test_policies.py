"""Policies, decisions and OIDC claims: the operations whose refusals are `{"error": …}`."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

POLICIES = "/owner/org-uuid/context/config"
BUNDLE = f"{POLICIES}/policy-bundle"
DECISION = f"{POLICIES}/decision"
CLAIMS = "/org/org-uuid/oidc-custom-claims"
RULES = 'package org\npolicy_name["ours"]\nenable_rule["no_latest"]\n'
NOW = "2025-01-15T10:00:05.000Z"


def test_a_bundle_is_compared_first_and_then_stored(ask: Ask) -> None:
    body = {"policies": {"ours": RULES}}
    difference = {"created": ["ours"], "deleted": ["example-policy"], "modified": []}
    assert ask("POST", BUNDLE, body, dry="true") == (200, difference)
    assert list(ask("GET", BUNDLE)[1]) == ["example-policy"]
    assert ask("POST", BUNDLE, body) == (201, difference)
    policy = ask("GET", f"{BUNDLE}/ours")[1]
    assert (policy["name"], policy["content"], policy["created_by"]) == (
        "ours",
        RULES,
        "user-uuid",
    )
    assert ask("GET", BUNDLE) == (200, {"ours": policy})
    again = {"policies": {"ours": RULES + "# more\n"}}
    assert ask("POST", BUNDLE, again)[1] == {"created": [], "deleted": [], "modified": ["ours"]}
    assert ask("POST", BUNDLE, again)[1] == {"created": [], "deleted": [], "modified": []}
    assert ask("GET", f"{BUNDLE}/example-policy") == (404, {"error": "Policy not found"})


def test_a_policy_that_is_no_rego_is_refused(ask: Ask) -> None:
    assert ask("POST", BUNDLE, {"policies": {"a": "package other"}}) == (
        400,
        {"error": "failed to parse a: expected Rego code with 'package org'"},
    )


@pytest.mark.parametrize(
    ("source", "status", "hard", "soft"),
    [
        ("version: 2.1", "PASS", 0, 0),
        ("version: 2.1 # simulate: hard_fail", "HARD_FAIL", 1, 0),
        ("version: 2.1 # simulate: soft_fail", "SOFT_FAIL", 0, 1),
    ],
)
def test_a_configuration_is_judged_by_the_rules_that_are_enabled(
    ask: Ask, source: str, status: str, hard: int, soft: int
) -> None:
    answer = ask("POST", DECISION, {"input": source})[1]
    assert (answer["status"], answer["enabled_rules"]) == (status, ["use_known_images"])
    assert (len(answer["hard_failures"]), len(answer["soft_failures"])) == (hard, soft)


def test_decisions_are_logged_with_the_policies_of_their_time(ask: Ask) -> None:
    metadata = {"build_number": 7, "vcs": {"branch": "main"}}
    bad = {"input": "version: 2.1 # simulate: hard_fail", "metadata": metadata}
    decision = ask("POST", DECISION, bad)[1]
    ask("POST", BUNDLE, {"policies": {}})
    ask("POST", DECISION, {"input": "version: 2.1"})
    log = ask("GET", DECISION)[1]
    assert [each["decision"]["status"] for each in log] == ["PASS", "HARD_FAIL", "PASS"]
    entry = log[1]
    assert (entry["decision"], entry["metadata"], entry["created_at"]) == (decision, metadata, NOW)
    assert ask("GET", f"{DECISION}/{entry['id']}") == (200, entry)
    bundle = ask("GET", f"{DECISION}/{entry['id']}/policy-bundle")[1]
    assert list(bundle) == list(entry["policies"]) == ["example-policy"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "PASS"}, 1),
        ({"status": "HARD_FAIL"}, 0),
        ({"branch": "main"}, 1),
        ({"branch": "other"}, 0),
        ({"project_id": "project-uuid"}, 1),
        ({"build_number": "102"}, 1),
        ({"build_number": "103"}, 0),
        ({"offset": 1}, 0),
        ({"after": "2025-01-15T00:00:00Z"}, 1),
        ({"after": "2025-01-16T00:00:00Z"}, 0),
        ({"before": "2025-01-15T00:00:00Z"}, 0),
    ],
)
def test_the_log_is_filtered(ask: Ask, query: dict[str, Any], count: int) -> None:
    # These keys have an underscore on the wire, which the fixture would turn into a hyphen.
    search = "&".join(f"{key}={value}" for key, value in query.items())
    assert len(ask("GET", f"{DECISION}?{search}")[1]) == count


def test_decisions_are_switched_on_and_off(ask: Ask) -> None:
    path = f"{DECISION}/settings"
    assert ask("GET", path) == (200, {"enabled": True})
    assert ask("PATCH", path, {"enabled": False}) == (200, {"enabled": False})
    assert ask("GET", path) == (200, {"enabled": False})
    assert ask("PATCH", path, {"enabled": "no"}) == (400, {"error": "enabled: expected a boolean"})
    other = "/owner/org-uuid/context/other/decision/settings"
    assert ask("GET", other) == (404, {"error": "Context not found"})


def test_claims_are_set_and_taken_back_one_by_one(ask: Ask) -> None:
    status, claims = ask("PATCH", CLAIMS, {"ttl": "1h30m"})
    assert (status, claims["ttl"], claims["ttl_updated_at"]) == (200, "1h30m", NOW)
    assert claims["audience"] == ["https://example.com"]
    status, claims = ask("DELETE", CLAIMS, claims="audience,ttl")
    assert (status, claims) == (200, {"org_id": "org-uuid"})
    assert ask("GET", CLAIMS) == (200, claims)
    of_project = ask("GET", "/org/org-uuid/project/project-uuid/oidc-custom-claims")[1]
    assert of_project["audience"] == ["https://example.com/example-repo"]


@pytest.mark.parametrize(
    ("method", "body", "query", "message"),
    [
        ("PATCH", {"ttl": "an hour"}, {}, "ttl: expected a duration such as 1h or 30m"),
        ("PATCH", {"audience": []}, {}, "audience: expected at least one audience"),
        ("PATCH", {"audience": [1]}, {}, "audience: expected an array of strings"),
        (
            "DELETE",
            None,
            {"claims": "sub"},
            "claims: expected audience or ttl, or both joined by a comma",
        ),
        ("DELETE", None, {}, "Missing required query parameter: claims"),
    ],
)
def test_claims_that_cannot_be_are_refused(
    ask: Ask, method: str, body: Any, query: dict[str, str], message: str
) -> None:
    assert ask(method, CLAIMS, body, **query) == (400, {"error": message})
