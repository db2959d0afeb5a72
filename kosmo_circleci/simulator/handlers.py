"""Which module of `resources/` answers an operation. It is imported on first use."""

import importlib
from collections.abc import Mapping
from typing import Final

from kosmo_circleci.simulator.calls import Handler

RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "checkout_key": (
        "create_checkout_key",
        "delete_checkout_key",
        "get_checkout_key",
        "list_checkout_keys",
    ),
    "config": ("compile_config_with_defaults",),
    "context": (
        "add_environment_variable_to_context",
        "create_context",
        "create_context_restriction",
        "delete_context",
        "delete_context_restriction",
        "delete_environment_variable_from_context",
        "get_context",
        "get_context_restrictions",
        "list_contexts",
        "list_environment_variables_from_context",
    ),
    "definition": (
        "create_pipeline_definition",
        "delete_pipeline_definition",
        "get_pipeline_definition",
        "list_pipeline_definitions",
        "update_pipeline_definition",
        "create_trigger",
        "delete_trigger",
        "get_trigger",
        "list_pipeline_definition_triggers",
        "update_trigger",
    ),
    "deploy": (
        "get_component",
        "get_deploy_settings",
        "get_environment",
        "list_component_versions",
        "list_components",
        "list_environments",
        "rollback_project",
    ),
    "group": (
        "create_organization_group",
        "delete_group",
        "get_group",
        "get_organization_groups",
    ),
    "insights": (
        "get_all_insights_branches",
        "get_job_timeseries",
        "get_project_job_runs",
        "get_project_workflow_job_metrics",
        "get_project_workflow_metrics",
        "get_project_workflow_runs",
        "get_workflow_summary",
    ),
    "insights_summary": ("get_org_summary_data", "get_project_workflows_page_data"),
    "insights_tests": ("get_flaky_tests", "get_project_workflow_test_metrics"),
    "job": (
        "cancel_job_by_job_id",
        "cancel_job_by_job_number",
        "get_job_artifacts",
        "get_job_details",
        "get_tests",
    ),
    "oidc": (
        "delete_org_claims",
        "delete_project_claims",
        "get_org_claims",
        "get_project_claims",
        "patch_org_claims",
        "patch_project_claims",
    ),
    "organization": (
        "create_organization",
        "delete_organization",
        "get_organization",
        "create_url_orb_allow_list_entry",
        "list_url_orb_allow_list_entries",
        "remove_url_orb_allow_list_entry",
    ),
    "otel": ("create_otel_exporter", "delete_otel_exporter", "list_otel_exporters"),
    "pipeline": (
        "continue_pipeline",
        "get_pipeline_by_id",
        "get_pipeline_by_number",
        "get_pipeline_config_by_id",
        "get_pipeline_values_by_id",
        "list_my_pipelines",
        "list_pipelines",
        "list_pipelines_for_project",
        "list_workflows_by_pipeline_id",
        "trigger_pipeline",
        "trigger_pipeline_run",
    ),
    "policy": (
        "create_policy_bundle",
        "get_decision_log",
        "get_decision_log_policy_bundle",
        "get_decision_logs",
        "get_decision_settings",
        "get_policy_bundle",
        "get_policy_document",
        "make_decision",
        "set_decision_settings",
    ),
    "project": (
        "create_env_var",
        "create_project",
        "create_project_from_repository",
        "delete_env_var",
        "delete_project_by_slug",
        "get_env_var",
        "get_project_by_slug",
        "get_project_settings",
        "list_env_vars",
        "patch_project_settings",
    ),
    "schedule": (
        "create_schedule",
        "delete_schedule_by_id",
        "get_schedule_by_id",
        "list_schedules_for_project",
        "update_schedule",
    ),
    "usage": ("create_usage_export", "get_usage_export"),
    "user": ("get_collaborations", "get_current_user", "get_user"),
    "webhook": (
        "create_webhook",
        "delete_webhook",
        "get_webhook_by_id",
        "get_webhooks",
        "update_webhook",
    ),
    "v1.build": ("get_build", "get_build_output"),
    "v1.project": ("follow_project",),
    "v3.analysis": ("analyze_charges",),
    "v3.catalog": ("get_catalog_offerings",),
    "v3.context": ("list_context_env_vars_v3", "list_contexts_v3"),
    "v3.deploy": ("list_deployments",),
    "v3.job": (
        "get_job",
        "get_job_resource_usage",
        "list_job_artifacts_v3",
        "list_job_test_results",
        "list_jobs_v3",
    ),
    "v3.namespace": (
        "create_namespace",
        "find_namespace",
        "get_namespace",
        "rename_namespace",
    ),
    "v3.orb": (
        "add_orb_category",
        "create_orb",
        "delete_namespace",
        "get_orb",
        "list_orb_categories",
        "list_orbs",
        "remove_orb_category",
        "set_orb_listed",
        "validate_orb",
    ),
    "v3.orb_version": (
        "get_orb_source",
        "list_orb_versions",
        "promote_orb_version",
        "publish_orb_version",
    ),
    "v3.organization": ("get_org", "get_org_settings", "list_orgs", "update_org_settings"),
    "v3.output": ("get_job_stderr", "get_job_stdout", "get_job_stdout_condensed"),
    "v3.project": (
        "get_project_v3",
        "get_project_settings_v3",
        "purge_docker_layer_cache",
        "search_projects",
        "update_project_settings_v3",
    ),
    "v3.provider": ("list_provider_connections", "list_provider_repositories"),
    "v3.run": ("get_run", "list_my_runs", "search_runs"),
    "v3.runner": (
        "create_runner_resource_class",
        "create_runner_token",
        "delete_runner_resource_class",
        "delete_runner_token",
        "get_runner_resource_class",
        "get_runner_token",
        "list_runner_resource_classes",
        "list_runner_tokens",
        "update_runner_resource_class",
    ),
    "v3.runner_fleet": ("get_runner_fleet", "list_runner_agents", "list_runner_fleets"),
    "v3.signing": (
        "create_signing_certificate",
        "create_signing_config",
        "delete_signing_certificate",
        "delete_signing_config",
        "list_signing_certificates",
        "list_signing_configs",
    ),
    "v3.workflow": (
        "cancel_workflow_v3",
        "get_workflow_v3",
        "list_run_workflows",
        "rerun_workflow_v3",
    ),
    "workflow": (
        "approve_pending_approval_job_by_id",
        "cancel_workflow",
        "get_workflow_by_id",
        "list_workflow_jobs",
        "rerun_workflow",
    ),
}
"""Module -> the operations it answers: the keys of its `ROUTES`.

Modules of API v3 and v1.1 are in a folder of their own.
"""


def handler_of(operation: str) -> Handler | None:
    """Return what answers the operation; None if no resource does, so that its shape must."""
    for name, operations in RESOURCES.items():
        if operation in operations:
            module = importlib.import_module(f"kosmo_circleci.simulator.resources.{name}")
            routes: Mapping[str, Handler] = module.ROUTES
            return routes[operation]
    return None
