"""Environment, file, keyring, CLI file: which one an account's token and base URL come from."""

import base64
import builtins
import os
import pwd
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import Account
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config.accounts import configuration_file, load_configuration
from kosmo_circleci.config.configuration import Configuration, ConfiguredAccount
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
    assert configuration.accounts == {"default": ConfiguredAccount("default")}
    assert (configuration.warnings, configuration.config_path) == ((), None)
    assert configuration.account("default") == Account("default", CLOUD)
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
    fields = []
    if strongest <= 4:
        environ["MINE"] = "t-token-env"
    if strongest <= 5:
        fields.append("token: t-file")
    if strongest <= 6:
        fields.append("keyring: true")
    machine.has_file(f"default: {{token_env: MINE, {', '.join(fields)}}}")
    machine.has_cli_file("host: https://cli.example.com\ntoken: t-cli\n")
    with_keyring(monkeypatch, {("kosmo-circleci", "default"): "t-keyring"})

    default = machine.load(**environ).account("default")

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
    account = machine.load(CIRCLECI_BASE_URL=environ, **tokens).account("default")
    assert account == Account("default", origin, "t-env" if in_environment else "t-cli")


def test_every_other_account_has_variables_with_its_name(machine: Machine) -> None:
    machine.has_file("work: {token: t-file, url: 'https://file.example.com'}, Play_2: {token: p}")
    configuration = machine.load(
        CIRCLECI_TOKEN_WORK="t-env",
        CIRCLECI_TOKEN_SIDE_PROJECT="t-side",
        CIRCLECI_BASE_URL_SIDE_PROJECT="https://side.example.com/api/v2",
        CIRCLECI_BASE_URL_PLAY_2="https://play.example.com",
    )
    assert resolved(configuration) == {
        "default": Account("default", CLOUD),
        "work": Account("work", "https://file.example.com", "t-env"),
        "Play_2": Account("Play_2", "https://play.example.com", "p"),
        "side_project": Account("side_project", "https://side.example.com", "t-side"),
    }


def test_the_cli_file_is_for_the_default_account_only(machine: Machine) -> None:
    machine.has_file("work: {url: 'https://work.example.com'}")
    machine.has_cli_file("token: t-cli\n")
    accounts = resolved(machine.load())
    assert (accounts["default"].token, accounts["work"].token) == ("t-cli", None)


def test_each_field_knows_where_it_came_from(machine: Machine) -> None:
    machine.has_file("work: {token_env: MINE}")
    machine.has_cli_file("host: https://cli.example.com\ntoken: t\n")
    configuration = machine.load(MINE="m", CIRCLECI_BASE_URL_WORK=CLOUD)
    cli = f"file {machine.home / '.circleci' / 'cli.yml'}"
    assert {
        name: (configuration.resolve(name).token_source, settings.url_source)
        for name, settings in configuration.accounts.items()
    } == {
        "work": ("environment MINE (token_env)", "environment CIRCLECI_BASE_URL_WORK"),
        "default": (cli, cli),
    }


def test_a_token_env_that_is_not_set_leaves_the_account_without_a_token(machine: Machine) -> None:
    machine.has_file("work: {token_env: NOT_SET}, other: {token_env: EMPTY, token: t-file}")
    configuration = machine.load(EMPTY=" ")
    assert resolved(configuration) == {
        "default": Account("default", CLOUD),
        "work": Account("work", CLOUD, None, "NOT_SET (token_env) is not set"),
        "other": Account("other", CLOUD, "t-file"),
    }


@pytest.mark.parametrize("token", [" t-env\n", "t-env\r\n", "\tt-env"])
def test_blanks_around_a_token_are_not_part_of_it(token: str, machine: Machine) -> None:
    assert machine.load(CIRCLECI_TOKEN=token).account("default").token == "t-env"


@pytest.mark.parametrize("token", ["CCI PAT", "CCI\nPAT", "tökén", "CCI\x00PAT"])
def test_a_token_that_no_header_can_hold_is_an_error_that_does_not_show_it(
    token: str, machine: Machine
) -> None:
    configuration = machine.load(CIRCLECI_TOKEN=token, CIRCLECI_TOKEN_WORK="t-work")
    with pytest.raises(ConfigurationError) as caught:
        configuration.account("default")
    assert caught.value.message == (
        "CIRCLECI_TOKEN: the token contains a space, a control character or a character outside "
        "ASCII; copy it again"
    )
    assert configuration.account("work").token == "t-work"
    assert configuration.tokens() == ("t-work",)


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
    configuration = machine.load(
        CIRCLECI_BASE_URL_WORK="circleci", CIRCLECI_TOKEN_WORK="t", CIRCLECI_TOKEN="t-default"
    )
    with pytest.raises(
        ConfigurationError, match="CIRCLECI_BASE_URL_WORK: 'circleci' is not a base"
    ):
        configuration.account("work")
    assert configuration.account("default").token == "t-default"


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
    assert resolved(configuration) == {
        "default": Account("default", CLOUD),
        "mine": Account("mine", CLOUD, "t-mine"),
    }
    assert configuration.policy == Policy("allow", "deny")


