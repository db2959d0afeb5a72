"""The pages as a whole are held by tests/conventions/test_documents.py; here, their parts."""

import pytest

from kosmo_circleci.catalog import shapes
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import render

CATALOG = load_catalog()


def test_a_page_reads_as_printed_here() -> None:
    assert (
        render.function_page(CATALOG["cancel_workflow"], CATALOG)
        == """\
# circleci.cancel_workflow

Cancel a running workflow and all of its jobs.

- Lua path: `app.integrations.circleci.cancel_workflow`
- Full tool name: `circleci.circleci_cancel_workflow`
- Operation: Write
- HTTP: `POST /workflow/{id}/cancel`

## Parameters

| Parameter | Type | Required | Description |
| --- | --- | --- | --- |
| workflow_id | string | yes | Id of the workflow (`id` of list_pipeline_workflows). |

`query` and `payload` pass further documented fields through, by their wire names.

## Returns

```
{message: string}
```

## Example

```lua
dump(app.integrations.circleci.cancel_workflow({workflow_id = "running-workflow-uuid"}))
```

## Fails with

- `validation`: a parameter is missing, unknown or of the wrong type; nothing is sent
- `permission`: writes are not allowed (`--force`, or the configuration)
- `api` 401: the token is missing or not valid
- `api` 404: no such resource, or the token has no access to it
- `api` 429: too many requests; retried after a wait
- `network`: no usable answer

Related: `circleci.cancel_job_by_id`, `circleci.rerun_workflow`, `circleci.get_workflow`
"""
    )


@pytest.mark.parametrize(
    ("function", "row"),
    [
        (
            "create_context",
            "| owner | object | yes | The owner: {id, type} or {slug, type}. "
            "Or give owner_id, owner_slug, owner_type in its place. |",
        ),
        (
            "create_context",
            "| owner_type | string | no | Kind of owner; account exists on CircleCI server only. "
            "One of `account`, `organization`. Sets `owner.type`. |",
        ),
        (
            "upsert_context_env_var",
            "| value | string | yes | Value of the environment variable. "
            "Secret: masked in all output. |",
        ),
        (
            "create_webhook",
            "| events | array of string | yes | What the webhook is told about. "
            "One of `workflow-completed`, `job-completed`. |",
        ),
    ],
)
def test_a_row_tells_enum_secret_and_what_may_stand_in_for_it(function: str, row: str) -> None:
    assert row in render.function_page(CATALOG[function], CATALOG).splitlines()


def test_a_function_without_parameters_says_so() -> None:
    page = render.function_page(CATALOG["get_current_user"], CATALOG)
    assert "| --- | --- | --- | --- |\n| none | | | |\n" in page


def test_a_list_says_how_to_get_the_next_page() -> None:
    page = render.function_page(CATALOG["list_workflow_jobs"], CATALOG)
    assert "`page_token = answer.next_page_token`; nil or empty on the last one." in page


def test_a_fallback_is_told() -> None:
    page = render.function_page(CATALOG["list_projects"], CATALOG)
    assert "On 404, `GET /api/v1.1/projects` answers instead." in page


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (
            "get_current_user",
            "- `get_current_user()` read: Get the user the token belongs to: who am I.",
        ),
        (
            "list_workflow_jobs",
            "- `list_workflow_jobs(workflow_id, page_token?)` read: "
            "List the jobs of a workflow with status and job number.",
        ),
    ],
)
def test_a_line_of_the_index_has_signature_kind_and_sentence(function: str, line: str) -> None:
    assert render.index_line(CATALOG[function]) == line


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("string", "string"),
        ("date-time|null", "date-time or null"),
        ("any", "any"),
        ("enum(a, b)|null", "a | b or null"),
        (["integer"], "[integer]"),
        ("map(string)", "map of string"),
        ({"id": "uuid", "tag?": "string|null"}, "{id: uuid, tag?: string or null}"),
        ({"items": [{"id": "uuid"}]}, "{items: [{id: uuid}]}"),
        (
            {f"field_with_a_long_name_{n}": "date-time" for n in range(3)},
            "{\n  field_with_a_long_name_0: date-time\n  field_with_a_long_name_1: date-time\n"
            "  field_with_a_long_name_2: date-time\n}",
        ),
    ],
)
def test_a_shape_is_written_in_a_notation_a_reader_needs_no_key_for(
    form: object, text: str
) -> None:
    assert render.notation(shapes.parse(form, {}), depth=6) == text


def test_a_shape_deeper_than_asked_for_is_clipped() -> None:
    shape = shapes.parse({"a": {"b": {"c": "string"}}}, {})
    assert render.notation(shape, depth=2) == "{a: {b: {…}}}"
