"""integrations:types: which files are written, and what of the reader's own stays."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ended import Ended

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check.linters import LUARC
from kosmo_circleci.check.types import definitions

Kosmo = Callable[..., Ended]


def files_in(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_the_definitions_and_the_settings_are_written(
    kosmo: Kosmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN_WORK", "token-for-tests")
    folder = tmp_path / "new" / "project"
    ended = kosmo("integrations:types", str(folder))
    names = [".kosmo/types/functions.lua", ".kosmo/types/helpers.lua", ".luarc.json"]
    assert ended == Ended(0, "".join(f"{folder}/{each}\n" for each in names), "")
    assert files_in(folder) == names
    expected = definitions(load_catalog(), ("default", "work"))
    for name, text in expected.items():
        assert (folder / ".kosmo" / "types" / name).read_text("utf-8") == text
    assert json.loads((folder / ".luarc.json").read_text("utf-8")) == dict(LUARC)


def test_the_current_folder_is_the_default_and_json_lists_the_files(
    kosmo: Kosmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = kosmo("integrations:types", "--selene", "--luacheck", "--json")
    assert json.loads(ended.out) == {
        "success": True,
        "files": [
            ".kosmo/types/functions.lua",
            ".kosmo/types/helpers.lua",
            ".luarc.json",
            "kosmo.yml",
            ".luacheckrc",
        ],
    }
    assert files_in(tmp_path) == sorted(json.loads(ended.out)["files"])


def test_a_second_time_nothing_changes(kosmo: Kosmo, tmp_path: Path) -> None:
    arguments = ("integrations:types", str(tmp_path), "--selene", "--luacheck")
    first = kosmo(*arguments)
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*") if each.is_file()}
    assert kosmo(*arguments) == first
    assert {each: each.stat().st_mtime_ns for each in before} == before


def test_settings_that_have_what_is_needed_stay_as_they_are_written(
    kosmo: Kosmo, tmp_path: Path
) -> None:
    text = "// mine\n" + json.dumps(dict(LUARC) | {"hint.enable": True}) + "\n"
    (tmp_path / ".luarc.json").write_text(text)
    assert kosmo("integrations:types", str(tmp_path)).code == 0
    assert (tmp_path / ".luarc.json").read_text() == text


def test_other_settings_are_kept_when_ours_are_added(kosmo: Kosmo, tmp_path: Path) -> None:
    (tmp_path / ".luarc.json").write_text('{"workspace.library": ["lib"], "x": "ü", /* c */}')
    assert kosmo("integrations:types", str(tmp_path)).code == 0
    text = (tmp_path / ".luarc.json").read_text("utf-8")
    assert json.loads(text) == {**LUARC, "x": "ü", "workspace.library": ["lib", ".kosmo/types"]}
    assert "ü" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (".luarc.json", "{", ".luarc.json, line 1: "),
        (".luarc.json", "[]", ".luarc.json is not an object. Mend the file, or remove it."),
        (".luarc.json", "\udcff", ".luarc.json: it is not UTF-8 text."),
        (".luacheckrc", "std = 'max'\n", ".luacheckrc was not written by this command."),
        ("kosmo.yml", "name: other\n", "kosmo.yml was not written by this command."),
    ],
)
def test_what_belongs_to_somebody_else_is_refused_before_anything_is_written(
    name: str, content: str, message: str, kosmo: Kosmo, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    ended = kosmo("integrations:types", str(tmp_path), "--selene", "--luacheck")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert files_in(tmp_path) == [name]


def test_a_folder_that_cannot_be_written_is_a_usage_error(kosmo: Kosmo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = kosmo("integrations:types", str(tmp_path / "file"))
    assert ended.code == 2
    assert "Not a directory" in ended.err
