"""Operations whose resource keeps no state yet: their answers repeat what the request said."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.transport.wire import WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

PROJECT = "/project/gh/example-org/example-repo"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/schedule/schedule-uuid", {"id": "schedule-uuid"}),
        ("/webhook/other-uuid", {"id": "other-uuid"}),
        ("/projects/p-uuid/triggers/trigger-uuid", {"id": "trigger-uuid"}),
        ("/organizations/org-uuid/groups/group-uuid", {"id": "group-uuid"}),
        (
            "/organizations/org-uuid/usage_export_job/usage-export-uuid",
            {"usage_export_job_id": "usage-export-uuid", "state": "completed"},
        ),
        (
            f"{PROJECT}/checkout-key/c9%3A0b",
            {"fingerprint": "c9:0b"},
        ),
        ("/org/org-uuid/project/p-uuid/oidc-custom-claims", {"project_id": "p-uuid"}),
    ],
)
def test_an_answer_repeats_the_ids_of_its_path(
    ask: Ask, path: str, expected: dict[str, str]
) -> None:
    status, value = ask("GET", path)
    assert status == 200
    assert {key: value[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("path", "query", "first"),
    [
        (f"{PROJECT}/schedule", {}, "schedule-uuid"),
        ("/webhook", {"scope_id": "project-uuid", "scope_type": "project"}, "webhook-uuid"),
        ("/deploy/components", {"org_id": "org-uuid", "page_size": 20}, "component-uuid"),
        ("/projects/project-uuid/pipeline-definitions", {}, "definition-uuid"),
        ("/otel/exporters", {"org_id": "org-uuid"}, "exporter-uuid"),  # no documented shape
    ],
)
def test_a_list_has_two_or_three_items_and_begins_with_the_documented_id(
    ask: Ask, path: str, query: dict[str, Any], first: str
) -> None:
    status, page = ask("GET", path, **query)
    ids = [each["id"] for each in page["items"]]
    assert (status, ids[0], page.get("next_page_token")) == (200, first, None)
    assert 2 <= len(set(ids)) == len(ids) <= 3


def test_only_the_answer_itself_has_the_id_of_the_path(ask: Ask) -> None:
    webhook = ask("GET", "/webhook/webhook-uuid")[1]
    schedule = ask("GET", "/schedule/schedule-uuid")[1]
    assert (webhook["id"], webhook["scope"]) == (
        "webhook-uuid",
        {"id": "project-uuid", "type": "project"},
    )
    assert (schedule["id"], schedule["actor"]) == (
        "schedule-uuid",
        {"id": "user-uuid", "login": "example-user", "name": "Example User"},
    )


def test_a_schedule_is_answered_as_it_was_given(ask: Ask) -> None:
    body = {
        "name": "nightly",
        "timetable": {"per-hour": 1, "hours-of-day": [4], "days-of-week": ["MON", "TUE"]},
        "attribution-actor": "current",
        "parameters": {"branch": "main"},
    }
    status, schedule = ask("POST", f"{PROJECT}/schedule", body)
    assert status == 201
    assert (schedule["name"], schedule["parameters"]) == ("nightly", {"branch": "main"})
    assert schedule["project-slug"] == "gh/example-org/example-repo"
    assert schedule["timetable"]["hours-of-day"] == [4]
    assert schedule["timetable"]["days-of-week"] == ["MON", "TUE"]


def test_a_secret_of_a_webhook_does_not_come_back(send: Send) -> None:
    body = {
        "name": "hook",
        "events": ["job-completed"],
        "url": "https://example.com/hook",
        "verify-tls": False,
        "signing-secret": "very-secret-value",
        "scope": {"id": "project-uuid", "type": "project"},
    }
    answer = send("POST", "/webhook", body)
    assert answer.status == 201
    assert b"very-secret-value" not in answer.body
    assert b'"url":"https://example.com/hook"' in answer.body
    assert b'"verify-tls":false' in answer.body


def test_the_same_read_is_answered_alike_and_each_write_has_a_new_id(ask: Ask) -> None:
    path = "/organizations/org-uuid/groups"
    assert ask("GET", path) == ask("GET", path)
    first, second = (ask("POST", path, {"name": "team"})[1] for _ in range(2))
    assert first["name"] == second["name"] == "team"
    assert first["id"] != second["id"]


def test_a_delete_says_what_is_gone(ask: Ask) -> None:
    assert ask("DELETE", "/schedule/schedule-uuid") == (200, {"message": "Schedule deleted."})
    assert ask("DELETE", "/webhook/webhook-uuid") == (200, {"message": "Webhook deleted."})


def test_a_decision_passes_and_a_finished_export_has_no_error(ask: Ask) -> None:
    decision = ask("POST", "/owner/org-uuid/context/config/decision", {"input": "version: 2.1"})[1]
    assert (decision["status"], decision["hard_failures"]) == ("PASS", [])
    export = ask("GET", "/organizations/org-uuid/usage_export_job/usage-export-uuid")[1]
    assert sorted(export) == ["download_urls", "state", "usage_export_job_id"]


@pytest.mark.parametrize(
    ("source", "errors"),
    [("version: 2.1\n", []), ("jobs: {}\n", [{"message": "version: this key is required"}])],
)
def test_a_configuration_without_a_version_does_not_compile(
    ask: Ask, source: str, errors: list[dict[str, str]]
) -> None:
    status, compiled = ask("POST", "/compile-config-with-defaults", {"config_yaml": source})
    assert (status, compiled["valid"], compiled["errors"]) == (200, not errors, errors)
    assert compiled["source-yaml"] == source
