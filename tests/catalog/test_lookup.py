"""Any accepted spelling finds the function; any other names the nearest."""

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import find, split_path
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
            "Unknown function: pipeline_trigger. Did you mean: trigger_pipeline, "
            "trigger_pipeline_run?",
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
