"""Every function of the manifest, called once with the seeded ids, has its documented shape."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function, Parameter, Shape
from kosmo_circleci.jsonvalue import decode
from kosmo_circleci.transport.wire import WireResponse

Send = Callable[..., WireResponse]

SEEDED = {
    "allow_list_entry_id": "allow-list-entry-uuid",
    "approval_request_id": "approval-uuid",
    "branch": "main",
    "claims": "audience",
    "component_id": "component-uuid",
    "context": "config",
    "context_id": "context-uuid",
    "decision_id": "decision-uuid",
    "env_var_name": "DEPLOY_TOKEN",
    "environment_id": "environment-uuid",
    "fingerprint": "c9:0b:1c:4f:d5:65:56:b9:ad:88:f9:81:2b:37:74:2f",
    "group_id": "group-uuid",
    "job_id": "running-job-uuid",
    "job_name": "test",
    "job_number": 102,
    "org_id": "org-uuid",
    "org_slug": "gh/example-org",
    "org_slug_or_id": "gh/example-org",
    "otel_exporter_id": "exporter-uuid",
    "owner_id": "org-uuid",
    "execution": 0,
    "fleet_id": "resource-class-uuid",
    "from": "2025-01-08T00:00:00Z",
    "index": 0,
    "namespace_id": "namespace-uuid",
    "orb_id": "orb-uuid",
    "page_size": 20,
    "pipeline_definition_id": "definition-uuid",
    "pipeline_id": "pipeline-uuid",
    "pipeline_number": 42,
    "policy_name": "example-policy",
    "project_id": "project-uuid",
    "project_slug": "gh/example-org/example-repo",
    "ref": "example-org/example-orb@volatile",
    "resource_class_id": "resource-class-uuid",
    "restriction_id": "restriction-uuid",
    "run_id": "pipeline-uuid",
    "schedule_id": "schedule-uuid",
    "scope_id": "project-uuid",
    "scope_type": "project",
    "signing_certificate_id": "certificate-uuid",
    "signing_config_id": "signing-config-uuid",
    "step": 103,
    "step_num": 103,
    "token_id": "runner-token-uuid",
    "trigger_id": "trigger-uuid",
    "usage_export_job_id": "usage-export-uuid",
    "user_id": "user-uuid",
    "version_id": "orb-dev-version-uuid",
    "webhook_id": "webhook-uuid",
    "workflow_id": "workflow-uuid",
    "workflow_name": "build-and-test",
}

# Where the seeded id of the name above is in a state the operation does not take.
SPECIAL: dict[str, dict[str, Any]] = {
    "approve_workflow_job": {"workflow_id": "on-hold-workflow-uuid"},
    "cancel_job_by_number": {"job_number": 110},
    "cancel_workflow": {"workflow_id": "running-workflow-uuid"},
    "cancel_workflow_v3": {"workflow_id": "running-workflow-uuid"},
    "delete_runner_resource_class": {"force": "true"},
    "find_namespace": {"name": "example-org"},
    "delete_project_env_var": {"name": "EXAMPLE_VAR"},
    "get_project_env_var": {"name": "EXAMPLE_VAR"},
    "get_job_stderr": {"job_id": "deploy-failed-deploy-job-uuid", "step_num": 103},
    "get_job_stdout": {"job_id": "failed-job-uuid"},
    "get_job_stdout_condensed": {"job_id": "failed-job-uuid"},
    "list_contexts": {"owner_slug": "gh/example-org"},
    "list_runner_agents": {"org_id": "org-uuid"},
    "list_runner_fleets": {"org_id": "org-uuid"},
    "list_runner_resource_classes": {"org_id": "org-uuid"},
    "list_runner_tokens": {"resource_class_id": "resource-class-uuid"},
    "search_projects": {"org_id": "org-uuid"},
}

BODIES: dict[str, Any] = {
    "analysis": "charge.workflow",
    "category_id": "orb-category-uuid",
    "cert_blob": "MIIB",
    "from": "2025-01-01T00:00:00Z",
    "is_listed": False,
    "namespace_id": "namespace-uuid",
    "orb_id": "orb-uuid",
    "project_ids": ["project-uuid"],
    "provisioning_profiles": [{"file_name": "app.mobileprovision", "blob": "MIIB"}],
    "resource_class": "example-org/another-runner",
    "resource_class_id": "resource-class-uuid",
    "segment": "patch",
    "signing_certificate_id": "certificate-uuid",
    "to": "2025-01-15T00:00:00Z",
    "version": "2.0.0",
    "yaml": "version: 2.1",
    "component_name": "web",
    "current_version": "1.2.0",
    "end": "2025-01-14T00:00:00Z",
    "endpoint": "otel.example.com:4317",
    "environment_name": "production",
    "org_id": "org-uuid",
    "prefix": "https://example.com/orbs/",
    "start": "2025-01-01T00:00:00Z",
    "target_version": "1.1.0",
    "url": "https://example.com/hook",
    "attribution_actor": "current",
    "continuation_key": "continuation-key",
    "events": ["workflow-completed"],
    "name": "example",
    "owner": {"id": "org-uuid", "type": "organization"},
    "parameters": {"branch": "main"},
    "protocol": "http",
    "restriction_type": "project",
    "restriction_value": "project-uuid",
    "scope": {"id": "project-uuid", "type": "project"},
    "timetable": {"per-hour": 1, "hours-of-day": [4], "days-of-week": ["MON"]},
    "type": "deploy-key",
    "value": "example-value",
    "vcs_type": "github",
    "verify_tls": True,
}

# No source says that these are required; the specification calls them likely to be.
LIKELY_REQUIRED = {
    "create_url_orb_allow_list_entry": ("name", "prefix"),
    "promote_orb_version": ("segment",),
}

# What CircleCI sends although no reference lists it: the official command line reads it.
UNDOCUMENTED = {"truncated_value"}

FUNCTIONS = [
    each
    for each in load_catalog().functions()
    if not each.is_raw and each.fallback is None  # list_projects: tests/simulator/test_projects.py
]


def is_needed(function: Function, parameter: Parameter) -> bool:
    likely = parameter.name in LIKELY_REQUIRED.get(function.name, ())
    return likely or (parameter.required and parameter.part_of is None)


def request_for(function: Function) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the path, the query and the body of a valid call."""
    values = SEEDED | SPECIAL.get(function.name, {})
    path, query, body = function.api_path, {}, {}
    for each in function.fixed:
        if each.place == "query":
            query[each.wire] = each.value
    for parameter in function.parameters:
        if parameter.place == "path":
            text = str(values[parameter.name])
            path = path.replace(parameter.placeholder, quote(text, safe="/"))
        elif parameter.place == "query":
            if parameter.required or parameter.name in SPECIAL.get(function.name, {}):
                query[parameter.wire] = values[parameter.name]
        elif parameter.place == "body" and is_needed(function, parameter):
            put(body, parameter.body_path, BODIES.get(parameter.name, "example"))
    return path, query, body


