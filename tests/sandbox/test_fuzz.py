import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz.py"


def fuzz(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_target_holds_for_a_moment(tmp_path: Path) -> None:
    ended = fuzz(tmp_path, "--seconds", "0.2", "--seed", "3", "--engine", "plain")

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "json",
        "lua",
        "arguments",
        "paths",
        "words",
        "source",
    ]
    assert all(line.endswith(" inputs, seed 3: ok") for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_an_input_can_be_run_again(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b'get_pipeline {"pipeline_id":"../.."}')
    ended = fuzz(tmp_path, "--target", "arguments", "--input", str(file))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_its_help_names_every_target(tmp_path: Path) -> None:
    ended = fuzz(tmp_path, "--help")

    assert ended.returncode == 0
    for target in ("json", "lua", "arguments", "paths", "words", "source", "atheris"):
        assert target in ended.stdout
