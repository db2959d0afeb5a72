"""Hostile scripts in a run that has files and modules; the tables are in `attacks/folders/`.

The format is that of `test_attacks.py`. Each case gets folders of its own, full of traps, and runs
in this process and in one of its own. Whatever comes of it, what lies outside stays as it was, and
no half-written file is left.
"""

import ctypes
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hostile_folders import SECRET, content_of, make_files, make_modules, make_outside

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.limits import MEBIBYTE

HERE: Final = Path(__file__).parent / "attacks" / "folders"
HEADER: Final = re.compile(r"^--# (?P<name>.+?) :: (?P<outcomes>.+)$", re.M)


class Case(NamedTuple):
    outcomes: tuple[str, ...]
    code: str


def _cases() -> Iterator[tuple[str, Case]]:
    for file in sorted(HERE.glob("*.lua")):
        text = file.read_text("utf-8")
        headers = list(HEADER.finditer(text))
        ends = [each.start() for each in headers[1:]] + [len(text)]
        for header, end in zip(headers, ends, strict=True):
            outcomes = tuple(each.strip() for each in header["outcomes"].split("|"))
            yield f"{file.stem}: {header['name']}", Case(outcomes, text[header.end() + 1 : end])


CASES: Final = dict(_cases())


class Folders(NamedTuple):
    files: Path
    outside: Path


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    outside = make_outside(tmp_path / "outside")
    return Folders(make_files(tmp_path / "files", outside), outside)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of modules once: scripts cannot change it."""
    folder = tmp_path_factory.mktemp("modules")
    make_outside(folder / "outside")
    return make_modules(folder / "modules")


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as shared:
        yield shared


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 110


@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
@pytest.mark.parametrize("name", CASES)
def test_an_attack_on_the_folders_ends_as_the_table_says(
    name: str, isolate: bool, bridge: Bridge, folders: Folders, modules: Path
) -> None:
    case = CASES[name]
    before = content_of(folders.outside)
    run = bridge.run(
        case.code,
        limits=Limits(memory_bytes=32 * MEBIBYTE, cpu_s=0.5 if "CPU" in case.outcomes[0] else 20),
        files=folders.files,
        files_limit=MEBIBYTE,
        lua_path=[modules],
        isolate=isolate,
    )
    shown = (run.error_type, run.error, run.result)
    assert any(_came_true(each, run.error_type, run.error, run.result) for each in case.outcomes), (
        shown
    )
    assert content_of(folders.outside) == before
    assert [*folders.files.rglob(".kosmo-*")] == []
    assert str(folders.outside) not in str(run.error)


def _came_true(outcome: str, error_type: str | None, error: str | None, result: object) -> bool:
    kind, _, words = outcome.partition(" ")
    if kind == "ok":
        return error is None and result == json.loads(words)
    return error_type == kind and words in (error or "")


SWAPPED: Final = """
local seen = {}
for round = 1, 120 do
  for _, name in ipairs({"swap/secret.txt", "leaf.txt"}) do
    local ok, text = pcall(files.read, name)
    seen[ok and text or "refused"] = true
    pcall(files.write, name, "inside")
    pcall(files.append, name, "")
    pcall(files.write, "swap/made/" .. round, "inside")
    for _, each in ipairs(files.list("swap/**")) do seen[each] = true end
  end
end
return seen
"""


class Swapping:
    """Swaps a folder, and a file, for links that lead out, as fast as it can."""

    def __init__(self, *pairs: tuple[Path, Path]) -> None:
        self._pairs = pairs
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._swap)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _swap(self) -> None:
        library = ctypes.CDLL(None)
        while not self._over.is_set():
            for good, evil in self._pairs:
                library.renameat2(AT_FDCWD, bytes(good), AT_FDCWD, bytes(evil), RENAME_EXCHANGE)


AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2
needs_exchange = pytest.mark.skipif(sys.platform != "linux", reason="swaps with renameat2")


@needs_exchange
@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_a_link_that_is_swapped_in_at_the_wrong_moment_leads_nowhere(
    isolate: bool, bridge: Bridge, tmp_path: Path
) -> None:
    outside = make_outside(tmp_path / "outside")
    root = tmp_path / "files"
    (root / "swap").mkdir(parents=True)
    (root / "swap/secret.txt").write_text("inside")
    (root / "leaf.txt").write_text("inside")
    (tmp_path / "evil").symlink_to(outside)
    (tmp_path / "evil_leaf").symlink_to(outside / "secret.txt")
    before = content_of(outside)
    with Swapping((root / "swap", tmp_path / "evil"), (root / "leaf.txt", tmp_path / "evil_leaf")):
        run = bridge.run(SWAPPED, files=root, isolate=isolate)
    assert run.error is None
    assert run.result["inside"] is True
    assert SECRET not in run.result
    assert "swap/module.lua" not in run.result
    assert content_of(outside) == before


@needs_exchange
def test_a_module_is_never_read_through_a_link_that_is_swapped_in(
    bridge: Bridge, tmp_path: Path
) -> None:
    outside, root = tmp_path / "outside", tmp_path / "modules"
    for folder, word in ((outside, "outside"), (root / "lib", "inside")):
        folder.mkdir(parents=True)
        for number in range(300):
            (folder / f"m{number}.lua").write_text(f"return '{word}'")
    (tmp_path / "evil").symlink_to(outside)
    code = """
    local seen = {}
    for number = 0, 299 do
      local ok, value = pcall(require, "lib.m" .. number)
      seen[ok and value or "refused"] = true
    end
    return seen
    """
    with Swapping((root / "lib", tmp_path / "evil")):
        run = bridge.run(code, lua_path=[root])
    assert run.error is None
    assert "outside" not in run.result


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anything")
def test_permissions_are_those_of_the_user(bridge: Bridge, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    (tmp_path / "mine.txt").chmod(0o400)
    (tmp_path / "closed").mkdir(mode=0o000)
    for code in (
        "files.write('mine.txt', 'y')",
        "files.append('mine.txt', 'y')",
        "files.read('closed/x')",
        "files.write('closed/x', 'y')",
    ):
        run = bridge.run(code, files=tmp_path)
        assert (run.error_type, "permission denied" in str(run.error)) == ("runtime", True)
    assert bridge.run("return files.list()", files=tmp_path).result == ["mine.txt"]


def test_a_replaced_file_keeps_its_permissions_and_a_new_one_has_the_usual_ones(
    bridge: Bridge, tmp_path: Path
) -> None:
    (tmp_path / "script.sh").write_text("x")
    (tmp_path / "script.sh").chmod(0o750)
    umask = os.umask(0o022)
    try:
        code = "files.write('script.sh', 'y') files.write('new', 'y') files.append('log', 'y')"
        assert bridge.run(code, files=tmp_path).error is None
    finally:
        os.umask(umask)
    modes = {each.name: each.stat().st_mode & 0o7777 for each in tmp_path.iterdir()}
    assert modes == {"script.sh": 0o750, "new": 0o644, "log": 0o644}
