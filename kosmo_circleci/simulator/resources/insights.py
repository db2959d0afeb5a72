"""Insights about workflows and jobs of one project."""

from collections.abc import Callable, Sequence
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator import metrics
from kosmo_circleci.simulator.answers import bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import second_of, timestamp
from kosmo_circleci.simulator.metrics import DAY_S, JobRun, Run, Window, WorkflowRun

DEFAULT_BRANCH: Final = "main"

_LONGEST_DAYS: Final = 90

_WINDOWS_S: Final = {
    "last-24-hours": DAY_S,
    "last-7-days": 7 * DAY_S,
    "last-30-days": 30 * DAY_S,
    "last-60-days": 60 * DAY_S,
    "last-90-days": 90 * DAY_S,
}

_BUCKETS_S: Final = {"daily": DAY_S, "hourly": 3600}


def reporting_window(call: Call) -> Window:
    """Return the window that `reporting-window` names, up to now; the last 90 days by default."""
    length_s = _WINDOWS_S[call.query_text("reporting-window") or "last-90-days"]
    return Window(call.world.now_s - length_s, call.world.now_s)


def branch_filter(call: Call) -> str | None:
    """Return the branch of the query, by default `main`; None for `all-branches`."""
    branch, everywhere = call.query_text("branch"), call.query_text("all-branches") == "true"
    if branch and everywhere:
        raise bad_request("Only one of all-branches and branch may be given.")
    return None if everywhere else branch or DEFAULT_BRANCH


def list_workflow_metrics(call: Call) -> JsonValue:
    """Answer `GET /insights/{project-slug}/workflows`: a row for each workflow that ran."""
    window = reporting_window(call)
    runs = metrics.workflow_runs(call.world, call.project, window, branch=branch_filter(call))
    names = sorted({run.workflow.name for run in runs})

    def row(name: str) -> JsonValue:
        of_name = [run for run in runs if run.workflow.name == name]
        return {
            "name": name,
            "metrics": workflow_metrics(of_name, window),
            "window_start": timestamp(window.start_s),
            "window_end": timestamp(window.end_s),
            "project_id": call.project.id,
        }

    return call.page(names, row)


def list_workflow_runs(call: Call) -> JsonValue:
    """Answer `GET /insights/{project-slug}/workflows/{workflow-name}`: its runs that ended."""
    window, branch = _dated_window(call), branch_filter(call)
    return call.page(_runs(call, window, branch), _workflow_run)


def list_job_metrics(call: Call) -> JsonValue:
    """Answer `GET …/workflows/{workflow-name}/jobs`: a row for each job, or those of `job-name`."""
    window = reporting_window(call)
    jobs = metrics.job_runs(
        _runs(call, window, branch_filter(call)), name=call.query_text("job-name")
    )
    names = sorted({run.job.plan.name for run in jobs})

    def row(name: str) -> JsonValue:
        return {
            "name": name,
            "metrics": _job_metrics([each for each in jobs if each.job.plan.name == name], window),
            "window_start": timestamp(window.start_s),
            "window_end": timestamp(window.end_s),
        }

    return call.page(names, row)


def list_job_runs(call: Call) -> JsonValue:
    """Answer `GET …/workflows/{workflow-name}/jobs/{job-name}`: its runs that ended."""
    runs = _runs(call, _dated_window(call), branch_filter(call))
    return call.page(metrics.job_runs(runs, name=call.path["job_name"]), _job_run)


def get_timeseries(call: Call) -> JsonValue:
    """Answer `GET /insights/time-series/…/jobs`: figures for each job and day, or hour."""
    runs = _runs(call, _dated_window(call), branch_filter(call))
    length_s = _BUCKETS_S[call.query_text("granularity") or "daily"]
    buckets: dict[tuple[int, str], list[JobRun]] = {}
    for run in metrics.job_runs(runs):
        at_s = _start_of(run.began_s, length_s)
        buckets.setdefault((at_s, run.job.plan.name), []).append(run)
    return call.page(
        sorted(buckets.items(), key=lambda each: (-each[0][0], each[0][1])),
        lambda each: _timed_row(each[0][0], each[0][1], each[1], length_s),
    )


def list_branches(call: Call) -> JsonValue:
    """Answer `GET /insights/{project-slug}/branches`: those whose workflows ran and ended."""
    runs = metrics.workflow_runs(
        call.world, call.project, reporting_window(call), name=call.query_text("workflow-name")
    )
    branches = {run.workflow.pipeline.branch for run in runs}
    return {
        "org_id": call.project.organization.id,
        "project_id": call.project.id,
        "branches": [*sorted(each for each in branches if each is not None)],
    }


def get_summary(call: Call) -> JsonValue:
    """Answer `GET …/workflows/{workflow-name}/summary`: the figures, and how they changed."""
    window, branch = reporting_window(call), branch_filter(call)
    now, before = _runs(call, window, branch), _runs(call, window.before, branch)
    metrics = workflow_metrics(now, window)
    del metrics["total_recoveries"]
    return {
        "metrics": {
            **metrics,
            "completed_runs": len(now),
            "window_start": timestamp(window.start_s),
            "window_end": timestamp(window.end_s),
        },
        "trends": _trends(now, before, window),
        "workflow_names": [*sorted(_workflow_names(call))],
    }


