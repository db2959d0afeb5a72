"""org_audit: findings about an organization, with a severity; what cannot be read is one too."""

from typing import Any

import pytest

from kosmo_circleci import Run
from tests.support.shipped import ORG, OTHER, Simulation, run_workflow, write_count


def audit(circleci: Simulation, **arguments: Any) -> Run:
    return run_workflow(circleci, "org_audit", **({"org": ORG} | arguments))


def findings(run: Run, severity: str) -> list[tuple[str, str, str]]:
    return [
        (row["area"], row["subject"], row["finding"])
        for row in run.result
        if row["severity"] == severity
    ]


def test_a_sound_organization_has_no_finding_of_weight(circleci: Simulation) -> None:
    circleci.call("update_org_settings", org_id="org-uuid", enable_uncertified_public_orbs=False)

    run = audit(circleci, least="medium", fail_on="medium")

    assert (run.error, run.result) == (None, [])
    assert run.result_text == f"{ORG}: 0 high, 0 medium, 5 low, 0 not checked"
    assert write_count(run) == 0


def spoil(circleci: Simulation) -> None:
    """Do what an audit should find."""
    owner = {"slug": ORG, "type": "organization"}
    context_id = circleci.call("create_context", name="open", owner=owner)["id"]
    circleci.call(
        "upsert_context_env_var",
        context_id=context_id,
        env_var_name="TOKEN",
        value="of-the-company",
    )
    circleci.call("create_context", name="empty", owner=owner)
    circleci.call("update_project_settings", project_slug=OTHER, forks_receive_secret_env_vars=True)
    circleci.call("create_checkout_key", project_slug=OTHER, type="user-key")
    circleci.call(
        "create_webhook",
        name="lax",
        url="https://example.com/lax",
        events=["job-completed"],
        verify_tls=False,
        signing_secret="a-signing-secret",
        scope={"id": "another-project-uuid", "type": "project"},
    )
    circleci.call("update_org_oidc_claims", org_id="org-uuid", ttl="1h30m", audience=["*"])
    circleci.call("update_org_settings", org_id="org-uuid", enable_unversioned_config=True)
    circleci.call("update_decision_settings", owner_id="org-uuid", context="config", enabled=False)


def test_every_check_finds_what_it_is_for(circleci: Simulation) -> None:
    spoil(circleci)

    run = audit(circleci)

    assert findings(run, "high") == [
        ("contexts", "open", "everyone may use its 1 variables"),
        ("oidc", ORG, "the OIDC audience is *"),
        ("settings", OTHER, "pull requests from forks receive the project's secrets"),
    ]
    medium = [finding for _, _, finding in findings(run, "medium")]
    assert [each for each in medium if not each.startswith("the key ")] == [
        "OIDC tokens are valid for 1h30m",
        "any public orb may be used",
        "pipelines may run with a configuration that is in no repository",
        "the webhook lax does not verify certificates",
    ]
    assert any(each.endswith("has all the access of a person") for each in medium)
    low = [finding for _, _, finding in findings(run, "low")]
    assert "the context is empty" in low
    assert "configurations are not held to a policy" in low
    assert all(row["advice"] for row in run.result)


def test_old_secrets_keys_and_tokens_are_found(circleci: Simulation) -> None:
    run = audit(circleci, max_age=5)

    texts = [row["finding"] for row in run.result]
    assert "DEPLOY_TOKEN was last set 7 days ago" in texts
    assert "the token example of runner example-org/example-runner is 30 days old" in texts
    assert any(text.endswith("is 90 days old") for text in texts)


def test_the_worst_come_first_and_the_text_has_the_advice(circleci: Simulation) -> None:
    spoil(circleci)

    run = audit(circleci)

    order = ["high", "medium", "low"]
    ranks = [order.index(row["severity"]) for row in run.result]
    assert ranks == sorted(ranks)
    assert str(run.result_text).splitlines()[2:4] == [
        "high    contexts, open: everyone may use its 1 variables",
        "        -> create_context_restriction, for projects or a group",
    ]


@pytest.mark.parametrize(
    ("fail_on", "least", "code"),
    [("high", "low", None), ("medium", "low", 1), ("low", "high", 1), (None, "low", None)],
)
def test_findings_of_a_severity_fail_the_run_shown_or_not(
    circleci: Simulation, fail_on: str | None, least: str, code: int | None
) -> None:
    run = audit(circleci, fail_on=fail_on, least=least)

    assert run.script_exit_code == code
    assert run.success is (code is None)


def test_what_may_not_be_read_is_a_finding_and_the_rest_is_checked(circleci: Simulation) -> None:
    circleci.refuse(
        "/orgs/org-uuid/settings", "/restrictions", "/project/gh/example-org/another-repo/"
    )

    run = audit(circleci, least="high")

    assert findings(run, "unknown") == [
        (area, subject, "not checked: CircleCI API error (403): Permission denied.")
        for area, subject in (
            ("contexts", "production"),
            ("keys", OTHER),
            ("settings", ORG),
            ("settings", OTHER),
        )
    ]
    assert {row["advice"] for row in run.result} == {"use a token that may read it"}
    assert "4 not checked" in str(run.result_text)


def test_lists_that_may_not_be_read_leave_the_other_checks(circleci: Simulation) -> None:
    circleci.refuse("GET /api/v2/context?", "/projects?", "/v1.1/projects")

    run = audit(circleci)

    assert [area for area, _, _ in findings(run, "unknown")] == [
        "contexts",
        "keys",
        "settings",
        "webhooks",
    ]
    assert findings(run, "medium") == [("settings", ORG, "any public orb may be used")]


def test_of_a_server_only_what_needs_api_v3_is_not_checked(server: Simulation) -> None:
    run = audit(server)

    assert [(area, subject) for area, subject, _ in findings(run, "unknown")] == [
        ("runners", ORG),
        ("settings", ORG),
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"least": "grave"}, "least cannot be 'grave'. It is one of: low, medium, high"),
        ({"fail_on": "any"}, "fail_on cannot be 'any'. It is one of: low, medium, high"),
        ({"org": "gh/nobody"}, "CircleCI API error (404): Organization not found"),
    ],
)
def test_what_is_wrong_is_said(circleci: Simulation, arguments: dict[str, Any], error: str) -> None:
    run = audit(circleci, **arguments)

    assert error in str(run.error)
