"""The plugin as a user has it: a conftest, a workflow file, and a test of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["kosmo_circleci.simulator.pytest_plugin"]\n'

WORKFLOW = """\
#!/usr/bin/env -S kosmo integrations:lua
local circleci = app.integrations.circleci
local project = "gh/example-org/example-repo"
local pipeline = circleci.trigger_pipeline({project_slug = project, branch = args.branch})
return {id = pipeline.id, status = flow.wait_pipeline(pipeline.id)[1].status}
"""

Tests = Callable[[str], pytest.RunResult]


@pytest.fixture
def tests(pytester: pytest.Pytester) -> Tests:
    """`tests("def test_…")` runs these tests beside the workflow file."""
    pytester.makeconftest(CONFTEST)
    Path(pytester.path, "deploy.lua").write_text(WORKFLOW)

    def run(code: str) -> pytest.RunResult:
        pytester.makepyfile(code)
        return pytester.runpytest_inprocess("-W", "error")

    return run


def test_a_workflow_file_is_tested_with_its_arguments(tests: Tests) -> None:
    tests(
        """
        import pytest

        @pytest.mark.parametrize(
            ("branch", "status"),
            [("main", "success"), ("fail/it", "failed"), ("hold/it", "on_hold")],
        )
        def test_the_branch_decides(simulated_circleci, branch, status):
            run = simulated_circleci.run_file("deploy.lua", branch=branch)
            assert (run.error, run.result["status"]) == (None, status)
        """
    ).assert_outcomes(passed=3)


def test_each_test_has_a_world_of_its_own_to_look_into_and_to_move_on(tests: Tests) -> None:
    tests(
        """
        import pytest

        PROJECT = {"project_slug": "gh/example-org/example-repo"}

        @pytest.mark.parametrize("_", [1, 2])
        def test_the_world_is_new(simulated_circleci, _):
            number = simulated_circleci.call("trigger_pipeline", PROJECT)["number"]
            world = simulated_circleci.world
            newest = world.newest_pipelines()[0]
            assert number == newest.number == 46
            before = world.workflows_of(newest)[0].progress(world.now_s)
            simulated_circleci.advance(60)
            after = world.workflows_of(newest)[0].progress(world.now_s)
            assert (before.status, after.status) == ("running", "success")
        """
    ).assert_outcomes(passed=2)


def test_a_seed_of_the_tests_own_makes_other_ids(tests: Tests) -> None:
    tests(
        """
        import pytest

        CREATE = "return app.integrations.circleci.create_organization({name = 'a', "
        CODE = CREATE + "vcs_type = 'github'}).id"
        ids = set()

        @pytest.fixture(params=[1, 2, 2])
        def simulated_circleci_seed(request):
            return request.param

        def test_an_id(simulated_circleci):
            ids.add(simulated_circleci.run(CODE).result)

        def test_two_seeds_two_ids():
            assert len(ids) == 2
        """
    ).assert_outcomes(passed=4)


def test_a_failing_script_fails_where_the_test_says_so(tests: Tests) -> None:
    tests(
        """
        def test_the_error_is_in_the_run(simulated_circleci):
            run = simulated_circleci.run("error('no such release')")
            assert (run.success, run.error) == (False, "script:1: no such release")

        def test_a_file_that_is_missing(simulated_circleci):
            simulated_circleci.run_file("nowhere.lua")
        """
    ).assert_outcomes(passed=1, failed=1)


def test_a_script_is_tried_against_faults_and_limits(tests: Tests) -> None:
    tests(
        """
        import pytest
        from kosmo_circleci.simulator.conditions import Conditions

        CODE = "for _ = 1, 9 do app.integrations.circleci.get_current_user() end"

        @pytest.fixture(params=[{"fail_every": 2}, {"rate_limit": 6}, {"latency_s": 40.0}])
        def simulated_circleci_conditions(request):
            return Conditions(**request.param)

        def test_it_gets_through(simulated_circleci, simulated_circleci_conditions):
            run = simulated_circleci.run(CODE)
            assert (run.error, run.call_count) == (None, 9)
            attempts = sum(call["attempts"] for call in run.call_log)
            slow = simulated_circleci_conditions.latency_s > 0
            assert (attempts > 9, simulated_circleci.transport.now_s() > 360) == (not slow, slow)
        """
    ).assert_outcomes(passed=3)


def test_a_recorded_run_answers_a_workflow(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["kosmo_circleci.simulator.pytest_plugin"]')
    pytester.makepyfile(
        """
        from kosmo_circleci import Bridge

        CODE = "return app.integrations.circleci.get_current_user().login"

        def test_replay(journal_replay, tmp_path):
            (tmp_path / "who.lua").write_text(CODE)
            with Bridge(simulate=True) as bridge:
                recorded = bridge.run(CODE, name="who.lua", journal=tmp_path / "j")
            replay = journal_replay(tmp_path / "j")
            assert replay.run_file(tmp_path / "who.lua").result == recorded.result
            assert replay.run(CODE).call_log == []
            other = replay.run("app.integrations.circleci.get_pipeline('pipeline-uuid')")
            assert other.error_type == "journal"
        """
    )
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)
