"""The programs beside this file, and those of the README, pass mypy --strict."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))


def readme_programs(folder: Path) -> list[Path]:
    """Write the Python blocks of the README into files and return them."""
    text = (FOLDER.parent.parent / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    files = [folder / f"readme_{number}.py" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, "utf-8")
    return files


def test_the_programs_pass_mypy_strict(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    options = ["--strict", "--follow-imports=silent", "--warn-unused-ignores", "--no-error-summary"]
    programs = [*PROGRAMS, *readme_programs(tmp_path)]
    # The project's own configuration would check the whole package again.
    cache = FOLDER.parent.parent / ".mypy_cache" / "typing"
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\n[mypy-lupa.*]\nignore_missing_imports = true\n")
    arguments = [f"--cache-dir={cache}", f"--config-file={config}", *options, *map(str, programs)]
    report, errors, _ = api.run(arguments)
    assert (report, errors) == ("", "")