def test_a_cli_file_that_cannot_be_read_is_told_and_ignored(machine: Machine) -> None:
    machine.has_cli_file("token: [\n")
    configuration = machine.load()
    assert configuration.account("default").token is None
    [warning] = configuration.warnings
    assert "cli.yml:2: " in warning
    assert warning.endswith("; the file is ignored")


@pytest.mark.parametrize("text", ["", "- a\n", "token: 5\nhost: [a]\n", "token: ''\n"])
def test_a_cli_file_without_anything_of_use_changes_nothing(text: str, machine: Machine) -> None:
    machine.has_cli_file(text)
    assert machine.load().accounts == {"default": ConfiguredAccount("default")}


def test_a_cli_host_that_would_send_the_token_in_the_clear_is_an_error(machine: Machine) -> None:
    machine.has_cli_file("token: t\nhost: http://ci.example.com\n")
    with pytest.raises(ConfigurationError, match=r"cli\.yml: host: .* in the clear"):
        machine.load().account("default")


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
    configuration = machine.load(CIRCLECI_TOKEN="t-default")
    assert configuration.account("default").token == "t-default"
    with pytest.raises(ConfigurationError) as caught:
        configuration.account("work")
    assert caught.value.message == (
        "The account 'work' says `keyring: true`, and the keyring package is not installed; "
        "run: pip install 'kosmo-circleci[keyring]'"
    )


def test_a_keyring_that_cannot_be_read_is_the_fault_of_that_account_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}, play: {token: t-play}")
    with_keyring(monkeypatch, {}, "No recommended backend was available")
    configuration = machine.load()
    assert configuration.account("play").token == "t-play"
    with pytest.raises(ConfigurationError, match="keyring cannot be read: No recommended backend"):
        configuration.account("work")


def test_a_keyring_without_the_entry_leaves_the_account_without_a_token(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}")
    with_keyring(monkeypatch, {})
    hint = "the keyring has no entry for it"
    assert machine.load().account("work") == Account("work", CLOUD, None, hint)


def test_a_keyring_is_asked_once_and_when_the_account_is_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}, play: {token: t-play}")
    reads = with_keyring(monkeypatch, {("kosmo-circleci", "work"): "t-work"})
    configuration = machine.load()
    assert (configuration.tokens(), reads) == (("t-play",), [])
    assert [configuration.account("work").token for _ in range(2)] == ["t-work", "t-work"]
    assert (configuration.tokens(), reads) == (("t-play", "t-work"), [("kosmo-circleci", "work")])


@pytest.mark.parametrize("token", ["two words", "t\u00f6ken"])
def test_a_token_of_the_keyring_that_no_header_can_hold_is_not_shown(
    token: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}")
    with_keyring(monkeypatch, {("kosmo-circleci", "work"): token})
    with pytest.raises(ConfigurationError) as caught:
        machine.load().account("work")
    assert caught.value.message == (
        "The keyring entry 'kosmo-circleci' of account 'work': the token contains a space, a "
        "control character or a character outside ASCII; copy it again"
    )


