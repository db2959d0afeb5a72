"""The programs beside this file type-check: the public names have the types they are said to."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))


def test_the_programs_beside_this_test_pass_mypy_strict(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    options = ["--strict", "--follow-imports=silent", "--warn-unused-ignores", "--no-error-summary"]
    # The project's own configuration would check the whole package again.
    cache = FOLDER.parent.parent / ".mypy_cache" / "typing"
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\n[mypy-lupa.*]\nignore_missing_imports = true\n")
    arguments = [f"--cache-dir={cache}", f"--config-file={config}", *options, *map(str, PROGRAMS)]
    report, errors, _ = api.run(arguments)
    assert (report, errors) == ("", "")
