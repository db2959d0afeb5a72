"""Insights about a whole project, and about a whole organization."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator import metrics
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.metrics import Run, Window, WorkflowRun
from kosmo_circleci.simulator.resources.insights import reporting_window


def get_organization(call: Call) -> JsonValue:
    """Answer `GET /insights/{org-slug}/summary`, of the projects in `project-names`, or of all."""
    window, organization = reporting_window(call), call.organization
    projects = [each for each in call.world.visible_projects() if each.organization is organization]
    names = call.query.get("project-names")
    reported = [each for each in projects if names is None or each.name in names]
    now, before = (
        {each.name: metrics.workflow_runs(call.world, each, part) for each in reported}
        for part in (window, window.before)
    )
    return {
        "org_data": _overview([*chain(*now.values())], [*chain(*before.values())], window),
        "org_project_data": [
            {"project_name": name, **_project_figures(now[name], before[name])}
            for name in sorted(now)
        ],
        "all_projects": [*sorted(each.name for each in projects)],
    }


def get_project(call: Call) -> JsonValue:
    """Answer `GET /insights/pages/{project-slug}/summary`: the project, its workflows, branches."""
    window, project = reporting_window(call), call.project
    now, before = (
        [
            run
            for run in metrics.workflow_runs(call.world, project, part)
            if _matches_query(call, run)
        ]
        for part in (window, window.before)
    )
    everything = metrics.workflow_runs(call.world, project, window)
    return {
        "org_id": project.organization.id,
        "project_id": project.id,
        "project_data": _overview(now, before, window),
        "project_workflow_data": [
            {
                "workflow_name": name,
                **_workflow_figures(_of(now, name), _of(before, name)),
            }
            for name in _names(now)
        ],
        "project_workflow_branch_data": [
            {
                "workflow_name": name,
                "branch": branch,
                **_workflow_figures(_of(now, name, branch), _of(before, name, branch)),
            }
            for name in _names(now)
            for branch in _branches(_of(now, name))
        ],
        "all_branches": [*_branches(everything)],
        "all_workflows": [*_names(everything)],
    }


def _matches_query(call: Call, run: WorkflowRun) -> bool:
    branches, names = call.query.get("branches"), call.query.get("workflow-names")
    return (branches is None or run.workflow.pipeline.branch in branches) and (
        names is None or run.workflow.name in names
    )


def _of(runs: Sequence[WorkflowRun], name: str, branch: str | None = None) -> list[WorkflowRun]:
    return [
        run
        for run in runs
        if run.workflow.name == name and branch in (None, run.workflow.pipeline.branch)
    ]


def _names(runs: Sequence[WorkflowRun]) -> list[str]:
    return sorted({run.workflow.name for run in runs})


def _branches(runs: Sequence[WorkflowRun]) -> list[str]:
    return sorted({each for run in runs if (each := run.workflow.pipeline.branch) is not None})


def _total_duration_s(runs: Sequence[Run]) -> int:
    return sum(metrics.durations(runs))


def _overview(now: Sequence[Run], before: Sequence[Run], window: Window) -> JsonObject:
    both = [
        {
            **_project_metrics(runs),
            "throughput": metrics.throughput(runs, window),
        }
        for runs in (now, before)
    ]
    return {"metrics": {**both[0]}, "trends": _changes(both[0], both[1])}


def _project_figures(now: Sequence[Run], before: Sequence[Run]) -> JsonObject:
    both = [_project_metrics(runs) for runs in (now, before)]
    return {"metrics": {**both[0]}, "trends": _changes(both[0], both[1])}


def _workflow_figures(now: Sequence[Run], before: Sequence[Run]) -> JsonObject:
    both: list[dict[str, float]] = [
        {
            "total_credits_used": metrics.credits_used(runs),
            "p95_duration_secs": metrics.percentile_95(metrics.durations(runs)),
            "total_runs": len(runs),
            "success_rate": metrics.success_rate(runs),
        }
        for runs in (now, before)
    ]
    return {"metrics": {**both[0]}, "trends": _changes(both[0], both[1])}


def _project_metrics(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "total_runs": len(runs),
        "total_duration_secs": _total_duration_s(runs),
        "total_credits_used": metrics.credits_used(runs),
        "success_rate": metrics.success_rate(runs),
    }


def _changes(now: dict[str, float], before: dict[str, float]) -> JsonObject:
    return {key: metrics.trend(now[key], before[key]) for key in now}


ROUTES: Final[dict[str, Handler]] = {
    "get_org_summary_data": get_organization,
    "get_project_workflows_page_data": get_project,
}
