"""integrations:configure: what it writes, what it asks for, and that no token shows up."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

TOKEN = "CCIPAT_abc_0123456789"
COMMAND = (sys.executable, "-m", "kosmo_circleci")
CONFIGURE = ("integrations:configure", "circleci")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "kosmo" / "config.yaml"


def circleci(file: Path) -> Any:
    return yaml.safe_load(file.read_text())["integrations"]["circleci"]


def test_a_token_from_standard_input_goes_into_a_private_file(process: Any, file: Path) -> None:
    ended = process(*CONFIGURE, "--stdin-json", stdin=json.dumps({"token": f" {TOKEN}\n"}))
    assert ended == (
        0,
        f"{file}: wrote token (account default).\nTry it: kosmo integrations:doctor\n",
        "",
    )
    assert circleci(file) == {"accounts": {"default": {"token": TOKEN}}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    status = process("integrations:status", "--json").json
    assert status["accounts"][0]["token_source"] == f"file {file}"


def test_everything_at_once_for_an_account(process: Any, file: Path) -> None:
    fields = {"token": TOKEN, "url": "https://ci.example.com/api/v2/", "read": "ask"}
    ended = process(
        *(*CONFIGURE, "--account", "work", "--write", "deny", "--stdin-json", "--json"),
        stdin=json.dumps(fields),
    )
    assert ended.json == {
        "success": True,
        "path": str(file),
        "account": "work",
        "written": ["token", "url", "read", "write"],
        "token_stored_in": "file",
    }
    assert circleci(file) == {
        "accounts": {"work": {"token": TOKEN, "url": "https://ci.example.com"}},
        "permissions": {"read": "ask", "write": "deny"},
    }


def test_a_file_that_is_there_keeps_its_comments_and_loses_what_would_win(
    process: Any, file: Path
) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(
        "# ours\nintegrations:\n  circleci:\n    accounts:\n"
        "      default: {token_env: OLD}  # rotate in May\n"
    )
    process(*CONFIGURE, "--stdin-json", stdin=json.dumps({"token": TOKEN}))
    assert file.read_text() == (
        "# ours\nintegrations:\n  circleci:\n    accounts:\n"
        f"      default: {{token: {TOKEN}}} # rotate in May\n"
    )


def test_twelve_commands_at_once_all_survive(file: Path) -> None:
    names = [f"account_{number}" for number in range(12)]
    commands = [
        subprocess.Popen(
            [*COMMAND, *CONFIGURE, "--account", name, "--url", f"https://{number}.example.com"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for number, name in enumerate(names)
    ]
    assert [command.wait(60) for command in commands] == [0] * 12
    assert circleci(file)["accounts"] == {
        name: {"url": f"https://{number}.example.com"} for number, name in enumerate(names)
    }


def test_a_new_token_has_no_end_that_is_known(process: Any, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(
        "integrations:\n  circleci:\n    accounts:\n      default:\n        token: old\n"
        '        token_expires: "2026-01-01T00:00:00Z"\n        token_scope: read\n'
    )
    process(*CONFIGURE, "--stdin-json", stdin=json.dumps({"token": TOKEN}))
    assert circleci(file) == {"accounts": {"default": {"token": TOKEN}}}


def test_a_policy_alone_needs_no_token(kosmo: Any, file: Path) -> None:
    assert kosmo(*CONFIGURE, "--read", "allow", "--write", "allow").code == 0
    assert circleci(file) == {"permissions": {"read": "allow", "write": "allow"}}


def test_a_variable_that_wins_over_the_file_is_named(process: Any) -> None:
    ended = process(
        *(*CONFIGURE, "--stdin-json"),
        stdin=json.dumps({"token": TOKEN}),
        env={"CIRCLECI_CLI_TOKEN": "t-other"},
    )
    assert (
        ended.err
        == "warning: CIRCLECI_CLI_TOKEN is set and takes precedence over what was written\n"
    )


NO_OBJECT = '--stdin-json needs a JSON object on standard input: {"token": "…"}'
NO_TOKEN = "The token is empty. Copy it from CircleCI's user settings."


@pytest.mark.parametrize(
    ("arguments", "stdin", "error"),
    [
        (["--stdin-json"], "", NO_OBJECT),
        (["--stdin-json"], TOKEN, NO_OBJECT),
        (["--stdin-json"], '{"token": ""}', NO_TOKEN),
        (["--stdin-json"], '{"tokn": "x"}', "Unknown field 'tokn'. Did you mean 'token'?"),
        (["--stdin-json"], '{"token": 5}', "'token' must be a string."),
        (["--stdin-json"], '{"keyring": "yes"}', "'keyring' must be true or false."),
        (
            ["--stdin-json"],
            '{"token": "two words"}',
            "The token contains a space, a control character or a character outside ASCII; copy it "
            "again.",
        ),
        (["--stdin-json"], "{}", "Nothing to write. Give a token, --url, --read or --write."),
        (["--write", "maybe"], "", "'write' must be one of allow, ask, deny, not 'maybe'."),
        (
            ["--account", "my-work"],
            "",
            "'my-work' cannot name an account; use letters, digits and _, as in a Lua name.",
        ),
        (
            ["--account", "get_pipeline"],
            "",
            "'get_pipeline' cannot name an account: a function has that name.",
        ),
        (
            [],
            "",
            'There is no terminal to ask for the token. Pipe it: printf \'{"token": "%s"}\' '
            '"$TOKEN" | kosmo integrations:configure circleci --stdin-json',
        ),
    ],
)
def test_bad_input_is_a_usage_error_and_writes_nothing(
    process: Any, file: Path, arguments: list[str], stdin: str, error: str
) -> None:
    assert process(*CONFIGURE, *arguments, stdin=stdin) == (2, "", f"error: {error}\n")
    ended = process(*CONFIGURE, *arguments, "--json", stdin=stdin)
    assert (ended.code, ended.json) == (
        2,
        {"success": False, "error": error, "error_type": "usage"},
    )
    assert not file.exists()


def test_a_plain_http_address_is_refused(kosmo: Any, file: Path) -> None:
    ended = kosmo(*CONFIGURE, "--url", "http://ci.example.com")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: url: ")
    assert not file.exists()


def test_a_broken_file_is_not_made_worse(process: Any, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("integrations:\n  circleci: [\n")
    ended = process(*CONFIGURE, "--stdin-json", stdin=json.dumps({"token": TOKEN}))
    assert ended.code == 1
    assert ended.err.startswith(f"error: {file}:")
    assert file.read_text() == "integrations:\n  circleci: [\n"


def test_a_folder_that_cannot_be_written_is_told(process: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" / "config.yaml"
    ended = process(*CONFIGURE, "--write", "allow", env={"KOSMO_CONFIG": str(where)})
    assert ended.code == 1
    assert ended.err.startswith(f"error: {where}: ")
    assert "KOSMO_CONFIG=PATH" in ended.err


def test_a_terminal_is_asked_and_shows_no_token(terminal: Any, file: Path) -> None:
    screen = terminal(*CONFIGURE, "--account", "work")
    screen.expect("CircleCI token of account 'work' (not shown): ")
    screen.send(f"{TOKEN}\n")
    screen.expect(f"{file}: wrote token (account work).")
    screen.expect("Try it: kosmo integrations:doctor --account work")
    assert screen.end() == 0
    assert TOKEN not in screen.seen
    assert circleci(file) == {"accounts": {"work": {"token": TOKEN}}}


def test_with_a_url_the_token_may_stay_as_it_is(terminal: Any, file: Path) -> None:
    screen = terminal(*CONFIGURE, "--url", "https://ci.example.com")
    screen.expect("(not shown, empty to keep it): ")
    screen.send("\n")
    assert screen.end() == 0
    assert circleci(file) == {"accounts": {"default": {"url": "https://ci.example.com"}}}


def test_ctrl_c_at_the_question_writes_nothing(terminal: Any, file: Path) -> None:
    screen = terminal(*CONFIGURE)
    screen.expect("(not shown): ")
    screen.send("\x03")
    screen.expect("error: Interrupted by Ctrl-C.")
    assert screen.end() == 130
    assert not file.exists()


# A keyring of this process, as the keyring package lets a program plug one in.
WITH_KEYRING = """
import json, os, sys
import keyring
from keyring.backend import KeyringBackend
class FileKeyring(KeyringBackend):
    priority = 1
    def set_password(self, service, name, password):
        with open(os.environ["RING"], "w") as ring: json.dump([service, name, password], ring)
    def get_password(self, service, name):
        with open(os.environ["RING"]) as ring: entry = json.load(ring)
        return entry[2] if entry[:2] == [service, name] else None
    def delete_password(self, service, name): raise NotImplementedError
