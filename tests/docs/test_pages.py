import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import guides, helpers, pages
from kosmo_circleci.docs.workflows import PAGE_BYTES
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.workflows.library import Workflow
from kosmo_circleci.workflows.sources import shipped

CATALOG: Final = load_catalog()


@pytest.mark.parametrize(
    "spelling",
    [
        "circleci.get_pipeline",
        "get_pipeline",
        "circleci_get_pipeline",
        "circleci.circleci_get_pipeline",
        "integrations.circleci.get_pipeline",
        "app.integrations.circleci.get_pipeline",
        "app.integrations.circleci.work.get_pipeline",
        "circleci.work.get_pipeline",
        "work.get_pipeline",
        " Circleci.Get_Pipeline\n",
        "app.integrations.circleci.get_pipeline()",
    ],
)
def test_a_function_is_found_under_every_spelling_people_use(spelling: str) -> None:
    assert pages.read(spelling, CATALOG).startswith("# circleci.get_pipeline\n")


@pytest.mark.parametrize(
    "spelling",
    [
        "circleci",
        "integrations.circleci",
        "app.integrations.circleci",
        "app.integrations",
        "integrations",
        "app",
        "circleci.circleci",
        "CircleCI",
    ],
)
def test_the_namespace_is_the_guide(spelling: str) -> None:
    assert pages.read(spelling, CATALOG) == guides.read("circleci")


@pytest.mark.parametrize(
    "spelling",
    ["errors", "errors.md", "Errors", "circleci.errors", "app.integrations.circleci.work.errors"],
)
def test_a_guide_is_found_with_and_without_the_namespace(spelling: str) -> None:
    assert pages.read(spelling, CATALOG) == guides.read("errors")


@pytest.mark.parametrize("name", guides.names())
def test_every_guide_reads_as_its_file_without_the_comments_for_the_search(name: str) -> None:
    lines = (guides.folder() / f"{name}.md").read_text("utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("<!-- search: ")]
    page = pages.read(name, CATALOG)
    assert "<!-- search" not in page
    assert [line for line in page.splitlines() if line] == [line for line in lines if line]
    assert "\n\n\n" not in page


@pytest.mark.parametrize(
    ("page", "hint"),
    [
        ("circleci.get_pipelin", "Did you mean: circleci.get_pipeline?"),
        ("eror", "Did you mean: errors?"),
        ("flow.mpa", "Did you mean: flow.map?"),
        ("flow.wait_pipelines", "Did you mean: flow.wait_pipeline?"),
        ("map", "Did you mean: flow.map?"),
        ("flow.parallel", "Did you mean: flow?"),
        ("json.parse", "Did you mean: json?"),
        ("mcp.call", "Did you mean: mcp?"),
        (
            "get_logs",
            "Did you mean: circleci.get_job_stdout, circleci.get_job_stdout_condensed?",
        ),
        ("get_weather", 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'),
        (
            "circleci.cancel",
            "Did you mean: circleci.cancel_workflow, circleci.cancel_workflow_v3, "
            "circleci.cancel_job_by_id?",
        ),
        (
            "stop_job",
            "Did you mean: circleci.cancel_job_by_id, circleci.cancel_job_by_number, "
            "circleci.cancel_workflow?",
        ),
        ("one.two.get_pipeline", "Did you mean: circleci.get_pipeline?"),
        ("../../etc", 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'),
        ("zzzz", 'See docs.list(), docs.search("…") or `kosmo integrations:docs`.'),
    ],
)
def test_an_unknown_page_is_an_error_with_the_nearest_names(page: str, hint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        pages.read(page, CATALOG)
    assert str(caught.value) == f"Unknown documentation page: {page}. {hint}"


@pytest.mark.parametrize(
    ("page", "shown"), [("", "''"), ("z\x1b[2J", r"z\x1b[2J"), ("z" * 99, "z" * 59 + "…")]
)
def test_an_unknown_page_is_shown_short_and_printable(page: str, shown: str) -> None:
    with pytest.raises(ValidationError) as caught:
        pages.read(page, CATALOG)
    assert str(caught.value).startswith(f"Unknown documentation page: {shown}. ")


def test_the_list_has_the_guides_first_then_helpers_workflows_and_functions() -> None:
    lines = pages.listing(CATALOG).splitlines()
    count = len(guides.names())
    assert [line.partition(":")[0] for line in lines[:count]] == list(guides.names())
    assert lines[0] == "circleci: CircleCI in Lua"
    assert lines[count].startswith("circleci.index: ")
    assert (
        "flow.wait_pipeline (helper): "
        "Wait until every workflow of a pipeline is final, and return the workflows."
    ) in lines
    others = [name for name, each in helpers.helpers().items() if not each.is_guide]
    workflows = [f"workflows.{each.name}" for each in shipped()]
    assert [line.partition(" ")[0] for line in lines if " (workflow): " in line] == workflows
    assert len(lines) == count + 1 + len(others) + len(workflows) + len(CATALOG.names)
    assert "circleci.get_current_user (read): Get the user the token belongs to: who am I." in lines


@pytest.mark.parametrize("name", [each.name for each in shipped()])
def test_a_workflow_has_a_page_with_all_there_is_to_know(name: str) -> None:
    page = pages.read(f"workflows.{name}", CATALOG)
    assert page.startswith(f"# workflows.{name}\n\n")
    assert f"`kosmo run --workflow {name}" in page
    assert "\n- Writes: " in page
    assert "\n## Arguments\n" in page
    source = next(each.code() for each in shipped() if each.name == name)
    assert page.endswith(f"\n## Source\n\n```lua\n{source.rstrip()}\n```\n")
    assert len(page.encode()) <= PAGE_BYTES
    assert pages.read(f" Workflows.{name.upper()}", CATALOG) == page


def test_a_long_workflow_is_cut_at_a_line_and_says_so(tmp_path: Path) -> None:
    code = "-- @arg a string\n" + "local x = 'ä'\n" * 2000
    (tmp_path / "long.lua").write_text(code)
    workflow = Workflow("long", "user", tmp_path / "long.lua")
    page = pages.read("workflows.long", CATALOG, [workflow])
    assert len(page.encode()) <= PAGE_BYTES
    assert "- Run it: `kosmo run --workflow long --arg a=…`" in page
    assert page.endswith(
        "\nlocal x = 'ä'\n```\n\nThe file is longer: `kosmo workflows:show long` has all of it.\n"
    )


def test_an_unknown_workflow_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"Did you mean: workflows\.why_did_it_fail\?$"):
        pages.read("workflows.why_did_it_fial", CATALOG)


def test_every_page_of_the_list_can_be_read() -> None:
    for line in pages.listing(CATALOG).splitlines():
        name = line.split(" ")[0].rstrip(":")
        assert pages.read(name, CATALOG).startswith("# ")


def test_reading_a_page_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from kosmo_circleci import Bridge\n"
        "Bridge().read_doc('circleci.get_pipeline')\n"
        "Bridge().read_doc('circleci')\n"
        "heavy = {'httpx', 'click', 'lupa', 'yaml', 'regex', 'mcp', 'difflib', 'asyncio'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
