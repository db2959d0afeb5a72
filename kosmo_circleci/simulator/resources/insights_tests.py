"""Insights about tests: those that are flaky, those that fail most or take longest."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator import metrics
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.clock import timestamp
from kosmo_circleci.simulator.metrics import JobRun, WorkflowRun
from kosmo_circleci.simulator.resources.insights import (
    branch_filter,
    reporting_window,
    workflow_name,
)
from kosmo_circleci.simulator.resources.job import (
    TEST_CLASS,
    TEST_SOURCE,
    CaseResult,
    case_results,
)
from kosmo_circleci.simulator.step_texts import TEST_FILE

_MOST: Final = 10
"""How many tests a list of extremes shows; the rest is counted."""


class _TestRun(NamedTuple):
    job: JobRun
    result: CaseResult


def list_flaky(call: Call) -> JsonValue:
    """Answer `GET /insights/{project-slug}/flaky-tests`.

    A test is flaky that failed and passed in the same pipeline: on the same commit.
    """
    runs = _test_runs(metrics.workflow_runs(call.world, call.project, reporting_window(call)))
    rows = [_flaky_row(name, failures) for name, failures in _flaky_failures(runs).items()]
    return {"flaky-tests": [*rows], "total-flaky-tests": len(rows)}


def get_metrics(call: Call) -> JsonValue:
    """Answer `GET …/workflows/{workflow-name}/test-metrics`."""
    name, branch = workflow_name(call), branch_filter(call)
    workflows = metrics.workflow_runs(
        call.world, call.project, reporting_window(call), name=name, branch=branch
    )
    runs = _test_runs(workflows)
    tested_runs = [
        run for run in workflows if any(each.job.workflow is run.workflow for each in runs)
    ]
    rows = _test_rows(runs)
    failing = sorted((row for row in rows if row[0] > 0), key=lambda row: -row[0])
    slowest = sorted(rows, key=lambda row: -row[1])
    return {
        "average_test_count": round(len(runs) / len(tested_runs)) if tested_runs else 0,
        "most_failed_tests": [row[2] for row in failing[:_MOST]],
        "most_failed_tests_extra": max(0, len(failing) - _MOST),
        "slowest_tests": [row[2] for row in slowest[:_MOST]],
        "slowest_tests_extra": max(0, len(slowest) - _MOST),
        "total_test_runs": len(runs),
        "test_runs": [_workflow_row(run, runs) for run in tested_runs],
    }


def _test_runs(workflows: Sequence[WorkflowRun]) -> list[_TestRun]:
    return [
        _TestRun(run, result)
        for run in metrics.job_runs(workflows)
        for result in case_results(run.job, run.progress)
    ]


def _flaky_failures(runs: Sequence[_TestRun]) -> dict[str, list[_TestRun]]:
    """Return the flaky tests with those of their failures that another run took back."""
    passed = {(_pipeline(each), each.result.name) for each in runs if not each.result.failed}
    failures: dict[str, list[_TestRun]] = {}
    for each in runs:
        if each.result.failed and (_pipeline(each), each.result.name) in passed:
            failures.setdefault(each.result.name, []).append(each)
    return failures


def _pipeline(run: _TestRun) -> str:
    return run.job.workflow.pipeline.id


def _flaky_row(name: str, failures: Sequence[_TestRun]) -> JsonObject:
    latest = failures[0].job
    workflow = latest.workflow
    return {
        "time-wasted": sum(each.job.ended_s - each.job.began_s for each in failures),
        "workflow-created-at": timestamp(workflow.created_s),
        "workflow-id": workflow.id,
        "classname": TEST_CLASS,
        "pipeline-number": workflow.pipeline.number,
        "workflow-name": workflow.name,
        "test-name": name,
        "job-name": latest.job.plan.name,
        "job-number": latest.job.number,
        "times-flaked": len(failures),
        "source": TEST_SOURCE,
        "file": TEST_FILE,
    }


def _test_rows(runs: Sequence[_TestRun]) -> list[tuple[int, float, JsonObject]]:
    """Return each test as its number of failures, its longest duration, and its row."""
    flaky, rows = _flaky_failures(runs), []
    for name in sorted({each.result.name for each in runs}):
        of_name = [each for each in runs if each.result.name == name]
        failed = sum(each.result.failed for each in of_name)
        slowest_s = max(each.result.run_time_s for each in of_name)
        row: JsonObject = {
            "p95_duration": slowest_s,
            "total_runs": len(of_name),
            "classname": TEST_CLASS,
            "failed_runs": failed,
            "flaky": name in flaky,
            "source": TEST_SOURCE,
            "file": TEST_FILE,
            "job_name": of_name[0].job.job.plan.name,
            "test_name": name,
        }
        rows.append((failed, slowest_s, row))
    return rows


def _workflow_row(run: WorkflowRun, runs: Sequence[_TestRun]) -> JsonObject:
    results = [each.result for each in runs if each.job.workflow is run.workflow]
    failed = sum(each.failed for each in results)
    total = len(results)
    return {
        "pipeline_number": run.workflow.pipeline.number,
        "workflow_id": run.workflow.id,
        "success_rate": round((total - failed) / total, 4),
        "test_counts": {
            "error": 0,
            "failure": failed,
            "skipped": 0,
            "success": total - failed,
            "total": total,
        },
    }


ROUTES: Final[dict[str, Handler]] = {
    "get_flaky_tests": list_flaky,
    "get_project_workflow_test_metrics": get_metrics,
}