def workflow_metrics(runs: Sequence[WorkflowRun], window: Window) -> JsonObject:
    """Return the figures of one workflow's runs."""
    return {
        "total_runs": len(runs),
        "successful_runs": metrics.count(runs, "success"),
        "mttr": metrics.mean_time_to_recovery_s(runs),
        "total_credits_used": metrics.credits_used(runs),
        "failed_runs": metrics.count_failures(runs),
        "success_rate": metrics.success_rate(runs),
        "duration_metrics": metrics.duration_metrics(runs),
        "total_recoveries": len(metrics.recoveries_s(runs)),
        "throughput": metrics.throughput(runs, window),
    }


def workflow_name(call: Call) -> str:
    """Return the name of the workflow in the path; a 404 if the project has none of that name."""
    name = call.path["workflow_name"]
    if name not in _workflow_names(call):
        raise not_found("Workflow")
    return name


def _workflow_names(call: Call) -> set[str]:
    project = call.project
    workflows = call.world.workflows.values()
    return {each.name for each in workflows if each.pipeline.project is project}


def _runs(call: Call, window: Window, branch: str | None) -> list[WorkflowRun]:
    name = workflow_name(call)
    return metrics.workflow_runs(call.world, call.project, window, name=name, branch=branch)


def _dated_window(call: Call) -> Window:
    start, end, now_s = call.query_text("start-date"), call.query_text("end-date"), call.world.now_s
    if end and not start:
        raise bad_request("end-date: only together with start-date")
    end_s = second_of(end) if end else now_s
    start_s = second_of(start) if start else end_s - _LONGEST_DAYS * DAY_S
    if end_s < start_s:
        raise bad_request("end-date: expected a time after start-date")
    if end_s - start_s > _LONGEST_DAYS * DAY_S:
        raise bad_request(f"end-date: expected at most {_LONGEST_DAYS} days after start-date")
    return Window(start_s, end_s)


def _workflow_run(run: WorkflowRun) -> JsonValue:
    return {
        "id": run.workflow.id,
        "branch": run.workflow.pipeline.branch or "",
        "duration": run.ended_s - run.began_s,
        "created_at": timestamp(run.began_s),
        "stopped_at": timestamp(run.ended_s),
        "credits_used": run.credits,
        "status": run.status,
        "is_approval": any(job.plan.is_approval for job in run.workflow.jobs),
    }


def _job_run(run: JobRun) -> JsonValue:
    return {
        "id": run.job.id,
        "started_at": timestamp(run.began_s),
        "stopped_at": timestamp(run.ended_s),
        "status": run.status,
        "duration": run.ended_s - run.began_s,
        "credits_used": run.credits,
    }


def _job_metrics(runs: Sequence[Run], window: Window) -> JsonObject:
    return {
        "total_runs": len(runs),
        "failed_runs": metrics.count_failures(runs),
        "successful_runs": metrics.count(runs, "success"),
        "duration_metrics": metrics.duration_metrics(runs),
        "success_rate": metrics.success_rate(runs),
        "total_credits_used": metrics.credits_used(runs),
        "throughput": metrics.throughput(runs, window),
    }


def _start_of(at_s: int, length_s: int) -> int:
    # The world begins at ten o'clock, and days begin at midnight.
    began_s = second_of("2025-01-15T00:00:00Z")
    return began_s + (at_s - began_s) // length_s * length_s


def _timed_row(at_s: int, name: str, runs: Sequence[JobRun], length_s: int) -> JsonValue:
    seconds = metrics.durations(runs)
    credits = sorted(run.credits for run in runs)
    return {
        "name": name,
        "min_started_at": timestamp(min(run.began_s for run in runs)),
        "max_ended_at": timestamp(max(run.ended_s for run in runs)),
        "timestamp": timestamp(at_s),
        "metrics": {
            "total_runs": len(runs),
            "failed_runs": metrics.count_failures(runs),
            "successful_runs": metrics.count(runs, "success"),
            "throughput": metrics.throughput(runs, Window(at_s, at_s + length_s)),
            "median_credits_used": credits[len(credits) // 2],
            "total_credits_used": sum(credits),
            "duration_metrics": {
                "min": seconds[0],
                "median": seconds[len(seconds) // 2],
                "max": seconds[-1],
                "p95": metrics.percentile_95(seconds),
                "total": sum(seconds),
            },
        },
    }


def _trends(now: Sequence[Run], before: Sequence[Run], window: Window) -> JsonObject:
    def change(figure: Callable[[Sequence[Run]], float]) -> float:
        return metrics.trend(figure(now), figure(before))

    return {
        "total_runs": change(len),
        "failed_runs": change(metrics.count_failures),
        "success_rate": change(metrics.success_rate),
        "p95_duration_secs": change(lambda runs: metrics.percentile_95(metrics.durations(runs))),
        "median_duration_secs": change(metrics.median_duration_s),
        "total_credits_used": change(metrics.credits_used),
        "mttr": change(metrics.mean_time_to_recovery_s),
        "throughput": change(lambda runs: metrics.throughput(runs, window)),
    }


ROUTES: Final[dict[str, Handler]] = {
    "get_project_workflow_metrics": list_workflow_metrics,
    "get_project_workflow_runs": list_workflow_runs,
    "get_project_workflow_job_metrics": list_job_metrics,
    "get_project_job_runs": list_job_runs,
    "get_job_timeseries": get_timeseries,
    "get_all_insights_branches": list_branches,
    "get_workflow_summary": get_summary,
}
