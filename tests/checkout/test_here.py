"""Project, branch and revision of real checkouts; nothing that they bring along is run."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kosmo_circleci.checkout.here import SIMULATED, Place, here
from kosmo_circleci.errors import ConfigurationError

Git = Callable[..., str]


def place(folder: Path, *, simulate: bool = False, **environ: str) -> Place:
    return Place(folder, lambda: False, simulate, {**os.environ, **environ})


def refusal(asked: Place) -> str:
    with pytest.raises(ConfigurationError) as refused:
        here(asked)
    return refused.value.message


def test_a_checkout_says_project_branch_and_revision(repository: Path, git: Git) -> None:
    git(repository, "remote", "add", "origin", "git@github.com:acme/web.git")
    revision = git(repository, "rev-parse", "HEAD")
    expected = {"project_slug": "gh/acme/web", "branch": "topic", "revision": revision}
    assert here(place(repository)) == expected
    (repository / "deep" / "er").mkdir(parents=True)
    assert here(place(repository / "deep" / "er")) == expected


def test_a_detached_head_has_no_branch(repository: Path, git: Git) -> None:
    git(repository, "checkout", "--detach")
    assert here(place(repository)) == {"revision": git(repository, "rev-parse", "HEAD")}


def test_a_new_repository_has_no_revision(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "--initial-branch", "feature/login")
    assert here(place(tmp_path)) == {"branch": "feature/login"}


def test_a_worktree_and_a_shallow_clone_are_checkouts(
    repository: Path, tmp_path: Path, git: Git
) -> None:
    git(repository, "remote", "add", "origin", "https://github.com/acme/web")
    git(repository, "worktree", "add", "-b", "fix", str(tmp_path / "tree"))
    assert here(place(tmp_path / "tree"))["branch"] == "fix"
    assert here(place(tmp_path / "tree"))["project_slug"] == "gh/acme/web"
    git(tmp_path, "clone", "--depth", "1", f"file://{repository}", "shallow")
    fields = here(place(tmp_path / "shallow"))
    assert fields == {
        "remote": f"file://{repository}",
        "branch": "topic",
        "revision": git(repository, "rev-parse", "HEAD"),
    }


@pytest.mark.parametrize(
    ("remotes", "upstream", "project"),
    [
        ({"fork": "ann"}, None, "gh/ann/web"),
        ({"origin": "acme", "fork": "ann"}, None, "gh/acme/web"),
        ({"origin": "acme", "fork": "ann"}, "fork", "gh/ann/web"),
        ({"origin": "acme", "fork": "ann"}, "gone", "gh/acme/web"),
        ({"fork": "ann", "other": "bob"}, None, None),
        ({"fork": "ann", "other": "bob"}, "other", "gh/bob/web"),
        ({"-all": "acme"}, None, "gh/acme/web"),
    ],
)
def test_the_remote_is_the_branchs_own_else_origin_else_the_only_one(
    repository: Path, git: Git, remotes: dict[str, str], upstream: str | None, project: str | None
) -> None:
    for name, owner in remotes.items():
        git(repository, "config", f"remote.{name}.url", f"git@github.com:{owner}/web.git")
    if upstream is not None:
        git(repository, "config", "branch.topic.remote", upstream)
    assert here(place(repository)).get("project_slug") == project


def test_an_address_is_the_one_git_would_use(repository: Path, git: Git) -> None:
    git(repository, "remote", "add", "origin", "work:web.git")
    git(repository, "config", "url.git@github.com:acme/.insteadOf", "work:")
    assert here(place(repository))["project_slug"] == "gh/acme/web"


def test_of_an_unknown_host_the_address_is_told_without_its_token(
    repository: Path, git: Git
) -> None:
    git(repository, "remote", "add", "origin", "https://ann:T0KEN@gitlab.com/acme/web.git")
    fields = here(place(repository))
    assert fields["remote"] == "https://gitlab.com/acme/web.git"
    assert set(fields) == {"remote", "branch", "revision"}


def test_on_a_server_an_unknown_host_is_github_enterprise(repository: Path, git: Git) -> None:
    git(repository, "remote", "add", "origin", "git@scm.example.com:acme/web.git")
    assert here(Place(repository, lambda: True))["project_slug"] == "gh/acme/web"
    assert "project_slug" not in here(place(repository))


def test_outside_of_a_checkout_there_is_nothing(tmp_path: Path, git: Git) -> None:
    assert refusal(place(tmp_path)) == (
        f"{tmp_path} is not inside a git checkout. Change to one, or name the project and the "
        "branch."
    )
    assert here(place(tmp_path, simulate=True)) == SIMULATED
    assert "is not inside a git checkout" in refusal(place(tmp_path / "missing"))


def test_a_bare_repository_and_the_git_folder_are_no_checkouts(
    repository: Path, tmp_path: Path, git: Git
) -> None:
    git(tmp_path, "init", "--bare", "bare")
    assert "is not inside a git checkout" in refusal(place(tmp_path / "bare"))
    assert "is not inside a git checkout" in refusal(place(repository / ".git"))


def test_a_simulated_default_is_all_of_one_project(repository: Path, git: Git) -> None:
    assert here(place(repository, simulate=True)) == SIMULATED
    assert here(place(repository, simulate=True)) == SIMULATED
    git(repository, "remote", "add", "origin", "git@github.com:acme/web.git")
    assert here(place(repository, simulate=True))["project_slug"] == "gh/acme/web"


def test_without_git_the_error_says_so(tmp_path: Path) -> None:
    assert refusal(place(tmp_path, PATH=str(tmp_path))) == (
        "git is not installed (no such program in PATH), so the checkout cannot be read. "
        "Install it, or name the project and the branch."
    )


def test_a_program_named_git_in_the_folder_is_not_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    program = repository / "git"
    program.write_text(f"#!/bin/sh\ntouch {repository}/ran\n")
    program.chmod(0o755)
    assert here(place(repository, PATH=f".::{os.environ['PATH']}"))["branch"] == "topic"
    assert "is not installed" in refusal(place(repository, PATH=".:"))
    assert not (repository / "ran").exists()


def test_a_git_that_hangs_is_ended(tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    program.chmod(0o755)
    asked = place(tmp_path, PATH=str(tmp_path))._replace(time_s=0.2)
    assert refusal(asked).startswith("git took longer than ")


def test_a_hostile_repository_runs_nothing(repository: Path, tmp_path: Path, git: Git) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {ran}\n')
    program.chmod(0o755)
    git(repository, "remote", "add", "origin", "git@github.com:acme/web.git")
    hostile = {
        **dict.fromkeys(("core.fsmonitor", "core.sshCommand", "core.pager"), str(program)),
        **dict.fromkeys(("core.askPass", "core.editor", "core.gitProxy"), str(program)),
        **dict.fromkeys(("credential.helper", "diff.external", "gpg.program"), str(program)),
        **dict.fromkeys(("alias.remote", "alias.rev-parse", "alias.config"), f"!{program}"),
        **dict.fromkeys(("pager.remote", "pager.config", "remote.origin.vcs"), str(program)),
        "core.hooksPath": str(tmp_path),
        "uploadpack.packObjectsHook": str(program),
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
    }
    for name, value in hostile.items():
        git(repository, "config", name, value)
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (repository / ".git" / "hooks" / hook).write_text(program.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    ran.unlink(missing_ok=True)
    assert here(place(repository))["project_slug"] == "gh/acme/web"
    assert not ran.exists()


def test_variables_that_name_another_repository_or_a_file_do_not_count(
    repository: Path, tmp_path: Path, git: Git
) -> None:
    git(tmp_path, "init", "--initial-branch", "other", "other")
    fields = here(
        place(
            repository,
            GIT_DIR=str(tmp_path / "other" / ".git"),
            GIT_WORK_TREE=str(tmp_path / "other"),
            GIT_TRACE=str(tmp_path / "trace"),
            GIT_CONFIG_PARAMETERS="'core.bare=true'",
        )
    )
    assert fields["branch"] == "topic"
    assert not (tmp_path / "trace").exists()


def test_git_is_not_told_the_token(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\nexport -p > {tmp_path}/seen\nexit 128\n")
    program.chmod(0o755)
    refusal(place(repository, PATH=str(tmp_path), CIRCLECI_TOKEN="T0KEN", GIT_SSH="x", OWN="y"))
    seen = (tmp_path / "seen").read_text()
    assert "OWN=" in seen
    assert "T0KEN" not in seen
    assert "GIT_SSH" not in seen


def test_a_repository_of_another_user_says_what_to_do(repository: Path, tmp_path: Path) -> None:
    environ = {}
    if os.geteuid() == 0:
        os.chown(repository, 12345, 12345)
        os.chown(repository / ".git", 12345, 12345)
    else:
        program = tmp_path / "git"
        words = f"fatal: detected dubious ownership in repository at '{repository}'"
        program.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 128\n')
        program.chmod(0o755)
        environ = {"PATH": str(tmp_path)}
    assert refusal(place(repository, **environ)) == (
        f"git does not trust the checkout at {repository}: it belongs to another user. If you "
        f"trust it: git config --global --add safe.directory {repository}"
    )


def test_a_configuration_that_git_cannot_read_is_named(repository: Path) -> None:
    (repository / ".git" / "config").write_text("[broken\n")
    message = refusal(place(repository))
    assert message.startswith(f"git cannot read the checkout at {repository}: fatal: bad config")
