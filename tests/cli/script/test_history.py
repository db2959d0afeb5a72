"""The history of the prompt: kept for its owner only, and never a reason to fail."""

import stat
from pathlib import Path

import pytest

from kosmo_circleci.cli.script.history import KEPT, History, history_file


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "/home/ann/.local/state/kosmo/lua_history"),
        ({"XDG_STATE_HOME": "/state"}, "/state/kosmo/lua_history"),
    ],
)
def test_it_is_in_the_state_folder(environ: dict[str, str], expected: str) -> None:
    assert history_file(environ, Path("/home/ann")) == Path(expected)


def test_entries_come_back_in_order_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lua_history"
    history = History(path)
    for entry in ("x = 1", "x = 1", "for i = 1, 2 do\n  print(i)\nend", "", " secret = 1", "ü"):
        history.add(entry)
    assert History(path).entries == ["x = 1", "for i = 1, 2 do\n  print(i)\nend", "ü"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_others_could_read_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "lua_history"
    path.write_text('"old"\n')
    path.chmod(0o644)
    History(path).add("new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert History(path).entries == ["old", "new"]


def test_a_long_file_is_cut_and_broken_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lua_history"
    path.write_text(
        "".join(f'"x = {number}"\n' for number in range(2 * KEPT)) + '{"a": 1}\nbroken\n'
    )
    assert len(History(path).entries) == KEPT - 2
    assert len(path.read_text().splitlines()) == KEPT - 2


def test_a_folder_in_its_place_is_done_without(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add("x = 1")
    assert history.entries == ["x = 1"]
