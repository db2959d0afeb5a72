"""Real scripts have no findings: shipped workflows, documentation, and idiomatic Lua.

The scripts of `tests/data/check/idiomatic` are written for this: no line of them is wrong.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.check.check import check
from kosmo_circleci.check.report import Report
from kosmo_circleci.docs import guides

ROOT: Final = Path(__file__).parents[2]
IDIOMATIC: Final = sorted((ROOT / "tests" / "data" / "check" / "idiomatic").glob("*.lua"))
WORKFLOWS: Final = sorted((guides.folder() / "workflows").glob("*.lua"))
BLOCK: Final = re.compile(r"^ {0,3}```lua\n(.*?)^ {0,3}```$", re.DOTALL | re.MULTILINE)
FOUND_BEFORE_A_RUN: Final = re.compile(r"-- fails: (?:syntax|validation)")


class Block(NamedTuple):
    place: str
    code: str


def _blocks() -> list[Block]:
    documents = [ROOT / "README.md", *sorted(guides.folder().glob("*.md"))]
    return [
        Block(f"{path.name}:{text[: match.start()].count(chr(10)) + 1}", match[1])
        for path in documents
        for text in [path.read_text("utf-8")]
        for match in BLOCK.finditer(text)
    ]


def checked(code: str, name: str) -> Report:
    return check(code, name, load_catalog(), ("default", "work"))


@pytest.mark.parametrize("file", [*WORKFLOWS, *IDIOMATIC], ids=lambda file: file.name)
def test_a_script_that_is_right_has_no_finding(file: Path) -> None:
    assert checked(file.read_text("utf-8"), file.name).findings == ()


@pytest.mark.parametrize("block", _blocks(), ids=lambda block: block.place)
def test_a_block_of_the_documentation_has_findings_only_if_it_fails_on_purpose(
    block: Block,
) -> None:
    report = checked(block.code, block.place)
    if FOUND_BEFORE_A_RUN.match(block.code):
        assert report.findings
    else:
        assert report.findings == ()


@pytest.mark.parametrize(
    "function", [*load_catalog().functions()], ids=lambda function: function.name
)
def test_the_example_of_a_page_has_no_finding_and_calls_its_function(function: Function) -> None:
    report = checked(function.example, function.name)
    assert report.findings == ()
    assert function.name in (report.reads if function.kind == "read" else report.writes)


def test_the_idiomatic_scripts_are_many_lines_of_many_kinds() -> None:
    assert len(IDIOMATIC) >= 40
    assert sum(len(file.read_text("utf-8").splitlines()) for file in IDIOMATIC) >= 1900
