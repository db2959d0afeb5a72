"""integrations:status and integrations:fields: what is configured, and what can be."""

from pathlib import Path
from typing import Any

import pytest

TOKEN = "CCIPAT_abc_0123456789"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "integrations:\n  circleci:\n    permissions: {write: deny}\n"
        f"    accounts:\n      work: {{token: {TOKEN}, url: 'https://ci.example.com/api/v2'}}\n"
    )
    file.chmod(0o600)
    return file


def test_nothing_configured_says_where_and_how(kosmo: Any, tmp_path: Path) -> None:
    assert kosmo("integrations:status") == (
        0,
        f"""\
Configuration file: {tmp_path}/.config/kosmo/config.yaml (does not exist)
Policy: read allow, write ask

Account  Token  URL
default  none   https://circleci.com (default)

Add a token: kosmo login, or kosmo integrations:configure circleci (--account NAME)
""",
        "",
    )


def test_every_account_is_shown_with_its_sources_and_without_its_token(
    kosmo: Any, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    assert kosmo("integrations:status") == (
        0,
        f"""\
Configuration file: {config} (mode 0600)
Policy: read allow, write deny

Account  Token{" " * (len(str(config)) + 2)}URL
default  environment CIRCLECI_TOKEN{" " * (len(str(config)) - 19)}https://circleci.com (default)
work     file {config}  https://ci.example.com (file {config})
""",
        "",
    )
    assert kosmo("integrations:status", "--json").json == {
        "success": True,
        "config_file": {"path": str(config), "exists": True, "mode": "0600"},
        "permissions": {"read": "allow", "write": "deny"},
        "accounts": [
            {
                "name": "default",
                "token": True,
                "token_source": "environment CIRCLECI_TOKEN",
                "url": "https://circleci.com",
                "url_source": "default",
            },
            {
                "name": "work",
                "token": True,
                "token_source": f"file {config}",
                "url": "https://ci.example.com",
                "url_source": f"file {config}",
            },
        ],
        "warnings": [],
    }


def test_an_account_that_cannot_be_used_says_why_and_a_variable_that_it_is_not_set(
    kosmo: Any, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(
        "integrations: {circleci: {accounts: {default: {token_env: NOT_SET},\n"
        "work: {token: t, url: ftp://x}}}}\n"
    )
    fault = f"{config}:2: 'ftp://x' is not a base URL; write it as https://host"
    assert kosmo("integrations:status") == (
        0,
        f"""\
Configuration file: {config} (mode 0600)
Policy: read allow, write ask

Account  Token                                 URL
default  none: NOT_SET (token_env) is not set  https://circleci.com (default)
work     unusable, see below                   https://circleci.com (default)

work: {fault}

Add a token: kosmo login, or kosmo integrations:configure circleci (--account NAME)
""",
        "",
    )
    url = {"url": "https://circleci.com", "url_source": "default"}
    nothing = {"token": False, "token_source": None}
    assert kosmo("integrations:status", "--json").json["accounts"] == [
        {"name": "default", **nothing, **url, "hint": "NOT_SET (token_env) is not set"},
        {"name": "work", **nothing, **url, "error": fault},
    ]


def test_a_readable_token_draws_a_warning(kosmo: Any, config: Path) -> None:
    config.chmod(0o644)
    warning = f"{config} holds a token and others can read it; run: chmod 600 {config}"
    assert kosmo("integrations:status").err == f"warning: {warning}\n"
    assert kosmo("integrations:status", "--json").json["warnings"] == [warning]


def test_a_broken_file_names_its_line(kosmo: Any, config: Path) -> None:
    config.write_text("integrations:\n  circleci:\n    acounts: {}\n")
    message = f"{config}:3: unknown key 'acounts'. Did you mean 'accounts'?"
    assert kosmo("integrations:status") == (1, "", f"error: {message}\n")
    ended = kosmo("integrations:status", "--json")
    assert (ended.code, ended.json) == (
        1,
        {"success": False, "error": message, "error_type": "configuration"},
    )


def test_fields_tell_what_can_be_configured(kosmo: Any) -> None:
    report = kosmo("integrations:fields", "circleci", "--json").json
    assert (report["success"], report["integration"]) == (True, "circleci")
    facts = {each["name"]: each for each in report["fields"]}
    assert {
        name: (each["type"], each["secret"], each["required"], each["default"])
        for name, each in facts.items()
    } == {
        "token": ("string", True, True, None),
        "token_env": ("string", False, False, None),
        "keyring": ("boolean", False, False, "false"),
        "url": ("string", False, False, "https://circleci.com"),
        "read": ("allow, ask or deny", False, False, "allow"),
        "write": ("allow, ask or deny", False, False, "ask"),
    }
    assert facts["url"] == {
        "name": "url",
        "type": "string",
        "secret": False,
        "required": False,
        "default": "https://circleci.com",
        "env": ["CIRCLECI_BASE_URL", "CIRCLE_HOST", "CIRCLECI_BASE_URL_NAME"],
        "description": "Base URL: https://host, with or without /api or /api/v2.",
        "sources": [
            "environment: CIRCLECI_BASE_URL, CIRCLE_HOST (account default)",
            "environment: CIRCLECI_BASE_URL_NAME (account NAME)",
            "file: integrations.circleci.accounts.NAME.url",
            "file: circleci/config.yml of your configuration folder, host (account default)",
            "file: ~/.circleci/cli.yml, host (account default)",
        ],
    }
    text = kosmo("integrations:fields").out
    assert text.startswith("token (string, secret, required)\n  Personal API token of the account.")
    assert "\n\nurl (string, default https://circleci.com)\n" in text


def test_an_unknown_integration_is_a_usage_error(kosmo: Any) -> None:
    for command in ("integrations:fields", "integrations:configure"):
        assert kosmo(command, "github") == (
            2,
            "",
            "error: There is no integration 'github'. The one there is: circleci.\n",
        )
