"""Every Lua block a reader meets runs, as printed, in a simulated CircleCI.

A block whose first line is `-- fails: TYPE` must end with that error type. It is run without
`--force`, so that `permission` can be shown, as is one that begins with `-- without --force`. A
block whose first line is `-- needs: …` takes something no simulation has (a server of the reader's
own); only `NEEDING` may have one. A block whose first line is the name of a file (`-- lib/a.lua`)
is a module, for itself and for the other blocks of its document, which have a folder for files.
"""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.docs import guides

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^ {0,3}```lua\n(.*?)^ {0,3}```$", re.DOTALL | re.MULTILINE)
MODULE: Final = re.compile(r"-- ([\w/]+\.lua)$")
FAILS: Final = re.compile(r"-- fails: (\w+)")

NEEDING: Final = frozenset({"mcp.md"})
"""The documents that may show what a simulation cannot run. May only shrink."""


class Block(NamedTuple):
    document: str
    line: int
    code: str

    @property
    def first_line(self) -> str:
        return self.code.partition("\n")[0]


def _documents() -> list[Path]:
    return [ROOT / "README.md", *sorted(guides.folder().glob("*.md"))]


def _blocks() -> list[Block]:
    found = []
    for path in _documents():
        text = path.read_text("utf-8")
        for match in BLOCK.finditer(text):
            found.append(Block(path.name, text[: match.start()].count("\n") + 1, match[1]))
    return found


BLOCKS: Final = _blocks()
RUNNABLE: Final = [block for block in BLOCKS if not block.first_line.startswith("-- needs: ")]


@pytest.mark.parametrize("block", RUNNABLE, ids=lambda block: f"{block.document}:{block.line}")
def test_a_lua_block_does_what_its_document_says(block: Block, tmp_path: Path) -> None:
    expected = FAILS.match(block.first_line)
    accounts = {"CIRCLECI_TOKEN_WORK": "token-of-work", "HOME": "/nonexistent"}
    with Bridge(simulate=True, environ=accounts) as bridge:
        forced = expected is None and block.first_line != "-- without --force"
        run = bridge.run(block.code, force=forced, **_folders(block.document, tmp_path))
    assert (run.error_type, run.error) == (expected[1] if expected else None, run.error)


def _folders(document: str, folder: Path) -> dict[str, Any]:
    """Return the folders of a document's blocks, if it is about such."""
    if document != "files.md":
        return {}
    (folder / "files").mkdir()
    for block in BLOCKS:
        module = MODULE.match(block.first_line)
        if module is not None and block.document == document:
            file = folder / "modules" / module[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code)
    return {"files": folder / "files", "lua_path": [folder / "modules"]}


@pytest.mark.parametrize(
    "function", [*load_catalog().functions()], ids=lambda function: function.name
)
def test_the_example_of_a_page_runs(function: Function) -> None:
    with Bridge(simulate=True) as bridge:
        run = bridge.run(function.example, force=True)
    assert run.error is None
    assert f"circleci_{function.name}" in [call["tool"] for call in run.call_log]


def test_only_some_documents_show_what_a_simulation_cannot_run() -> None:
    assert {block.document for block in BLOCKS if block not in RUNNABLE} <= NEEDING


def test_no_lua_block_has_a_fence_the_test_overlooks() -> None:
    fences = sum(len(re.findall("```lua", path.read_text("utf-8"))) for path in _documents())
    assert fences == len(BLOCKS)
