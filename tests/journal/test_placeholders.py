"""A planned write answers what its page documents, with ids that say what they are."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.journal.placeholders import (
    Placeholders,
    mentions_placeholder,
    planned_answer,
)

CATALOG = load_catalog()


def answer(name: str, path: str = "/api/v2/x", body: Any = None) -> Any:
    function = CATALOG[name]
    return planned_answer(function, CATALOG.result_shape(function), path, body, Placeholders())


def test_a_planned_write_repeats_its_body_and_has_placeholders_as_ids() -> None:
    context = answer("create_context", body={"name": "deploy", "owner": {"id": "org"}})
    assert context == {"id": "planned-1", "name": "deploy", "created_at": "2000-01-01T00:00:00Z"}
    pipeline = answer("trigger_pipeline", body={"branch": "main"})
    assert pipeline["id"] == "planned-1"
    assert mentions_placeholder(pipeline["number"])
    assert answer("delete_context") in (None, {"message": "planned message"})


def test_a_read_about_a_planned_thing_has_its_id_and_ends_its_pages() -> None:
    pipeline = answer("get_pipeline", "/api/v2/pipeline/planned-7")
    assert pipeline["id"] == "planned-7"
    workflows = answer("list_pipeline_workflows", "/api/v2/pipeline/planned-7/workflow")
    assert workflows["next_page_token"] is None
    (workflow,) = workflows["items"]
    assert workflow["status"] == "success"
    assert workflow["id"].startswith("planned-")
    assert len({workflow["id"], workflow["pipeline_id"], workflow["project_slug"]}) == 3


@pytest.mark.parametrize("function", list(CATALOG.functions()), ids=lambda each: each.name)
def test_every_function_has_a_planned_answer(function: Function) -> None:
    value = answer(function.name, body={})
    if function.paging is not None and isinstance(value, dict):
        assert not mentions_placeholder(function.paging.cursor[-1])
    if value is not None and CATALOG.result_shape(function).kind == "object":
        assert isinstance(value, dict)


@pytest.mark.parametrize(
    ("value", "mentioned"),
    [
        ("planned-1", True),
        ("/api/v2/pipeline/planned-12/workflow", True),
        ({"a": [{"planned-3": 1}]}, True),
        ([990_000_001], True),
        ("job/990000002/x", True),
        ("planned", False),
        ("planned-0", False),
        ("id 5990000002", False),
        ([990, True, None, 1.5], False),
    ],
)
def test_what_mentions_a_placeholder(value: Any, mentioned: bool) -> None:
    assert mentions_placeholder(value) is mentioned
