"""The configuration file: what it may say, and errors that name the file and the line."""

from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config.file import FileAccount, FileConfiguration, from_mapping, read
from kosmo_circleci.config.policy import parse_rule
from kosmo_circleci.errors import ConfigurationError

START = "integrations:\n  circleci:\n"
ACCOUNTS = f"{START}    accounts:\n"


def load(tmp_path: Path, text: str | bytes) -> FileConfiguration:
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, reserved_names=("get_pipeline",))


def test_a_file_says_accounts_and_policy(tmp_path: Path) -> None:
    text = f"""{START}
    permissions: {{read: ask, write: deny}}
    accounts:
      default: {{token_env: MY_TOKEN}}
      work:
        token: " CCIPAT_x "
        url: https://circleci.example.com/api/v2/
        keyring: true
      empty:
"""
    assert load(tmp_path, text) == FileConfiguration(
        {
            "default": FileAccount(token_env="MY_TOKEN"),
            "work": FileAccount("CCIPAT_x", None, "https://circleci.example.com", True),
            "empty": FileAccount(),
        },
        Policy("ask", "deny"),
    )


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "---\n", "integrations:\n", START, ACCOUNTS, f"{START}    permissions:\n"],
)
def test_a_file_may_say_nothing(text: str, tmp_path: Path) -> None:
    assert load(tmp_path, text) == FileConfiguration()


def test_the_blocks_of_other_tools_are_left_alone(tmp_path: Path) -> None:
    text = "agents: {x: 1}\nintegrations:\n  gitlab: {token: x}\n  circleci: {}\n"
    assert load(tmp_path, text) == FileConfiguration()


def test_one_policy_may_be_given_without_the_other(tmp_path: Path) -> None:
    assert load(tmp_path, f"{START}    permissions: {{write: allow}}\n").policy == Policy(
        "allow", "allow"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: b: c\n", "1: mapping values are not allowed in this context"),
        ("integrations:\n\tcircleci:\n", "2: found character that cannot start any token"),
        (f'{ACCOUNTS}      work: {{token: "x\n', "5: found unexpected end of stream"),
        ("a: \0\n", "1: control characters are not allowed"),
        (b"integrations:\n  a: \xff\n", "2: not UTF-8"),
        ("- a\n", "1: the file must be a mapping, not a list"),
        ("text\n", "1: the file must be a mapping, not a string"),
        ("\nintegration: {}\n", "2: unknown key 'integration'. Did you mean 'integrations'?"),
        ("integrations:\n  circle: {}\n", "2: unknown key 'circle'. Did you mean 'circleci'?"),
        (f"{START}    acounts: {{}}\n", "3: unknown key 'acounts'. Did you mean 'accounts'?"),
        (f"{START}    accounts: []\n", "3: 'accounts' must be a mapping, not a list"),
        (f"{ACCOUNTS}      work: abc\n", "4: 'work' must be a mapping, not a string"),
        (
            f"{ACCOUNTS}      work:\n        tokn: abc\n",
            "5: unknown key 'tokn'. Did you mean 'token'?",
        ),
        (
            f"{ACCOUNTS}      work:\n        token: 123\n",
            "5: 'token' must be a string, not a number; put it in quotes",
        ),
        (
            f"{ACCOUNTS}      work:\n        token: 2026-13-45\n",
            "5: month must be in 1..12; put it in quotes",
        ),
        (
            f"{ACCOUNTS}      work:\n        keyring: maybe\n",
            "5: 'keyring' must be true or false, not a string",
        ),
        (
            f"{ACCOUNTS}      get_pipeline: {{}}\n",
            "4: 'get_pipeline' cannot name an account: a function has that name",
        ),
        (
            f"{ACCOUNTS}      my-work: {{}}\n",
            "4: 'my-work' cannot name an account; use letters, digits and _, as in a Lua name",
        ),
        (
            f"{ACCOUNTS}      end: {{}}\n",
            "4: 'end' cannot name an account; use letters, digits and _, as in a Lua name",
        ),
        (
            f"{ACCOUNTS}      1: {{}}\n",
            "4: '1' cannot name an account; use letters, digits and _, as in a Lua name",
        ),
        (
            f"{ACCOUNTS}      yes: {{}}\n",
            "3: 'True' cannot name an account; use letters, digits and _, as in a Lua name",
        ),
        (
            f"{ACCOUNTS}      work: {{}}\n      work: {{}}\n",
            "5: duplicate key 'work'",
        ),
        (
            f"{START}    permissions:\n      write: alow\n",
            "4: 'write' must be one of allow, ask, deny, not alow",
        ),
        (
            f"{START}    permissions:\n      read: no\n",
            "4: 'read' must be one of allow, ask, deny, not a boolean",
        ),
        ("a: !!python/name:os.system x\n", "1: could not determine a constructor for the tag "
         "'tag:yaml.org,2002:python/name:os.system'"),
    ],
)  # fmt: skip
def test_a_broken_file_is_an_error_that_names_file_and_line(
    text: str | bytes, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert caught.value.message == f"{tmp_path / 'config.yaml'}:{complaint}"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (
            "token: a b",
            "5: the token contains a space, a control character or a character outside ASCII; "
            "copy it again",
        ),
        (
            "url: http://ci.example.com",
            "5: 'http://ci.example.com' would send the token in the clear; use https:// "
            "(http:// is for loopback only)",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_the_fault_of_its_account_alone(
    entry: str, complaint: str, tmp_path: Path
) -> None:
    text = f"{ACCOUNTS}      work:\n        {entry}\n      play: {{token: t}}\n"
    assert load(tmp_path, text).accounts == {
        "work": FileAccount(fault=f"{tmp_path / 'config.yaml'}:{complaint}"),
        "play": FileAccount("t"),
    }


def test_what_is_not_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read(tmp_path, reserved_names=())
    (tmp_path / "large.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        read(tmp_path / "large.yaml", reserved_names=())


def test_a_mapping_from_python_has_no_lines() -> None:
    mapping: dict[str, Any] = {"integrations": {"circleci": {"accounts": {"work": {"tokn": 1}}}}}
    with pytest.raises(ConfigurationError) as caught:
        from_mapping(mapping, reserved_names=())
    assert caught.value.message == "config: unknown key 'tokn'. Did you mean 'token'?"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("allow", "allow"),
        ("ask", "ask"),
        ("deny", "deny"),
        ("Allow", None),
        (True, None),
        (None, None),
    ],
)
def test_the_rules_are_three_words(value: Any, rule: str | None) -> None:
    assert parse_rule(value) == rule
