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
    assert listed["mine"] == {
        "name": "mine",
        "origin": "user",
        "description": "My own.",
        "trust": "trusted",
    }
    assert listed["why_did_it_fail"]["origin"] == "shipped"
    assert all(each["description"] for each in listed.values())
    assert "mine (user): My own.\n" in kosmo("workflows:list").out


def test_one_is_shown_with_its_source(kosmo: Any, own: Path) -> None:
    assert kosmo("workflows:show", "mine") == (0, OWN, "")
    shown = kosmo("workflows:show", "mine", "--json").json
    assert (shown["name"], shown["writes"], shown["source"]) == ("mine", [], OWN)
    assert [each["name"] for each in shown["args"]] == ["n"]
    assert (shown["origin"], shown["trust"]) == ("user", "trusted")


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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a repository with one workflow, and return the folder it is in."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    folder = tmp_path / "repository" / ".kosmo" / "workflows"
    folder.mkdir(parents=True)
    (folder / "nightly.lua").write_text("--- Report of the night.\n-- @writes none\nreturn 'ran'\n")
    monkeypatch.chdir(tmp_path / "repository")
    return folder


def test_a_projects_workflow_runs_once_it_is_trusted_and_asks_again_when_it_changes(
    kosmo: Any, project: Path
) -> None:
    refused = kosmo("run", "-w", "nightly", "--force", "--json")
    assert (refused.code, refused.json["error_type"]) == (1, "permission")
    assert "has not been trusted yet" in refused.json["error"]
    assert "nightly (project, untrusted): Report of the night." in kosmo("workflows:list").out
    assert kosmo("run", "-w", "nightly", "--help-script").code == 0
    assert kosmo("workflows:show", "nightly", "--json").json["trust"] == "untrusted"

    trusted = kosmo("workflows:trust", "nightly")
    assert trusted == (
        0,
        f"nightly may run from now on: {project}/nightly.lua\n  writes: none\n",
        "",
    )
    ran = kosmo("run", "-w", "nightly", "--json").json
    assert (ran["result"], "workflows_trust_bypassed" in ran["meta"]) == ("ran", False)

    (project / "nightly.lua").write_text("return 'changed'")
    refused = kosmo("run", "-w", "nightly")
    assert (refused.code, refused.out) == (1, "")
    assert "has changed since it was trusted" in refused.err
    assert kosmo("workflows:trust", "nightly", "--json").json["trust"] == "trusted"
    assert (
        kosmo("workflows:trust", "nightly", "--forget").out == "nightly is not trusted any more.\n"
    )
    assert kosmo("workflows:trust", "nightly", "--forget", "--json").json["trust"] == "untrusted"


def test_one_run_can_do_without_trust_and_says_so(kosmo: Any, project: Path) -> None:
    ran = kosmo("run", "-w", "nightly", "--trust-workflows", "--json").json
    assert (ran["result"], ran["meta"]["workflows_trust_bypassed"]) == ("ran", True)
    ran = kosmo("run", "-w", "why_did_it_fail", "--simulate", "--trust-workflows", "--json").json
    assert "workflows_trust_bypassed" not in ran["meta"]


def test_shipped_workflows_and_the_users_own_need_no_trust(kosmo: Any, own: Path) -> None:
    shown = kosmo("workflows:trust", "why_did_it_fail", "--json").json
    assert shown == {"success": True, "name": "why_did_it_fail", "trust": "trusted"}
    assert kosmo("workflows:trust", "mine").out == "mine is your own and needs no trust.\n"


def test_the_list_says_what_is_wrong_and_what_is_ignored(kosmo: Any, own: Path) -> None:
    (own / "broken.lua").write_text("-- @arg a int\n")
    listed = kosmo("workflows:list")
    assert f"broken (user, untrusted): cannot be used: {own}/broken.lua:1: unknown" in listed.out
    assert (
        f"ignored: {own}/why_did_it_fail.lua: the shipped workflow 'why_did_it_fail' has that name."
    ) in listed.out
    assert kosmo("workflows:show", "broken").out == "-- @arg a int\n"
    assert kosmo("workflows:show", "broken", "--json").json["fault"].endswith("json.")
    ignored = kosmo("workflows:list", "--json").json["ignored"]
    assert {Path(each["path"]).name for each in ignored} == {
        "why_did_it_fail.lua",
        "not-a-name.lua",
    }


def test_a_source_that_could_deceive_is_shown_with_escapes_on_a_terminal(
    kosmo: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "nightly.lua").write_text("\tx = 1 \x1b[8m-- hidden\n")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert kosmo("workflows:show", "nightly").out == "\tx = 1 \\x1b[8m-- hidden\n"


def test_pages_and_search_have_the_users_own_and_what_is_trusted(
    kosmo: Any, own: Path, project: Path
) -> None:
    assert "workflows.mine (workflow): My own." in kosmo("run", "-e", "print(docs.list())").out
    code = "return docs.read('workflows.mine')"
    page = kosmo("docs", "workflows.mine").out
    assert page.startswith("# workflows.mine\n\nMy own.\n\n- Run it: `kosmo run --workflow mine`\n")
    assert kosmo("run", "-e", code).out.rstrip() == page.rstrip()
    assert "| n | integer | no | A number. Default `3`. |" in page

    unknown = kosmo("docs", "workflows.nightly")
    assert (unknown.code, "Unknown documentation page" in unknown.err) == (1, True)
    assert "workflows.nightly (" not in kosmo("search", "nightly").out
    kosmo("workflows:trust", "nightly")
    assert kosmo("docs", "workflows.nightly").code == 0
    line = "workflows.nightly (workflow): Report of the night."
    assert line in kosmo("search", "nightly").out
    assert line in kosmo("run", "-e", "return docs.search('nightly')").out


def test_trust_covers_the_modules_that_a_workflow_says_it_loads(kosmo: Any, project: Path) -> None:
    (project / "lib").mkdir()
    (project / "lib" / "n.lua").write_text("return 1")
    (project / "nightly.lua").write_text("return require('lib.n')")
    kosmo("workflows:trust", "nightly")
    assert kosmo("run", "-w", "nightly").out == "1\n"
    (project / "lib" / "n.lua").write_text("return 2")
    assert "has changed since it was trusted" in kosmo("run", "-w", "nightly").err
    # A name that is put together is not seen by the fingerprint, and so there is nothing to load.
    (project / "nightly.lua").write_text("return _G['req' .. 'uire'] == nil")
    kosmo("workflows:trust", "nightly")
    assert kosmo("run", "-w", "nightly").out == "true\n"
