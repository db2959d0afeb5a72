"""Contract, section 17: `require` and `files` through the real command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ended import Ended


def lua(*arguments: str, cwd: Path, stdin: str = "") -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "integrations:lua", "--simulate", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


MAIN = """#!/usr/bin/env kosmo
return require('lib.slack').post(item or 'hi')
"""
SLACK = """local Slack = {}
function Slack.post(text)
  return require('shared')(text)
end
return Slack
"""
SHARED = """return function(text)
  if text == 'bad' then error('no') end
  if files then files.append('log', text .. '\\n') end
  return #text
end
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a script, its module, a shared module, and a folder for files."""
    for folder in ("scripts/lib", "common", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "scripts/main.lua").write_text(MAIN)
    (tmp_path / "scripts/lib/slack.lua").write_text(SLACK)
    (tmp_path / "common/shared.lua").write_text(SHARED)
    return tmp_path


def test_a_script_file_has_the_modules_beside_it_and_those_of_the_path(project: Path) -> None:
    ended = lua("scripts/main.lua", "--lua-path", "common", "--files", "out", cwd=project)
    assert ended == (0, "2\n", "")
    assert (project / "out/log").read_text() == "hi\n"


def test_an_error_in_a_module_names_its_file_in_the_envelope(project: Path) -> None:
    code = "require('lib.slack').post('bad')"
    paths = ("--lua-path", "common", "--lua-path", "scripts")
    envelope = json.loads(lua("--eval", code, *paths, "--json", cwd=project).out)
    assert envelope["error"] == "common/shared.lua:2: no"
    assert envelope["traceback"][0].startswith("common/shared.lua:2: in ")
    assert envelope["traceback"][-1] == "eval:1: in main chunk"


def test_code_in_no_file_says_how_to_have_modules(project: Path) -> None:
    for arguments, stdin in ((("-e", "require('shared')"), ""), (("-",), "require('shared')")):
        ended = lua(*arguments, cwd=project / "common", stdin=stdin)
        assert ended.code == 1
        assert "with --eval and standard input give --lua-path DIR" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--files", "nowhere"), "--files nowhere: No such file or directory."),
        (("--files", "scripts/main.lua"), "--files scripts/main.lua: Not a directory."),
        (("--files", ""), "--files: the name of the folder is empty."),
        (("--files-limit", "1M"), "--files-limit needs --files DIR."),
        (("--lua-path", "nowhere"), "--lua-path nowhere: No such file or directory."),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_usage_error(
    arguments: tuple[str, ...], message: str, project: Path
) -> None:
    ended = lua("-e", "return 1", *arguments, "--json", cwd=project)
    envelope = json.loads(ended.out)
    assert (ended.code, envelope["error_type"], envelope["error"]) == (2, "usage", message)


def test_a_limit_is_taken_from_the_command_line(project: Path) -> None:
    code = "files.write('x', ('x'):rep(2049))"
    ended = lua("-e", code, "--files", "out", "--files-limit", "2K", cwd=project)
    assert ended.code == 1
    assert "may have 2048 bytes in all" in ended.err


def test_every_input_of_a_fleet_has_modules_and_files(project: Path) -> None:
    arguments = ("scripts/main.lua", "--lua-path", "common", "--files", "out", "--each", "-")
    ended = lua(*arguments, "--jobs", "2", cwd=project, stdin="a\nbb\nbad\n")
    rows = sorted((json.loads(line) for line in ended.out.splitlines()), key=lambda r: r["index"])
    assert [row["result"] for row in rows] == [1, 2, None]
    assert rows[2]["error"] == "common/shared.lua:2: no"
    assert sorted((project / "out/log").read_text().split()) == ["a", "bb"]


def test_the_checker_knows_the_modules_of_a_script(project: Path) -> None:
    assert lua("scripts/main.lua", "--check", "--lua-path", "common", cwd=project).code == 0
    (project / "scripts/lib/slack.lua").unlink()
    ended = lua("scripts/main.lua", "--check=strict", "--lua-path", "common", cwd=project)
    assert ended.code == 1
    assert "There is no module 'lib.slack'" in ended.err
