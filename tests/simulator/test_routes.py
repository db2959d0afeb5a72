import pytest

from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.routes import find_route

SLUG = {"project_slug": "gh/acme/web"}


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/me", "get_current_user", {}),
        ("GET", "/project/gh/acme/web", "get_project", SLUG),
        ("GET", "/project/gh%2Facme%2Fweb", "get_project", SLUG),
        ("POST", "/project/gh/acme/web", "create_project_from_repository", SLUG),
        ("GET", "/project/gh/acme/web/pipeline/mine", "list_my_project_pipelines", SLUG),
        (
            "GET",
            "/project/gh/acme/web/pipeline/7",
            "get_project_pipeline_by_number",
            {**SLUG, "pipeline_number": "7"},
        ),
        ("GET", "/project/gh/acme/web/job/7", "get_job_details", {**SLUG, "job_number": "7"}),
        (
            "GET",
            "/project/gh/acme/web/7/artifacts",
            "list_job_artifacts",
            {**SLUG, "job_number": "7"},
        ),
        (
            "GET",
            "/project/gh/acme/web/envvar/artifacts",
            "get_project_env_var",
            {**SLUG, "name": "artifacts"},
        ),
        (
            "GET",
            "/project/gh/acme/50%25/checkout-key/a%2Fb%3D",
            "get_checkout_key",
            {"project_slug": "gh/acme/50%", "fingerprint": "a/b="},
        ),
        ("GET", "/insights/pages/gh/acme/web/summary", "get_project_insights_summary", SLUG),
        ("GET", "/insights/gh/acme/summary", "get_org_insights_summary", {"org_slug": "gh/acme"}),
        (
            "GET",
            "/insights/gh/acme/web/workflows/ci/summary",
            "get_workflow_summary",
            {**SLUG, "workflow_name": "ci"},
        ),
        ("GET", "/organization/o-uuid", "get_organization", {"org_slug_or_id": "o-uuid"}),
        ("GET", "/organization/gh/acme", "get_organization", {"org_slug_or_id": "gh/acme"}),
        (
            "POST",
            "/organization/gh/acme/project",
            "create_project",
            {"org_slug_or_id": "gh/acme"},
        ),
        (
            "GET",
            "/owner/o/context/config/decision/settings",
            "get_decision_settings",
            {"owner_id": "o", "context": "config"},
        ),
        ("POST", "/pipeline/continue", "continue_pipeline", {}),
    ],
)
def test_a_request_finds_its_operation_and_the_parameters_of_its_path(
    method: str, path: str, function: str, parameters: dict[str, str]
) -> None:
    route, arguments = find_route(method, path)
    assert (route.name, arguments) == (function, parameters)


@pytest.mark.parametrize(
    "path",
    [
        "/project/gh%2Facme%2Fweb/settings",  # this template takes three segments only
        "/project/gh/acme",
        "/project/gh//web",
        "/workflow/",
        "/insights/gh/acme/web/nothing",
    ],
)
def test_a_path_without_a_template_is_not_found(path: str) -> None:
    with pytest.raises(Refusal) as refusal:
        find_route("GET", path)
    assert refusal.value.status == 404
