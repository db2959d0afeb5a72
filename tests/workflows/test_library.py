"""Which workflows there are, and which of a project's may run."""

from pathlib import Path

import pytest

from kosmo_circleci.errors import ConfigurationError, PermissionDenied, UsageError
from kosmo_circleci.workflows.library import Library
from kosmo_circleci.workflows.sources import open_library, shipped

CODE = "--- Nightly report.\n-- @writes none\nreturn 1\n"
LOADS = "local lib = require('lib.slack')\nreturn lib.n\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a git repository with one workflow in it."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    folder = root / ".kosmo" / "workflows"
    folder.mkdir(parents=True)
    (folder / "nightly.lua").write_text(CODE)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the user's folder of workflows."""
    folder = tmp_path / ".config" / "kosmo" / "workflows"
    folder.mkdir(parents=True)
    return folder


def library(home: Path, start: Path) -> Library:
    return open_library({}, home, start)


def names(opened: Library, origin: str) -> list[str]:
    return [each.name for each in opened.workflows() if each.origin == origin]


def test_the_projects_folder_is_the_nearest_one_in_the_repository(
    tmp_path: Path, project: Path
) -> None:
    deep = project / "src" / "deep"
    deep.mkdir(parents=True)
    assert names(library(tmp_path, deep), "project") == ["nightly"]
    nearer = project / "src" / ".kosmo" / "workflows"
    nearer.mkdir(parents=True)
    (nearer / "weekly.lua").write_text(CODE)
    assert names(library(tmp_path, deep), "project") == ["weekly"]
    assert names(library(tmp_path, project), "project") == ["nightly"]
    assert names(library(tmp_path, tmp_path), "project") == []


def test_a_shipped_name_belongs_to_the_shipped_workflow(
    tmp_path: Path, project: Path, own: Path
) -> None:
    (own / "why_did_it_fail.lua").write_text(CODE)
    (own / "mine.lua").write_text(CODE)
    folder = project / ".kosmo" / "workflows"
    for name in ("Why_Did_It_Fail", "mine", "not-a-name", "ärger"):
        (folder / f"{name}.lua").write_text(CODE)
    (folder / "nightly_test.lua").write_text(CODE)
    (folder / "folder.lua").mkdir()
    (folder / "dangling.lua").symlink_to(folder / "nowhere")
    opened = library(tmp_path, project)
    assert opened.find("why_did_it_fail").origin == "shipped"
    assert opened.find("mine").origin == "user"
    ignored = {(each.origin, each.path.name): each.reason for each in opened.ignored}
    assert ignored == {
        ("user", "why_did_it_fail.lua"): "the shipped workflow 'why_did_it_fail' has that name",
        ("project", "Why_Did_It_Fail.lua"): "the shipped workflow 'why_did_it_fail' has that name",
        ("project", "mine.lua"): "the user workflow 'mine' has that name",
        ("project", "not-a-name.lua"): "its name needs to be letters, digits and _",
        ("project", "ärger.lua"): "its name needs to be letters, digits and _",
        ("project", "folder.lua"): "it is not a file that can be read",
        ("project", "dangling.lua"): "it is not a file that can be read",
    }


def test_a_workflow_of_the_project_runs_once_it_is_trusted(tmp_path: Path, project: Path) -> None:
    opened = library(tmp_path, project)
    nightly = opened.find("nightly")
    with pytest.raises(PermissionDenied) as refused:
        opened.check(nightly, CODE)
    assert refused.value.message == (
        f"The workflow 'nightly' of {project}/.kosmo/workflows has not been trusted yet, so it was "
        "not run. Read it with `kosmo workflows:show nightly`, then run `kosmo workflows:trust "
        "nightly`, or use --trust-workflows for one run."
    )
    assert opened.documented() == shipped()
    opened.trust(nightly)
    again = library(tmp_path, project)
    again.check(nightly, CODE)
    assert again.documented() == tuple(sorted((*shipped(), nightly)))
    with pytest.raises(PermissionDenied, match="has changed since it was trusted"):
        again.check(nightly, CODE + "-- more")
    assert [again.forget(nightly), again.forget(nightly)] == [True, False]
    assert again.state(nightly) == "untrusted"


def test_trust_holds_for_one_place_only(tmp_path: Path, project: Path) -> None:
    opened = library(tmp_path, project)
    opened.trust(opened.find("nightly"))
    other = tmp_path / "other" / ".kosmo" / "workflows"
    other.mkdir(parents=True)
    (other / "nightly.lua").write_text(CODE)
    elsewhere = library(tmp_path, tmp_path / "other")
    assert elsewhere.state(elsewhere.find("nightly")) == "untrusted"


@pytest.mark.parametrize("change", ["module", "sibling", "new module", "link"])
def test_a_change_of_what_it_may_load_asks_again(
    tmp_path: Path, project: Path, change: str
) -> None:
    folder = project / ".kosmo" / "workflows"
    (folder / "lib").mkdir()
    (folder / "lib" / "slack.lua").write_text("return {n = 1}")
    (folder / "loads.lua").write_text(LOADS)
    (folder / "here").symlink_to("lib")
    opened = library(tmp_path, project)
    for name in ("loads", "nightly"):
        opened.trust(opened.find(name))
    assert opened.state(opened.find("loads")) == "trusted"
    (folder / "lib" / "notes.md").write_text("no Lua")
    assert opened.state(opened.find("loads")) == "trusted"
    if change == "module":
        (folder / "lib" / "slack.lua").write_text("return {n = 2}")
    elif change == "sibling":
        (folder / "another.lua").write_text("return 1")
    elif change == "new module":
        (folder / "lib" / "new.lua").write_text("return 1")
    else:
        (folder / "here").unlink()
        (folder / "here").symlink_to("/tmp")
    assert opened.state(opened.find("loads")) == "changed"
    assert opened.state(opened.find("nightly")) == "trusted"  # it loads none


def test_what_cannot_be_read_is_a_usage_error_and_has_no_page(
    tmp_path: Path, project: Path
) -> None:
    folder = project / ".kosmo" / "workflows"
    (folder / "large.lua").write_text("-- " + "x" * (1 << 20))
    opened = library(tmp_path, project)
    with pytest.raises(UsageError, match=r"large\.lua: Larger than 1 MiB\.$"):
        opened.state(opened.find("large"))
    assert opened.documented() == shipped()


def test_a_broken_list_of_trust_trusts_nothing_and_says_what_to_do(
    tmp_path: Path, project: Path
) -> None:
    opened = library(tmp_path, project)
    opened.trust(opened.find("nightly"))
    trusted = tmp_path / ".config" / "kosmo" / "workflow-trust.json"
    assert oct(trusted.stat().st_mode & 0o777) == "0o600"
    trusted.write_text("{")
    with pytest.raises(ConfigurationError, match="kosmo workflows:trust NAME"):
        opened.state(opened.find("nightly"))
    assert opened.documented() == shipped()