def test_a_configuration_reaches_another_process_as_it_is(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: true}, play: {token_env: NOT_SET}, bad: {url: ftp://x}")
    with_keyring(monkeypatch, {("kosmo-circleci", "work"): "t-work"})
    configuration = machine.load(CIRCLECI_TOKEN="t-default")
    plain = jsonvalue.decode(jsonvalue.encode(configuration.to_plain()))
    assert isinstance(plain, dict)
    assert Configuration.from_plain(plain).to_plain() == configuration.to_plain()
    assert Configuration.from_plain(plain).accounts == configuration.accounts
    assert Configuration.from_plain(plain).account("work").token == "t-work"


def newer_cli_file(machine: Machine, text: str) -> Path:
    path = machine.home / ".config" / "circleci" / "config.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_newer_file_of_the_official_cli_wins_over_the_older_one(machine: Machine) -> None:
    path = newer_cli_file(machine, "host: ci.example.com\ntoken: t-new\ndevice_id: x\n")
    machine.has_cli_file("host: https://old.example.com\ntoken: t-old\n")
    configuration = machine.load()
    assert configuration.account("default") == Account("default", "https://ci.example.com", "t-new")
    assert configuration.resolve("default").token_source == f"file {path}"


def test_the_keyring_entry_of_the_official_cli_is_found(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_cli_file(machine, "host: https://ci.example.com\n")
    machine.has_cli_file("token: t-old\n")
    user = pwd.getpwuid(os.getuid()).pw_name
    entry = ("com.circleci.cli:https://ci.example.com", user)
    encoded = base64.b64encode(b"t-new").decode()
    with_keyring(monkeypatch, {entry: f"go-keyring-base64:{encoded}"})
    configuration = machine.load()
    assert configuration.account("default").token == "t-new"
    assert configuration.resolve("default").token_source == f"keyring entry {entry[0]}"
    assert machine.load(CIRCLECI_TOKEN="t-env").account("default").token == "t-env"


@pytest.mark.parametrize(("older", "token"), [("token: t-old\n", "t-old"), ("", None)])
def test_a_broken_keyring_of_the_official_cli_is_not_our_fault(
    older: str, token: str | None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_cli_file(machine, "host: https://circleci.com\n")
    machine.has_cli_file(older)
    with_keyring(monkeypatch, {}, "locked")
    assert machine.load().account("default") == Account("default", CLOUD, token)


def test_the_keyring_entry_is_that_of_the_host_to_which_its_token_goes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_cli_file(machine, "host: https://circleci.com\n")
    user = pwd.getpwuid(os.getuid()).pw_name
    service = "com.circleci.cli:https://"
    entries = {(f"{service}circleci.com", user): "t-cloud", (f"{service}ci.example.com", user): "t"}
    with_keyring(monkeypatch, entries)
    elsewhere = "https://ci.example.com"
    assert machine.load().account("default") == Account("default", CLOUD, "t-cloud")
    ours = machine.load(CIRCLE_HOST=elsewhere).account("default")
    assert ours == Account("default", elsewhere, "t")
    nobody = machine.load(CIRCLE_HOST="https://third.example.com").account("default")
    assert nobody.token is None


@pytest.mark.parametrize("host", ["ci.example.com", "https://ci.example.com"])
def test_circle_host_is_where_the_default_account_is(host: str, machine: Machine) -> None:
    newer_cli_file(machine, "host: https://file.example.com\n")
    configuration = machine.load(CIRCLE_HOST=host, CIRCLECI_TOKEN_WORK="t")
    assert configuration.account("default").origin == "https://ci.example.com"
    assert configuration.accounts["default"].url_source == "environment CIRCLE_HOST"
    assert configuration.account("work").origin == CLOUD
    ours = machine.load(CIRCLE_HOST=host, CIRCLECI_BASE_URL="https://ours.example.com")
    assert ours.account("default").origin == "https://ours.example.com"


def test_a_variable_that_is_not_text_is_told_and_ignored(machine: Machine) -> None:
    configuration = machine.load(**{"CIRCLECI_TOKEN_\udcff": "t", "CIRCLECI_TOKEN": "t-default"})
    assert list(configuration.accounts) == ["default"]
    assert configuration.warnings == (
        r"CIRCLECI_TOKEN_\udcff is ignored: '\udcff' cannot name an account",
    )


def test_a_keyring_is_asked_only_where_the_file_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_file("work: {keyring: false}")
    with_keyring(monkeypatch, {}, "nobody may ask")
    assert machine.load().account("work").token is None


def resolved(configuration: Configuration) -> dict[str, Account]:
    return {name: configuration.account(name) for name in configuration.accounts}


def with_keyring(
    monkeypatch: pytest.MonkeyPatch, entries: dict[tuple[str, str], str], broken: str = ""
) -> list[tuple[str, str]]:
    """Put a keyring in place of the machine's, and return the list of what it is asked for."""
    reads: list[tuple[str, str]] = []

    class BackendError(Exception):
        """Each backend has exceptions of its own."""

    def get_password(service: str, account: str) -> str | None:
        reads.append((service, account))
        if broken:
            raise BackendError(broken)
        return entries.get((service, account))

    module = types.ModuleType("keyring")
    module.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    return reads