def put(body: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Set the value of a nested field, and make the objects that lead to it."""
    *parents, last = place
    for key in parents:
        body = body.setdefault(key, {})
    body[last] = value


def problems(shape: Shape, value: Any, where: str = "answer") -> Iterator[str]:
    """Yield how `value` departs from its documented shape."""
    if shape.kind == "any" or (value is None and (shape.nullable or shape.kind == "nothing")):
        return
    if shape.kind == "object" and isinstance(value, dict):
        yield from object_problems(shape, value, where)
    elif shape.kind == "map" and isinstance(value, dict):
        yield from item_problems(shape, value.items(), where)
    elif shape.kind == "array" and isinstance(value, list):
        yield from item_problems(shape, enumerate(value), where)
    elif shape.kind != "scalar" or not scalar_fits(shape, value):
        form = f"{shape.kind} {shape.type} {shape.format or ''} {shape.enum or ''}"
        yield f"{where}: {value!r} is no {form.strip()}"


def item_problems(shape: Shape, items: Iterable[tuple[Any, Any]], where: str) -> Iterator[str]:
    for key, each in items:
        yield from problems(shape.item or Shape("any"), each, f"{where}[{key}]")


def object_problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    fields = {each.name: each for each in shape.fields}
    for key in value.keys() - fields.keys() - UNDOCUMENTED:
        yield f"{where}.{key} is not documented"
    for name, each in fields.items():
        if name in value:
            yield from problems(each.shape, value[name], f"{where}.{name}")
        elif not each.optional:
            yield f"{where}.{name} is missing"


def scalar_fits(shape: Shape, value: Any) -> bool:
    if shape.enum and value not in shape.enum:
        return False
    if shape.format == "date-time":
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    if shape.type == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    python_types = {"string": str, "integer": int, "number": (int, float)}
    return isinstance(value, python_types[shape.type])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_answers_with_its_documented_shape(send: Send, function: Function) -> None:
    path, query, body = request_for(function)
    search = f"?{urlencode(query)}" if query else ""
    answer = send(function.method, path + search, body if function.has_body else None)
    value = decoded(function, answer)
    shape = load_catalog().result_shape(function)
    assert answer.status == (204 if value is None else function.status), answer.body
    assert list(problems(shape, value)) == []


def decoded(function: Function, answer: WireResponse) -> Any:
    """Return the answer as the function's documentation says that it is read."""
    if function.answer == "text":
        return answer.body.decode()
    if function.answer == "jsonl":
        return [decode(line) for line in answer.body.splitlines()]
    return decode(answer.body) if answer.body else None


def test_the_whole_manifest_is_covered() -> None:
    others = [each.name for each in load_catalog().functions() if each not in FUNCTIONS]
    assert (len(FUNCTIONS), others) == (
        189,
        ["api_delete", "api_get", "api_patch", "api_post", "api_put", "list_projects"],
    )


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (Shape("scalar", type="integer"), True),
        (Shape("scalar", type="integer"), 1.5),
        (Shape("scalar", type="string", enum=("a", "b")), "c"),
        (Shape("array", item=Shape("scalar", type="string")), ["a", 1]),
        (Shape("object"), {"extra": 1}),
        (Shape("scalar", type="string"), None),
        (Shape("nothing"), {}),
    ],
)
def test_the_checker_itself_finds_faults(shape: Shape, value: Any) -> None:
    assert list(problems(shape, value)) != []
