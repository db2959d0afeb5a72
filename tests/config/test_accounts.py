"""Environment, file, keyring, CLI file: which one an account's token and base URL come from."""

import builtins
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.call.model import Account
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config.accounts import (
    Configuration,
    configuration_file,
    load_configuration,
)
from kosmo_circleci.errors import ConfigurationError

CLOUD = "https://circleci.com"
RESERVED = ("get_pipeline", "list_contexts")


class Machine:
    """A home folder and an environment to configure from."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / ".config" / "kosmo" / "config.yaml"

    def has_file(self, accounts: str, *, mode: int = 0o600) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(f"integrations: {{circleci: {{accounts: {{{accounts}}}}}}}\n")
        self.file.chmod(mode)

    def has_cli_file(self, text: str) -> None:
        path = self.home / ".circleci" / "cli.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def load(
        self, explicit: Path | Mapping[str, Any] | None = None, **environ: str
    ) -> Configuration:
        return load_configuration(environ, self.home, reserved_names=RESERVED, explicit=explicit)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_anything_there_is_one_account_without_a_token(machine: Machine) -> None:
    configuration = machine.load()
    assert configuration == Configuration({"default": Account("default", CLOUD)})
    assert configuration.policy == Policy("allow", "ask")


# Every source of the default account's token, the strongest first.
TOKENS = [
    ("env", {"CIRCLECI_TOKEN": "t-env"}),
    ("env2", {"CIRCLE_TOKEN": "t-env2"}),
    ("env3", {"CIRCLECI_CLI_TOKEN": "t-env3"}),
    ("env4", {"CIRCLECI_TOKEN_DEFAULT": "t-env4"}),
]


@pytest.mark.parametrize("strongest", range(8))
def test_the_first_source_that_has_a_token_wins(
    strongest: int, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {name: value for _, each in TOKENS[strongest:] for name, value in each.items()}
    said = []
    if strongest <= 4:
        environ["MINE"] = "t-token-env"
    if strongest <= 5:
        said.append("token: t-file")
    if strongest <= 6:
        said.append("keyring: true")
    machine.has_file(f"default: {{token_env: MINE, {', '.join(said)}}}")
    machine.has_cli_file("host: https://cli.example.com\ntoken: t-cli\n")
    with_keyring(monkeypatch, {("kosmo-circleci", "default"): "t-keyring"})

    default = machine.load(**environ).accounts["default"]

    expected = ["env", "env2", "env3", "env4", "token-env", "file", "keyring", "cli"][strongest]
    # The base URL is a field of its own: only the CLI file has one here.
    assert default == Account("default", "https://cli.example.com", f"t-{expected}")


@pytest.mark.parametrize(
    ("environ", "file", "cli", "origin"),
    [
        (
            "https://env.example.com",
            "https://file.example.com",
            "https://cli.x.com",
            "https://env.example.com",
        ),
        ("", "https://file.example.com/api", "https://cli.x.com", "https://file.example.com"),
        ("", "", "https://cli.x.com/api/v2/", "https://cli.x.com"),
        ("", "", "", CLOUD),
    ],
)
@pytest.mark.parametrize("token", ["from the environment", "from the CLI file"])
def test_the_base_url_is_taken_field_by_field_wherever_the_token_is_from(
    token: str, environ: str, file: str, cli: str, origin: str, machine: Machine
) -> None:
    machine.has_file(f'default: {{url: "{file}"}}' if file else "")
    machine.has_cli_file(f"token: t-cli\nhost: {cli}\n" if cli else "token: t-cli\n")
    in_environment = token == "from the environment"
    tokens = {"CIRCLECI_TOKEN": "t-env"} if in_environment else {}
    account = machine.load(CIRCLECI_BASE_URL=environ, **tokens).accounts["default"]
    assert account == Account("default", origin, "t-env" if in_environment else "t-cli")


def test_every_other_account_has_variables_with_its_name(machine: Machine) -> None:
    machine.has_file("work: {token: t-file, url: 'https://file.example.com'}, Play_2: {token: p}")
    accounts = machine.load(
        CIRCLECI_TOKEN_WORK="t-env",
        CIRCLECI_TOKEN_SIDE_PROJECT="t-side",
        CIRCLECI_BASE_URL_SIDE_PROJECT="https://side.example.com/api/v2",
        CIRCLECI_BASE_URL_PLAY_2="https://play.example.com",
    ).accounts
    assert accounts == {
        "default": Account("default", CLOUD),
        "work": Account("work", "https://file.example.com", "t-env"),
        "Play_2": Account("Play_2", "https://play.example.com", "p"),
        "side_project": Account("side_project", "https://side.example.com", "t-side"),
    }


def test_the_cli_file_is_for_the_default_account_only(machine: Machine) -> None:
    machine.has_file("work: {url: 'https://work.example.com'}")
    machine.has_cli_file("token: t-cli\n")
    accounts = machine.load().accounts
    assert (accounts["default"].token, accounts["work"].token) == ("t-cli", None)


def test_each_field_knows_where_it_came_from(machine: Machine) -> None:
    machine.has_file("work: {token_env: MINE}")
    machine.has_cli_file("host: https://cli.example.com\ntoken: t\n")
    assert machine.load(MINE="m", CIRCLECI_BASE_URL_WORK=CLOUD).sources == {
        ("work", "token"): "environment MINE (token_env)",
        ("work", "url"): "environment CIRCLECI_BASE_URL_WORK",
        ("default", "token"): f"file {machine.home / '.circleci' / 'cli.yml'}",
        ("default", "url"): f"file {machine.home / '.circleci' / 'cli.yml'}",
    }


def test_a_token_env_that_is_not_set_leaves_the_account_without_a_token(machine: Machine) -> None:
    machine.has_file("work: {token_env: NOT_SET}, other: {token_env: EMPTY, token: t-file}")
    accounts = machine.load(EMPTY=" ").accounts
    assert (accounts["work"].token, accounts["other"].token) == (None, "t-file")


@pytest.mark.parametrize("given", [" t-env\n", "t-env\r\n", "\tt-env"])
def test_blanks_around_a_token_are_not_part_of_it(given: str, machine: Machine) -> None:
    assert machine.load(CIRCLECI_TOKEN=given).accounts["default"].token == "t-env"


@pytest.mark.parametrize("given", ["CCI PAT", "CCI\nPAT", "tökén", "CCI\x00PAT"])
def test_a_token_that_no_header_can_hold_is_an_error_that_does_not_show_it(
    given: str, machine: Machine
) -> None:
    with pytest.raises(ConfigurationError, match="CIRCLECI_TOKEN: the token holds") as caught:
        machine.load(CIRCLECI_TOKEN=given)
    assert given not in caught.value.message


@pytest.mark.parametrize("name", ["GET_PIPELINE", "END", "1A", "A-B", "A.B"])
def test_a_variable_whose_name_cannot_be_an_account_is_told_and_ignored(
    name: str, machine: Machine
) -> None:
    configuration = machine.load(**{f"CIRCLECI_TOKEN_{name}": "t"})
    assert list(configuration.accounts) == ["default"]
    assert configuration.warnings == (
        f"CIRCLECI_TOKEN_{name} is ignored: '{name.lower()}' cannot name an account",
    )


def test_a_bad_base_url_names_the_variable(machine: Machine) -> None:
    with pytest.raises(
        ConfigurationError, match="CIRCLECI_BASE_URL_WORK: 'circleci' is not a base"
    ):
        machine.load(CIRCLECI_BASE_URL_WORK="circleci", CIRCLECI_TOKEN_WORK="t")


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
@pytest.mark.parametrize(
    ("mode", "accounts", "warned"),
    [
        (0o644, "default: {token: t}", True),
        (0o640, "work: {token: t}", True),
        (0o604, "work: {token: t}", True),
        (0o600, "default: {token: t}", False),
        (0o644, "default: {token_env: T}", False),
    ],
)
def test_a_file_with_a_token_that_others_can_read_draws_a_warning(
    mode: int, accounts: str, warned: bool, machine: Machine
) -> None:
    machine.has_file(accounts, mode=mode)
    warning = f"{machine.file} holds a token and others can read it; run: chmod 600 {machine.file}"
    assert machine.load().warnings == ((warning,) if warned else ())


def test_the_variable_kosmo_config_names_another_file(machine: Machine, tmp_path: Path) -> None:
    machine.has_file("work: {token: t-usual}")
    other = tmp_path / "other.yaml"
    other.write_text("integrations: {circleci: {accounts: {play: {token: t-other}}}}")
    other.chmod(0o600)
    configuration = machine.load(KOSMO_CONFIG=str(other))
    assert sorted(configuration.accounts) == ["default", "play"]
    assert configuration.config_path == other


def test_a_named_file_has_to_be_there_and_the_usual_one_has_not(
    machine: Machine, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.yaml"
    for load in (lambda: machine.load(KOSMO_CONFIG=str(missing)), lambda: machine.load(missing)):
        with pytest.raises(ConfigurationError, match=r"missing\.yaml: No such file or directory"):
            load()
    assert machine.load().config_path is None


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, "HOME/.config/kosmo/config.yaml"),
        ({"XDG_CONFIG_HOME": "/xdg"}, "/xdg/kosmo/config.yaml"),
        ({"XDG_CONFIG_HOME": "/xdg", "KOSMO_CONFIG": "/a/b.yaml"}, "/a/b.yaml"),
    ],
)
def test_where_the_configuration_file_is(
    environ: dict[str, str], path: str, tmp_path: Path
) -> None:
    expected = Path(path.replace("HOME", str(tmp_path)))
    assert configuration_file(environ, tmp_path) == expected


def test_a_mapping_replaces_every_other_source(machine: Machine) -> None:
    machine.has_file("work: {token: t-file}")
    machine.has_cli_file("token: t-cli\nhost: https://cli.example.com\n")
    mapping = {
        "integrations": {
            "circleci": {
                "accounts": {"mine": {"token_env": "MINE"}},
                "permissions": {"write": "deny"},
            }
        }
    }
    configuration = machine.load(mapping, CIRCLECI_TOKEN="t-env", MINE="t-mine")
    assert configuration.accounts == {
        "default": Account("default", CLOUD),
        "mine": Account("mine", CLOUD, "t-mine"),
    }
    assert configuration.policy == Policy("allow", "deny")


def test_a_cli_file_that_cannot_be_read_is_told_and_ignored(machine: Machine) -> None:
    machine.has_cli_file("token: [\n")
    configuration = machine.load()
    assert configuration.accounts["default"].token is None
    [warning] = configuration.warnings
    assert "cli.yml:2: " in warning
    assert warning.endswith("; the file is ignored")


@pytest.mark.parametrize("text", ["", "- a\n", "token: 5\nhost: [a]\n", "token: ''\n"])
def test_a_cli_file_without_anything_of_use_changes_nothing(text: str, machine: Machine) -> None:
    machine.has_cli_file(text)
    assert machine.load() == Configuration({"default": Account("default", CLOUD)})


def test_a_cli_host_that_would_send_the_token_in_the_clear_is_an_error(machine: Machine) -> None:
    machine.has_cli_file("token: t\nhost: http://ci.example.com\n")
    with pytest.raises(ConfigurationError, match=r"cli\.yml: host: .* in the clear"):
        machine.load()


def test_a_keyring_that_is_not_installed_names_the_extra(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, name)
    plain_import = builtins.__import__

    def without_keyring(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "keyring":
            raise ImportError(name)
        return plain_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_keyring)
    with pytest.raises(ConfigurationError) as caught:
        machine.load()
    assert caught.value.message == (
        "The account 'work' says `keyring: true`, and the keyring package is not installed; "
        "run: pip install 'kosmo-circleci[keyring]'"
    )


def test_a_keyring_that_cannot_be_read_is_an_error_that_says_why(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}")
    with_keyring(monkeypatch, {}, "No recommended backend was available")
    with pytest.raises(ConfigurationError, match="keyring cannot be read: No recommended backend"):
        machine.load()


def test_a_keyring_without_the_entry_leaves_the_account_without_a_token(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}")
    with_keyring(monkeypatch, {})
    assert machine.load().accounts["work"].token is None


def test_a_keyring_is_asked_only_where_the_file_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: false}")
    with_keyring(monkeypatch, {}, "nobody may ask")
    assert machine.load().accounts["work"].token is None


def with_keyring(
    monkeypatch: pytest.MonkeyPatch, entries: dict[tuple[str, str], str], broken: str = ""
) -> None:
    """Put a keyring in place of the machine's: it is not ours, and it asks for passwords."""

    class KeyringError(Exception):
        pass

    def get_password(service: str, account: str) -> str | None:
        if broken:
            raise KeyringError(broken)
        return entries.get((service, account))

    module, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    module.get_password = get_password  # type: ignore[attr-defined]
    module.errors = errors  # type: ignore[attr-defined]
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