keyring.set_keyring(FileKeyring())
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


def test_a_keyring_takes_the_token_and_gives_it_back(
    process: Any, file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("keyring")
    command = (sys.executable, "-c", WITH_KEYRING)
    env = {"RING": str(tmp_path / "ring")}
    ended = process(
        *(*CONFIGURE, "--account", "work", "--keyring", "--stdin-json", "--json"),
        stdin=json.dumps({"token": TOKEN}),
        env=env,
        command=command,
    )
    assert ended.json["token_stored_in"] == "keyring"
    assert circleci(file) == {"accounts": {"work": {"keyring": True}}}
    assert json.loads((tmp_path / "ring").read_text()) == ["kosmo-circleci", "work", TOKEN]
    status = process("integrations:status", "--json", env=env, command=command).json
    assert status["accounts"][1] == {
        "name": "work",
        "token": True,
        "token_source": "keyring",
        "url": "https://circleci.com",
        "url_source": "default",
    }


WITHOUT_KEYRING = """
import sys
sys.modules["keyring"] = None  # as if the extra were not installed
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


def test_without_the_extra_the_way_to_it_is_named(process: Any, file: Path) -> None:
    ended = process(
        *(*CONFIGURE, "--keyring", "--stdin-json"),
        stdin=json.dumps({"token": TOKEN}),
        command=(sys.executable, "-c", WITHOUT_KEYRING),
    )
    assert ended == (
        1,
        "",
        "error: The keyring package is not installed; run: pip install 'kosmo-circleci[keyring]'\n",
    )
    assert not file.exists()
