"""The pages of the site: everything is there once, and says what `docs.read` says."""

import re
from collections import Counter
from posixpath import dirname, join, normpath
from typing import Final

import pytest
from site_pages import Page, anchor, markdown, pages, site, targets

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.commands import COMMANDS
from kosmo_circleci.docs import guides, helpers, render

CATALOG: Final = load_catalog()
PAGES: Final[list[Page]] = [*pages(site(CATALOG))]
TARGETS: Final = targets(CATALOG)
LINK: Final = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(?:#[^)\s]*)?\)")
FENCE: Final = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every page as it is built, by its path."""
    return {page.path: markdown(page, TARGETS) for page in PAGES}


def test_every_function_command_guide_and_workflow_has_one_page() -> None:
    paths = Counter(page.path for page in PAGES)
    expected = [f"functions/{name}.md" for name in CATALOG.names]
    expected += [f"commands/{name.replace(':', '-')}.md" for name in COMMANDS]
    expected += [f"guides/{name}.md" for name in guides.names() if name != "cli"]
    expected += [f"workflows/{path.stem}.md" for path in guides.folder().glob("workflows/*.lua")]
    assert [path for path in expected if paths[path] != 1] == []
    assert [path for path in paths if paths[path] != 1] == []


def test_every_name_leads_to_a_page_that_is_there() -> None:
    where = [*TARGETS.names.values(), *TARGETS.commands.values()]
    paths = {page.path for page in PAGES}
    assert {path.partition("#")[0] for path in where} <= paths


def test_every_link_leads_to_a_page_or_picture(texts: dict[str, str]) -> None:
    there = {*texts, *TARGETS.files.values()}
    dead = [
        (path, target)
        for path, text in texts.items()
        for target in LINK.findall(FENCE.sub("", text))
        if normpath(join(dirname(path), target)) not in there
    ]
    assert dead == []


def test_a_functions_page_is_what_docs_read_says_and_the_answer_of_its_example(
    texts: dict[str, str],
) -> None:
    for function in CATALOG.functions():
        text = re.sub(r"<p hidden>.*</p>\n\n", "", texts[f"functions/{function.name}.md"])
        text = re.sub(r"\[([^\]\n]+)\]\([^)\n]*\.md[^)\n]*\)", r"\1", text)
        text = text.replace(" { data-search-exclude }", "")
        head, answer, fails = re.split(r"^## (?:Answer|Fails with)\n", text, flags=re.MULTILINE)
        assert f"{head}## Fails with\n{fails}" == render.function_page(function, CATALOG)
        assert answer.strip().endswith(("```", "more lines.*", "It prints nothing."))


def test_a_page_is_the_same_every_time() -> None:
    names = ("functions/trigger_pipeline.md", "functions/list_my_runs.md")
    chosen = [page for page in PAGES if page.path in names]
    assert [page.text() for page in chosen] == [page.text() for page in chosen]
    assert len(chosen) == 2


def test_a_workflows_page_has_its_output_and_its_source(texts: dict[str, str]) -> None:
    page = texts["workflows/why_did_it_fail.md"]
    assert page.startswith("# workflows.why_did_it_fail\n")
    assert "\n```sh\nkosmo run --workflow why_did_it_fail --simulate" in page
    assert "\nFAILED tests/test_account.py::test_login" in re.sub(
        r"^ +", "", page, flags=re.MULTILINE
    )
    source = (guides.folder() / "workflows" / "why_did_it_fail.lua").read_text("utf-8").rstrip()
    assert page.endswith(f"\n## Source\n\n```lua\n{source}\n```\n")


def test_every_helper_is_a_heading_of_its_guide() -> None:
    for helper in helpers.helpers().values():
        headings = re.findall(r"^## (.+)$", guides.read(helper.guide), re.MULTILINE)
        if not helper.is_guide:
            assert anchor(helper.name) in [anchor(heading) for heading in headings]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("flow.map(list, fn[, opts])", "flow-map"),
        ("json.encode(value[, {pretty = true}])", "json-encode"),
        ("Where to look", "where-to-look"),
        ("integrations:lua", "integrations-lua"),
        ("API v1.1", "api-v1-1"),
    ],
)
def test_an_anchor_is_the_name_without_its_arguments(heading: str, expected: str) -> None:
    assert anchor(heading) == expected
