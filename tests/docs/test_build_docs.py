"""scripts/build_docs.py: what it makes of a file, and how it says that one is stale."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parents[2] / "scripts" / "build_docs.py"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(SCRIPT.parent))  # As for a script that is run.
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPT.parent))
    return module


build_docs: Final = _script()
BEGIN, END = "<!-- index: begin (generated) -->", "<!-- index: end -->"


def test_the_text_around_the_markers_stays() -> None:
    old = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert build_docs.between(old, "index", "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_doing_it_again_changes_nothing() -> None:
    for target in build_docs.TARGETS:
        once = target.render(target.path.read_text("utf-8"))
        assert target.render(once) == once


@pytest.mark.parametrize(
    "old", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}"]
)
def test_a_file_without_its_markers_is_refused(old: str) -> None:
    with pytest.raises(build_docs.DocumentError, match="expected the lines"):
        build_docs.between(old, "index", "new")


def test_a_guide_that_grew_too_long_is_refused() -> None:
    with pytest.raises(build_docs.DocumentError, match="24576 are allowed"):
        build_docs.guide_with_index("x" * 24_000 + f"\n{BEGIN}\n{END}\n")


def test_check_prints_a_diff_fails_and_writes_nothing(tmp_path: Path) -> None:
    shutil.copytree(SCRIPT.parent, tmp_path / "scripts")
    (tmp_path / "lua_docs").mkdir()
    copy = tmp_path / "scripts" / "build_docs.py"
    guide = tmp_path / "lua_docs" / "circleci.md"
    guide.write_text(f"# Guide\n\n{BEGIN}\nold line\n{END}\n", "utf-8")
    readme = tmp_path / "README.md"
    readme.write_text("# Half\n<!-- commands: begin (generated) -->\n", "utf-8")
    commands = "<!-- commands: begin (generated) -->\n<!-- commands: end -->\n"
    cli = tmp_path / "lua_docs" / "cli.md"
    cli.write_text(f"# Commands\n\n{commands}", "utf-8")
    workflows = "<!-- workflows: begin (generated) -->\n<!-- workflows: end -->\n"
    (tmp_path / "lua_docs" / "workflows.md").write_text(f"# Files\n\n{workflows}", "utf-8")

    checked = _run(copy, "--check")
    assert checked.returncode == 1
    assert "\n-old line\n" in checked.stdout
    assert "\n+- `api_get(path, query?)` read: " in checked.stdout
    assert f"{Path('lua_docs/circleci.md')} is stale; run `make generate`" in checked.stderr
    assert "error: README.md: expected the lines" in checked.stderr
    assert "old line" in guide.read_text("utf-8")

    workflows = commands.replace("commands", "workflows")
    readme.write_text(f"# Readme\n{commands}{workflows}", "utf-8")
    assert _run(copy).returncode == 0
    assert "old line" not in guide.read_text("utf-8")
    assert "| Run | `integrations:lua` (`run`), " in readme.read_text("utf-8")
    assert "\n| `why_did_it_fail` | Say why " in readme.read_text("utf-8")
    assert "### integrations:lua\n" in cli.read_text("utf-8")
    assert _run(copy, "--check").returncode == 0


def _run(script: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *options], capture_output=True, text=True, timeout=60, check=False
    )
