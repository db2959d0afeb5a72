"""Functions as the manifest declares them, small enough to read beside a test."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.catalog.model import Function, Parameter

MakeFunction = Callable[..., Function]
MakeParameter = Callable[..., Parameter]


def _parameter(name: str, place: str = "body", type: str = "string", **more: Any) -> Parameter:
    wire = more.pop("wire", name.replace("_", "-"))
    return Parameter(name, wire, place, type, "", **more)


def _function(name: str, method: str, path: str, *parameters: Parameter, **more: Any) -> Function:
    kind = more.pop("kind", "read" if method == "GET" else "write")
    return Function(
        name,
        kind,
        method,
        path,
        operation=more.pop("operation", name),
        group="",
        summary="",
        parameters=parameters,
        example="",
        related=(),
        **more,
    )


@pytest.fixture
def make_parameter() -> MakeParameter:
    return _parameter


@pytest.fixture
def make_function() -> MakeFunction:
    return _function


@pytest.fixture
def project_slug() -> Parameter:
    return _parameter("project_slug", "path", required=True, encoding="slug", segments=(3,))


@pytest.fixture
def get_job_details(project_slug: Parameter) -> Function:
    number = _parameter("job_number", "path", "integer", required=True)
    path = "/project/{project-slug}/job/{job-number}"
    return _function("get_job_details", "GET", path, project_slug, number)


@pytest.fixture
def trigger_pipeline(project_slug: Parameter) -> Function:
    return _function(
        "trigger_pipeline",
        "POST",
        "/project/{project-slug}/pipeline",
        project_slug,
        _parameter("branch"),
        _parameter("tag"),
        _parameter("parameters", type="object"),
        has_body=True,
    )


@pytest.fixture
def create_context() -> Function:
    return _function(
        "create_context",
        "POST",
        "/context",
        _parameter("name", required=True),
        _parameter("owner", type="object", required=True),
        _parameter("owner_id", wire="owner.id", part_of="owner"),
        _parameter("owner_slug", wire="owner.slug", part_of="owner"),
        _parameter(
            "owner_type", wire="owner.type", part_of="owner", enum=("account", "organization")
        ),
        has_body=True,
    )


@pytest.fixture
def create_webhook() -> Function:
    return _function(
        "create_webhook",
        "POST",
        "/webhook",
        _parameter("name", required=True),
        _parameter(
            "events", type="array", required=True, enum=("workflow-completed", "job-completed")
        ),
        _parameter("verify_tls", type="boolean", required=True),
        _parameter("signing_secret", required=True, secret=True),
        has_body=True,
    )


@pytest.fixture
def get_insights() -> Function:
    return _function(
        "get_org_insights_summary",
        "GET",
        "/insights/{org-slug}/summary",
        _parameter("org_slug", "path", required=True, encoding="slug", segments=(2,)),
        _parameter("reporting_window", "query", enum=("last-7-days", "last-90-days")),
        _parameter("project_names", "query", "array", repeated=True),
        _parameter("all_branches", "query", "boolean"),
        _parameter("limit", "query", "integer"),
    )


@pytest.fixture
def cancel_workflow() -> Function:
    workflow_id = _parameter("workflow_id", "path", required=True, wire="id")
    return _function("cancel_workflow", "POST", "/workflow/{id}/cancel", workflow_id)


@pytest.fixture
def api_get() -> Function:
    return _function(
        "api_get",
        "GET",
        "{path}",
        _parameter("path", "path", required=True, encoding="raw"),
        _parameter("query", "query", "object", wire="*"),
        operation="raw",
    )


@pytest.fixture
def api_post() -> Function:
    return _function(
        "api_post",
        "POST",
        "{path}",
        _parameter("path", "path", required=True, encoding="raw"),
        _parameter("query", "query", "object", wire="*"),
        _parameter("body", "body", "object", wire="*"),
        operation="raw",
        has_body=True,
    )
