"""Any accepted spelling finds the function; any other names the nearest."""

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import find, split_path, suggestions
from kosmo_circleci.errors import ValidationError


@pytest.mark.parametrize(
    "spelling",
    [
        "get_pipeline",
        "circleci_get_pipeline",
        "circleci.get_pipeline",
        "circleci.circleci_get_pipeline",
        "integrations.circleci.get_pipeline",
        "app.integrations.circleci.get_pipeline",
        "app.integrations.circleci.work.get_pipeline",
        " get_pipeline ",
    ],
)
def test_every_accepted_spelling_means_the_same_function(spelling: str) -> None:
    assert find(load_catalog(), spelling).name == "get_pipeline"


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        (
            "app.integrations.circleci.get_pipelin",
            "Unknown function: app.integrations.circleci.get_pipelin. Did you mean: get_pipeline?",
        ),
        ("Get_Pipeline", "Unknown function: Get_Pipeline. Did you mean: get_pipeline?"),
        (
            "pipeline_trigger",
            "Unknown function: pipeline_trigger. Did you mean: trigger_pipeline?",
        ),
        (
            "zzz",
            'Unknown function: zzz. Find functions with docs.search("…") or '
            "`kosmo integrations:search`.",
        ),
        (
            "circleci",
            'Unknown function: circleci. Find functions with docs.search("…") or '
            "`kosmo integrations:search`.",
        ),
    ],
)
def test_an_unknown_name_is_told_what_comes_nearest(spelling: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        find(load_catalog(), spelling)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("get_pipelin", ("get_pipeline",)),
        ("getpipeline", ("get_pipeline",)),
        ("canel_workflow", ("cancel_workflow",)),
        ("delte_contxt", ("delete_context",)),
        ("run_pipeline", ("trigger_pipeline_run", "trigger_pipeline")),
        ("get_logs", ("get_job_stdout", "get_job_stdout_condensed")),
        ("get_log", ("get_job_stdout", "get_job_stdout_condensed")),
        ("fetch_artifacts", ("list_job_artifacts", "list_job_artifacts_v3")),
        ("kill_workflow", ("cancel_workflow", "cancel_workflow_v3")),
        ("list_organizations", ("list_collaborations", "list_orgs")),
        ("stop_job", ("cancel_job_by_id", "cancel_job_by_number", "cancel_workflow")),
        ("retry_workflow", ("rerun_workflow", "rerun_workflow_v3")),
        ("frobnicate_pipeline", ()),
        ("get_weather", ()),
        ("zzz", ()),
        ("circleci", ()),
        ("", ()),
    ],
)
def test_a_name_is_understood_by_spelling_or_by_meaning_or_not_at_all(
    name: str, names: tuple[str, ...]
) -> None:
    assert suggestions(name, load_catalog())[: len(names) or None] == names


def test_another_name_is_suggested_by_its_spelling() -> None:
    assert suggestions("wrok", load_catalog(), ("work",)) == ("work",)


def test_every_function_is_found_by_its_tool_name() -> None:
    catalog = load_catalog()
    assert [find(catalog, each.tool_name) for each in catalog.functions()] == list(
        catalog.functions()
    )


@pytest.mark.parametrize(
    ("spelling", "segments"),
    [
        ("app.integrations.circleci.work.get_pipeline", ("work", "get_pipeline")),
        ("app.integrations.circleci", ("circleci",)),
        ("circleci", ("circleci",)),
        ("flow", ("flow",)),
    ],
)
def test_a_path_is_split_behind_the_namespace(spelling: str, segments: tuple[str, ...]) -> None:
    assert split_path(spelling) == segments
