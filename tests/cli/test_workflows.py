"""Ready-made workflows: listed, shown, and run by name."""

from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.docs import guides

OWN = "--- My own.\n-- @arg n integer = 3  A number.\n-- @writes none\nreturn args.n * 2\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the user's folder of workflows, with one of them and one that takes a shipped name."""
    folder = tmp_path / ".config" / "kosmo" / "workflows"
    folder.mkdir(parents=True)
    (folder / "mine.lua").write_text(OWN)
    (folder / "why_did_it_fail.lua").write_text("return 'not this one'")
    (folder / "not-a-name.lua").write_text("return 1")
    return folder


def test_the_list_has_the_shipped_ones_and_the_users_own(kosmo: Any, own: Path) -> None:
    listed = {each["name"]: each for each in kosmo("workflows:list", "--json").json["workflows"]}
    shipped = {path.stem for path in (guides.folder() / "workflows").glob("*.lua")}
    assert set(listed) == shipped | {"mine"}
    assert listed["mine"] == {"name": "mine", "origin": "user", "description": "My own."}
    assert listed["why_did_it_fail"]["origin"] == "shipped"
    assert all(each["description"] for each in listed.values())
    assert "mine (user): My own.\n" in kosmo("workflows:list").out


def test_one_is_shown_with_its_source(kosmo: Any, own: Path) -> None:
    assert kosmo("workflows:show", "mine") == (0, OWN, "")
    shown = kosmo("workflows:show", "mine", "--json").json
    assert (shown["name"], shown["writes"], shown["source"]) == ("mine", [], OWN)
    assert [each["name"] for each in shown["args"]] == ["n"]


def test_one_is_run_by_its_name(kosmo: Any, own: Path) -> None:
    assert kosmo("run", "--workflow", "mine") == (0, "6\n", "")
    assert kosmo("run", "-w", "mine", "--arg", "n=5") == (0, "10\n", "")
    ended = kosmo("run", "-w", "why_did_it_fail", "--simulate", "--json")
    assert ended.json["success"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "-w", "min"), "There is no workflow 'min'. Did you mean 'mine'? See 'kosmo wor"),
        (("workflows:show", "zzz"), "There is no workflow 'zzz'. See 'kosmo workflows:list'."),
        (("run", "-w", "../mine"), "There is no workflow '../mine'."),
        (("run", "-w", "mine", "-e", "return 1"), "Give --workflow alone, without FILE and --eval"),
        (("run", "-w", "mine", "--repl"), "--repl and --workflow exclude each other"),
    ],
)
def test_what_cannot_be_run_is_a_usage_error(
    kosmo: Any, own: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = kosmo(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {message}")
