"""The answer of an operation that no resource handles: a function just added to the manifest."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.by_shape import answer_by_shape
from kosmo_circleci.simulator.calls import Call
from kosmo_circleci.simulator.handlers import RESOURCES, handler_of
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.world import World


@pytest.fixture
def world() -> World:
    return seeded_world()


def answer(world: World, function: str, body: Any = None, **path: str) -> Any:
    entry = load_catalog()[function]
    return answer_by_shape(Call(world, entry, f"/api/v2/{function}", path, {}, body or {}))


@pytest.mark.parametrize(
    ("function", "path", "expected"),
    [
        ("get_schedule", {"schedule_id": "schedule-uuid"}, {"id": "schedule-uuid"}),
        ("get_webhook", {"webhook_id": "other-uuid"}, {"id": "other-uuid"}),
        ("get_checkout_key", {"fingerprint": "c9:0b"}, {"fingerprint": "c9:0b"}),
        (
            "get_usage_export",
            {"usage_export_job_id": "export-uuid"},
            {"usage_export_job_id": "export-uuid", "state": "completed"},
        ),
    ],
)
def test_an_answer_repeats_the_ids_of_its_path(
    world: World, function: str, path: dict[str, str], expected: dict[str, str]
) -> None:
    value = answer(world, function, **path)
    assert {key: value[key] for key in expected} == expected


@pytest.mark.parametrize(
    "function",
    ["list_schedule_triggers", "list_deploy_components", "list_otel_exporters"],  # undocumented
)
def test_a_list_has_two_or_three_items_with_ids_of_their_own(world: World, function: str) -> None:
    page = answer(world, function)
    ids = [each["id"] for each in page["items"]]
    assert page["next_page_token"] is None
    assert 2 <= len(set(ids)) == len(ids) <= 3


def test_what_was_given_comes_back_but_no_secret_does(world: World) -> None:
    body = {
        "name": "hook",
        "url": "https://example.com/hook",
        "verify-tls": False,
        "signing-secret": "very-secret-value",
    }
    webhook = answer(world, "create_webhook", body)
    assert {key: webhook[key] for key in body} == body | {"signing-secret": "xxxxcret"}


def test_the_same_read_is_answered_alike_and_each_write_has_a_new_id(world: World) -> None:
    assert answer(world, "list_organization_groups") == answer(world, "list_organization_groups")
    first, second = (answer(world, "create_organization_group", {"name": "team"}) for _ in range(2))
    assert first["name"] == second["name"] == "team"
    assert first["id"] != second["id"]


def test_a_delete_says_what_is_gone(world: World) -> None:
    gone = answer(world, "delete_schedule", schedule_id="schedule-uuid")
    assert gone == {"message": "Schedule deleted."}


def test_a_list_by_shape_is_one_page_long(world: World) -> None:
    call = Call(
        world, load_catalog()["list_webhooks"], "/webhook", {}, {"page-token": ("MjA6",)}, {}
    )
    with pytest.raises(Refusal, match=r"Invalid page token\."):
        answer_by_shape(call)


def test_every_operation_of_the_manifest_has_a_resource_of_its_own() -> None:
    catalog = load_catalog()
    operations = {
        each.operation for each in catalog.functions() if not each.is_raw and not each.fallback
    }
    handled = [operation for operations in RESOURCES.values() for operation in operations]
    assert sorted(handled) == sorted(operations)
    assert all(handler_of(operation) is not None for operation in handled)
    assert handler_of("not_yet_known") is None
