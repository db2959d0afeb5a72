"""trigger_and_watch: the workflow of `make demo`."""

from collections.abc import Callable

import pytest

from kosmo_circleci.run.envelope import Run


@pytest.mark.parametrize(
    ("branch", "status", "test"),
    [
        ("main", "success", "success"),
        ("fail/x", "failed", "failed"),
        ("timeout/x", "failed", "timedout"),
        ("infra/x", "failed", "infrastructure_fail"),
        ("hold/x", "on_hold", "success"),
    ],
)
def test_it_reports_how_the_pipeline_ended(
    branch: str, status: str, test: str, workflow: Callable[..., Run]
) -> None:
    run = workflow("trigger_and_watch", {"branch": branch})

    assert (run.error, run.result["workflow"], run.result["jobs"]["test"]) == (None, status, test)
    assert f"workflow build-and-test: {status}" in run.output.splitlines()
    assert f"  {test:<8} test" in str(run.result_text).splitlines()


def test_it_ends_at_once_when_the_configuration_is_refused(workflow: Callable[..., Run]) -> None:
    run = workflow("trigger_and_watch", {"branch": "error/x"})

    trouble = "Job 'test' requires 'lint', which is the name of 0 other jobs."
    assert (run.exit_code, run.error) == (1, f"pipeline 46 cannot run: {trouble}")
    assert len(run.call_log) == 3


def test_its_plan_is_the_trigger(planned: Callable[..., list[str]]) -> None:
    assert planned("trigger_and_watch") == ["trigger_pipeline"]
