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
            # A comment keeps its column where there is room for it.
            COMMENTED.replace("{read: allow}   #", "{read: allow, write: ask} #").replace(
                "# ours\n", '# ours\n                token: "t-1"\n'
            ),
        ),
        (
            COMMENTED,
            {(*CIRCLECI, "accounts", "work", "url"): "https://b.example.com"},
            COMMENTED.replace("https://ci.example.com   #", '"https://b.example.com"  #'),
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
            '        token: "a#b"\n    permissions:\n      write: allow\n',
        ),
        (
            "{integrations: {circleci: {accounts: {work: {token: old, url: 'https://h'}}}}}",
            {WORK_TOKEN: None, (*CIRCLECI, "accounts", "work", "keyring"): True},
            "{integrations: {circleci: {accounts: {work: {url: 'https://h', keyring: true}}}}}\n",
        ),
        (
            "integrations:\r\n  circleci: ~\r\n",
            {WRITE: "ask"},
            "integrations:\r\n  circleci:\r\n    permissions:\r\n      write: ask\r\n",
        ),
        (
            "integrations:\n  circleci:\n    accounts:\n      work:\n        token: |\n"
            "          old\n        url: https://h\n",
            {WORK_TOKEN: "new"},
            "integrations:\n  circleci:\n    accounts:\n      work:\n        token: |-\n"
            "          new\n        url: https://h\n",
        ),
        (
            "integrations:\n  circleci:",
            {WRITE: "ask"},
            "integrations:\n  circleci:\n    permissions:\n      write: ask\n",
        ),
        (
            "integrations:\n  circleci:\n    accounts:\n      work: {token: 'a'}",
            {WRITE: "on"},
            "integrations:\n  circleci:\n    accounts:\n      work: {token: 'a'}\n"
            '    permissions:\n      write: "on"\n',
        ),
        (
            "integrations:\n  circleci:\n    accounts:\n      work: { }\n",
            {WORK_TOKEN: "é", (*CIRCLECI, "accounts", "n", "keyring"): True},
            "integrations:\n  circleci:\n    accounts:\n      work:\n"
            '        token: "é"\n      "n":\n        keyring: true\n',
        ),
        (
            "---\n# Shared.\nbase: &base {url: https://h}\nintegrations:\n  circleci:\n"
            "    accounts:\n      work:\n        <<: *base\n        token: old  # t\n",
            {WORK_TOKEN: "new"},
            "---\n# Shared.\nbase: &base {url: https://h}\nintegrations:\n  circleci:\n"
            "    accounts:\n      work:\n        <<: *base\n        token: new  # t\n",
        ),
        (
            "integrations:\r\n  circleci:\r\n    permissions: {read: allow} # c\r\n",
            {WORK_TOKEN: "new"},
            "integrations:\r\n  circleci:\r\n    permissions: {read: allow} # c\r\n"
            "    accounts:\r\n      work:\r\n        token: new\r\n",
        ),
        (
            "integrations:\n  circleci:\n    accounts:\n      work:\n        token_env: OLD # eol\n"
            "\n      # The next account.\n      play:\n        token: p\n",
            {WORK_TOKEN: "new", (*CIRCLECI, "accounts", "work", "token_env"): None},
            "integrations:\n  circleci:\n    accounts:\n      work:\n        token: new\n"
            "\n      # The next account.\n      play:\n        token: p\n",
        ),
    ],
)
def test_a_change_touches_its_key_and_nothing_else(
    before: str, changes: dict[KeyPath, Setting], after: str
) -> None:
    text = changed(before, changes, Path("config.yaml"))
    assert text == after
    for keys, setting in changes.items():
        value = yaml.safe_load(text)
        for key in keys:
            value = (value or {}).get(key)
        assert value == setting


OTHER_TOOLS = f"""\
a: 'single'
b: "double"
c: |
  block

  text
d: >-
  folded
  text
e: 014
f: 0x1F
g: 1_000
h: 1.50
i: 1e3
j: yes
k: 2026-01-01T00:00:00Z
l: [a, [b, c]]
m:
- a
- b: 1
  c: 2
# A long line.
n: {"word " * 100}end
"""


@pytest.mark.parametrize(
    "others",
    [
        OTHER_TOOLS,
        "list:\n  - a\n  - b: 1\n    c: 2\n",
        "list:\n    - a\n",
        "outer:\n    inner:\n        key: value\n",
        "%YAML 1.1\n---\na: 1\n",
    ],
)
def test_what_other_tools_keep_in_the_file_stays_as_it_is(others: str) -> None:
    text = changed(others, {WORK_TOKEN: "new"}, Path("config.yaml"))
    assert text.startswith(f"{others}integrations:\n")


def test_setting_the_same_value_twice_is_setting_it_once() -> None:
    once = changed(COMMENTED, {WORK_TOKEN: "t-1"}, Path("c"))
    assert changed(once, {WORK_TOKEN: "t-1"}, Path("c")) == once


ALIAS = (
    "integrations:\n  circleci:\n    accounts:\n"
    "      default: &all {url: https://h}\n      work: *all\n"
)
COMMENT_INSIDE_BRACES = "integrations:\n  circleci: {\n    permissions: {}, # mine\n  }\n"
LIST = "integrations:\n  circleci:\n    accounts: [work]\n"


@pytest.mark.parametrize("text", [ALIAS, COMMENT_INSIDE_BRACES, LIST, "- work\n", "work\n"])
def test_what_cannot_be_changed_safely_is_left_alone_and_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        update(path, {WORK_TOKEN: "t-1"})
    assert str(caught.value) == (
        f"{path}: the file is written in a way that cannot be changed safely, so it was left "
        "as it is. Change it by hand: integrations.circleci.accounts.work.token"
    )
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "c.yaml:2: but found another document"),
        ("a: 1\na: 2\n", 'c.yaml:2: found duplicate key "a" with value "2" (original value: "1")'),
        ("a: [\n", "c.yaml:2: expected the node content, but found '<stream end>'"),
    ],
)
def test_a_file_that_cannot_be_understood_is_an_error_with_its_line(
    text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        changed(text, {WORK_TOKEN: "t-1"}, Path("c.yaml"))
    assert str(caught.value) == message


def test_the_new_file_is_private_and_so_is_its_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kosmo" / "config.yaml"
    update(path, {WORK_TOKEN: "t-1"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.yaml"]


def test_an_open_file_becomes_private_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.yaml", tmp_path / "config.yaml"
    real.write_text("# mine\n")
    real.chmod(0o644)
    link.symlink_to(real)
    update(link, {WRITE: "ask"})
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.read_text().startswith("# mine\nintegrations:\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match=r"cannot be written: .*KOSMO_CONFIG=PATH"):
        update(tmp_path / "config.yaml", {WRITE: "ask"})


def test_a_path_through_a_file_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be written: .*KOSMO_CONFIG=PATH"):
        update(tmp_path / "file" / "config.yaml", {WRITE: "ask"})
