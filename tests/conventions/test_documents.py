"""What holds for every document: sizes, names that exist, generated parts that are current."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.commands import COMMANDS, load
from kosmo_circleci.docs import guides, pages, render
from kosmo_circleci.errors import ValidationError

ROOT: Final = Path(__file__).parents[2]
CATALOG: Final = load_catalog()
FUNCTIONS: Final = [*CATALOG.functions()]
DOCUMENTS: Final = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(guides.folder().glob("*.md")),
]
NO_PAGE: Final = frozenset({"work", "com", "get_pipelin"})
"""What stands behind `circleci.` on purpose: an account, a host, a name that is misspelt."""

FLAGS_ARE_PARAMETERS: Final = frozenset({"integrations:call", "integrations:circleci", "mcp:call"})

by_name = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
by_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


@by_name
def test_a_page_has_everything_about_its_function_in_at_most_4_kb(function: Function) -> None:
    page = render.function_page(function, CATALOG)
    assert len(page.encode("utf-8")) <= 4096
    assert "{…}" not in page  # Nothing of the answer's form had to be left out.
    wanted = [
        f"# circleci.{function.name}\n",
        function.summary,
        f"- Lua path: `app.integrations.circleci.{function.name}`\n",
        f"- Full tool name: `circleci.circleci_{function.name}`\n",
        f"- Operation: {'Read' if function.kind == 'read' else 'Write'}\n",
        f"- HTTP: `{function.method} {_documented_path(function)}`\n",
        "\n## Parameters\n",
        "\n## Returns\n",
        f"\n## Example\n\n```lua\n{function.example.strip()}\n```\n",
        "\n## Fails with\n\n- `validation`",
        "\nRelated: `circleci.",
    ]
    if function.parameters:
        wanted.append("| Parameter | Type | Required | Description |\n| --- | --- | --- | --- |\n")
    assert [each for each in wanted if each not in page] == []
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| (yes|no) \| .+ \|$", page, re.MULTILINE)
    assert rows == [(each.name, "yes" if each.required else "no") for each in function.parameters]


@by_name
def test_a_page_names_every_field_of_the_answer(function: Function) -> None:
    page = render.function_page(function, CATALOG)
    shape = CATALOG.result_shape(function)
    fields = shape.fields or (shape.item.fields if shape.item else ())
    assert [field.name for field in fields if not re.search(rf"\b{field.name}\??: ", page)] == []


@by_name
def test_prose_is_whole_sentences(function: Function) -> None:
    texts = [function.summary, *(each.description for each in function.parameters)]
    texts += [function.note] if function.note else []
    assert [text for text in texts if not text.endswith(".")] == []
    assert [text for text in texts if not (text[0].isupper() or text[0] in "`{")] == []
    assert "\n" not in function.summary
    assert ". " not in function.summary


@by_name
def test_an_example_has_every_required_parameter(function: Function) -> None:
    required = [each.name for each in function.parameters if each.required]
    assert [
        name for name in required if not re.search(rf'\b{name}("])? = ', function.example)
    ] == []


@by_name
def test_related_functions_exist_and_are_others(function: Function) -> None:
    assert function.related
    assert [name for name in function.related if CATALOG.get(name) is None] == []
    assert function.name not in function.related
    assert len(set(function.related)) == len(function.related)


INDEX_LINE: Final = re.compile(
    r"^- `(\w+)\(.*?\)`(?: (v3|v1\.1))? (read|write): .+\.$", re.MULTILINE
)


def test_the_index_has_one_line_for_each_function_with_its_version() -> None:
    lines = INDEX_LINE.findall(pages.read("circleci.index", CATALOG))
    assert sorted(lines) == sorted(
        (each.name, each.version.replace("v2", ""), each.kind) for each in FUNCTIONS
    )


def test_the_guide_has_at_most_24_kb_and_names_every_function() -> None:
    guide = guides.read("circleci")
    assert len(guide.encode("utf-8")) <= 24 * 1024
    index = guide.partition("## Every function")[2]
    lines = {name for name, _, _ in INDEX_LINE.findall(index)}
    further = set(re.findall(r"`(\w+)`", index.partition("### Further functions")[2]))
    assert lines | further == set(CATALOG.names)
    assert lines & further == set()
    assert {"get_job_stdout", "trigger_pipeline", "api_get", "compile_config"} <= lines


def test_the_index_shows_parameters_and_marks_the_optional_ones() -> None:
    assert (
        "- `trigger_pipeline(project_slug, branch?, tag?, parameters?)` write: "
        "Trigger (start) a new pipeline on a branch or tag of a project.\n"
    ) in guides.read("circleci")


def test_the_guide_has_the_sections_an_agent_looks_for_in_this_order() -> None:
    headings = re.findall(r"^## (.+)$", guides.read("circleci"), re.MULTILINE)
    assert headings == [
        "Namespace",
        "Authentication",
        "Common workflows",
        "Errors",
        "flow",
        "Coverage notes",
        "Every function",
    ]


def test_the_overview_names_every_guide_and_no_other() -> None:
    table = guides.read("overview").partition("## Where to look")[2].partition("\n\nIn a")[0]
    named = set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) - {
        "circleci.FUNCTION",
        "circleci.index",
    }
    assert named == set(guides.names()) - {"overview"}


def test_the_examples_name_every_workflow_file_and_no_other() -> None:
    named = re.findall(r"^\| `(\w+\.lua)` \|", guides.read("examples"), re.MULTILINE)
    assert sorted(named) == sorted(path.name for path in guides.folder().glob("workflows/*.lua"))


@by_document
def test_a_document_begins_with_its_title(path: Path) -> None:
    text = path.read_text("utf-8")
    if text.startswith("---\n"):  # the front matter of a skill file
        text = text.split("---\n", 2)[2].lstrip()
    assert text.startswith("# ")
    assert len([line for line in _prose(path).splitlines() if line.startswith("# ")]) == 1


@by_document
def test_every_command_and_option_a_document_names_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    named = set(re.findall(r"\bkosmo ((?:integrations|circleci|mcp):[a-z]+)", text))
    assert named <= set(COMMANDS)
    unknown = []
    for command, rest in re.findall(r"\bkosmo ([a-z]+:[a-z]+)([^\n`|;']*)", text):
        known = {option for each in load(command).params for option in each.opts}
        given = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest))
        if command not in FLAGS_ARE_PARAMETERS:
            unknown += [(command, option) for option in given - known - {"--help"}]
    assert unknown == []


@by_document
def test_every_page_and_function_a_document_names_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    read = set(re.findall(r'docs\.read\("([^"]+)"\)|read_doc\("([^"]+)"\)', text))
    pages_read = set(map("".join, read)) - {"workflows.NAME"}
    unknown = [page for page in pages_read if not _is_page(page)]
    called = set(re.findall(r"\bcircleci\.([a-z]\w*)(?![\w.])", text))
    unknown += [name for name in called - NO_PAGE if not _is_page(f"circleci.{name}")]
    assert unknown == []


@by_document
def test_a_document_speaks_of_the_project_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    found = re.findall(
        r"/home/|/root/|/Users/|/work/|/tmp/|TODO|FIXME|XXX|\t$| $", text, re.MULTILINE
    )
    assert [each for each in found if each != "\t"] == []


@pytest.mark.parametrize("script", ["build_manifest.py", "build_docs.py", "record_demo.py"])
def test_what_is_generated_is_current(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _documented_path(function: Function) -> str:
    below_v2 = function.version == "v2"
    return function.path if below_v2 else f"/api/{function.version}{function.path}"


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def _is_page(name: str) -> bool:
    try:
        pages.read(name, CATALOG)
    except ValidationError:
        return False
    return True
