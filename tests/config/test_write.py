"""Changing a configuration file: what people wrote stays as they wrote it."""

import os
import stat
from pathlib import Path

import pytest
import yaml

from kosmo_circleci.config.write import KeyPath, Setting, changed, update
from kosmo_circleci.errors import ConfigurationError

CIRCLECI: KeyPath = ("integrations", "circleci")
WORK_TOKEN: KeyPath = (*CIRCLECI, "accounts", "work", "token")
WRITE: KeyPath = (*CIRCLECI, "permissions", "write")

COMMENTED = """\
# mine
integrations:
    circleci:   # the CI
        # who may do what
        permissions: {read: allow}   # careful
        accounts:
            work:
                url: https://ci.example.com   # ours
                # rotate in May

            default: {token_env: MY_TOKEN}

# the end
"""


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (
            "",
            {WORK_TOKEN: "t-1"},
            'integrations:\n  circleci:\n    accounts:\n      work:\n        token: "t-1"\n',
        ),
        (
            "# only a comment",
            {WRITE: "deny"},
            "# only a comment\nintegrations:\n  circleci:\n    permissions:\n      write: deny\n",
        ),
        (
            COMMENTED,
            {WORK_TOKEN: "t-1", WRITE: "ask"},
            COMMENTED.replace("{read: allow}", "{read: allow, write: ask}").replace(
                "# ours\n", '# ours\n                token: "t-1"\n'
            ),
        ),
        (
            COMMENTED,
            {(*CIRCLECI, "accounts", "work", "url"): "https://b.example.com"},
            COMMENTED.replace("https://ci.example.com", '"https://b.example.com"'),
        ),
        (
            COMMENTED,
            {(*CIRCLECI, "accounts", "default", "token_env"): None},
            COMMENTED.replace("{token_env: MY_TOKEN}", "{}"),
        ),
        (
            COMMENTED,
            {(*CIRCLECI, "accounts", "work", "url"): None},
            COMMENTED.replace("                url: https://ci.example.com   # ours\n", ""),
        ),
        (
            "integrations:\n  circleci:\n    accounts: # none yet\n    permissions: {}\n",
            {WORK_TOKEN: "a#b", WRITE: "allow"},
            "integrations:\n  circleci:\n    accounts: # none yet\n      work:\n"
            '        token: "a#b"\n    permissions: {write: allow}\n',
        ),
        (
            "{integrations: {circleci: {accounts: {work: {token: old, url: 'https://h'}}}}}",
            {WORK_TOKEN: None, (*CIRCLECI, "accounts", "work", "keyring"): True},
            "{integrations: {circleci: {accounts: {work: {url: 'https://h', keyring: true}}}}}",
        ),
        (
            "integrations:\r\n  circleci: ~\r\n",
            {WRITE: "ask"},
            "integrations:\r\n  circleci: {permissions: {write: ask}}\r\n",
        ),
        (
            "integrations:\n  circleci:\n    accounts:\n      work:\n        token: |\n"
            "          old\n        url: https://h\n",
            {WORK_TOKEN: "new"},
            None,
        ),
        ("integrations:\n  circleci:", {WRITE: "ask"}, None),
        (
            "integrations:\n  circleci:\n    accounts:\n      work: {token: 'a'}",
            {WRITE: "on"},
            None,
        ),
        ("integrations:\n  circleci:\n    accounts:\n      work: { }\n", {WORK_TOKEN: "é"}, None),
    ],
)
def test_a_change_touches_its_key_and_nothing_else(
    before: str, changes: dict[KeyPath, Setting], after: str | None
) -> None:
    text = changed(before, changes, Path("config.yaml"))
    if after is not None:
        assert text == after
    for keys, setting in changes.items():
        value = yaml.safe_load(text)
        for key in keys:
            value = (value or {}).get(key)
        assert value == setting


def test_setting_the_same_value_twice_is_setting_it_once() -> None:
    once = changed(COMMENTED, {WORK_TOKEN: "t-1"}, Path("c"))
    assert changed(once, {WORK_TOKEN: "t-1"}, Path("c")) == once


def test_what_cannot_be_changed_safely_is_left_alone_and_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    shared = (
        "integrations:\n  circleci:\n    accounts:\n"
        "      default: &all {url: https://h}\n      work: *all\n"
    )
    path.write_text(shared)
    with pytest.raises(ConfigurationError) as caught:
        update(path, {WORK_TOKEN: "t-1"})
    assert str(caught.value) == (
        f"{path}: the file is written in a way that cannot be changed safely, so it was left "
        "as it is. Change it by hand: integrations.circleci.accounts.work.token"
    )
    assert path.read_text() == shared


@pytest.mark.skipif(os.name != "posix", reason="file modes are posix")
def test_the_new_file_is_private_and_so_is_its_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kosmo" / "config.yaml"
    update(path, {WORK_TOKEN: "t-1"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and modes are posix")
def test_an_open_file_becomes_private_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.yaml", tmp_path / "config.yaml"
    real.write_text("# mine\n")
    real.chmod(0o644)
    link.symlink_to(real)
    update(link, {WRITE: "ask"})
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.read_text().startswith("# mine\nintegrations:\n")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match=r"cannot be written: .*KOSMO_CONFIG=PATH"):
        update(tmp_path / "config.yaml", {WRITE: "ask"})


def test_a_path_through_a_file_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be written: .*KOSMO_CONFIG=PATH"):
        update(tmp_path / "file" / "config.yaml", {WRITE: "ask"})
