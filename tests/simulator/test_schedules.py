"""Schedules and webhooks: kept, changed, and refused where CircleCI refuses."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

PROJECT = "/project/gh/example-org/example-repo"
TIMETABLE = {"per-hour": 1, "hours-of-day": [3], "days-of-week": ["MON"]}
SCHEDULE = {
    "name": "weekly",
    "timetable": TIMETABLE,
    "attribution-actor": "current",
    "parameters": {"branch": "main"},
}
WEBHOOK = {
    "name": "hook",
    "events": ["job-completed"],
    "url": "https://example.com/hook",
    "verify-tls": False,
    "signing-secret": "very-secret-value",
    "scope": {"id": "project-uuid", "type": "project"},
}
NOW = "2025-01-15T10:00:05.000Z"


def test_a_schedule_is_created_listed_read_and_deleted(ask: Ask) -> None:
    status, schedule = ask("POST", f"{PROJECT}/schedule", SCHEDULE)
    assert (status, schedule) == (
        201,
        {
            "id": schedule["id"],
            "name": "weekly",
            "timetable": TIMETABLE,
            "parameters": {"branch": "main"},
            "description": "",
            "actor": {"id": "user-uuid", "login": "example-user", "name": "Example User"},
            "project-slug": "gh/example-org/example-repo",
            "created-at": NOW,
            "updated-at": NOW,
        },
    )
    assert ask("GET", f"/schedule/{schedule['id']}") == (200, schedule)
    names = [each["name"] for each in ask("GET", f"{PROJECT}/schedule")[1]["items"]]
    assert names == ["nightly", "weekly"]
    assert ask("DELETE", f"/schedule/{schedule['id']}") == (200, {"message": "Schedule deleted."})
    assert ask("GET", f"/schedule/{schedule['id']}") == (404, {"message": "Schedule not found"})


def test_a_schedule_changes_only_where_it_is_given(ask: Ask) -> None:
    before = ask("GET", "/schedule/schedule-uuid")[1]
    change = {
        "description": "every night",
        "timetable": {"days-of-month": [1, 15]},
        "attribution-actor": "system",
    }
    status, after = ask("PATCH", "/schedule/schedule-uuid", change)
    assert status == 200
    assert after == before | {
        "description": "every night",
        "timetable": {"per-hour": 1, "hours-of-day": [3], "days-of-month": [1, 15]},
        "actor": {"id": "system-actor-uuid", "login": "system-actor", "name": "Scheduled"},
        "updated-at": "2025-01-15T10:00:10.000Z",
    }
    assert ask("GET", "/schedule/schedule-uuid") == (200, after)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"timetable": TIMETABLE | {"days-of-month": [1]}},
            "Exactly one of these must be given: days-of-week, days-of-month",
        ),
        (
            {"timetable": {"per-hour": 1, "hours-of-day": [3]}},
            "Exactly one of these must be given: days-of-week, days-of-month",
        ),
        ({"timetable": {"days-of-week": ["MON"]}}, "timetable.per-hour: this field is required"),
        (
            {"timetable": TIMETABLE | {"hours-of-day": [24]}},
            "timetable.hours-of-day: expected integers from 0 to 23",
        ),
        (
            {"timetable": TIMETABLE | {"per-hour": 61}},
            "timetable.per-hour: expected integers from 1 to 60",
        ),
        ({"parameters": {"deploy": True}}, "parameters: expected a branch or a tag"),
        ({"attribution-actor": "me"}, "attribution-actor: expected one of current, system"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    ask: Ask, change: dict[str, Any], message: str
) -> None:
    assert ask("POST", f"{PROJECT}/schedule", SCHEDULE | change) == (400, {"message": message})


def test_a_webhook_is_created_listed_changed_and_deleted_without_its_secret(ask: Ask) -> None:
    status, webhook = ask("POST", "/webhook", WEBHOOK)
    times = {"created-at": NOW, "updated-at": NOW}
    expected = WEBHOOK | times | {"id": webhook["id"], "signing-secret": "xxxxalue"}
    assert (status, webhook) == (201, expected)
    scope = {"scope_id": "project-uuid", "scope_type": "project"}
    ids = [each["id"] for each in ask("GET", "/webhook", **scope)[1]["items"]]
    assert ids == ["webhook-uuid", webhook["id"]]
    path = f"/webhook/{webhook['id']}"
    status, changed = ask("PUT", path, {"name": "other", "signing-secret": "another-secret"})
    later = {
        "name": "other",
        "signing-secret": "xxxxcret",
        "updated-at": "2025-01-15T10:00:15.000Z",
    }
    assert (status, changed) == (200, expected | later)
    assert ask("GET", path) == (200, changed)
    assert ask("DELETE", path) == (200, {"message": "Webhook deleted."})
    assert ask("PUT", path, {}) == (404, {"message": "Webhook not found"})


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"url": "http://example.com"}, 400, "url: expected an address that begins with https://"),
        ({"events": []}, 400, "events: expected at least one event"),
        (
            {"events": ["push"]},
            400,
            "events: expected one of workflow-completed, job-completed",
        ),
        ({"scope": {"type": "project"}}, 400, "scope.id: this field is required"),
        ({"scope": {"id": "no-uuid", "type": "project"}}, 404, "Project not found"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(
    ask: Ask, change: dict[str, Any], status: int, message: str
) -> None:
    assert ask("POST", "/webhook", WEBHOOK | change) == (status, {"message": message})


def test_what_belongs_to_a_project_goes_with_it(ask: Ask) -> None:
    assert ask("GET", "/webhook/webhook-uuid")[0] == 200
    assert ask("DELETE", PROJECT) == (204, None)
    for path in ("/webhook/webhook-uuid", "/schedule/schedule-uuid", "/pipeline/pipeline-uuid"):
        assert ask("GET", path)[0] == 404
    assert ask("POST", PROJECT)[0] == 201
    assert ask("GET", f"{PROJECT}/schedule") == (200, {"items": [], "next_page_token": None})
