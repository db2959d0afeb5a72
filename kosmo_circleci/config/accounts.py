"""Environment, configuration file, keyring, official CLI file -> accounts, field by field.

First hit wins, for each account and each field (token, base URL) on its own.
"""

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from kosmo_circleci.call.model import Account
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config import file
from kosmo_circleci.config.file import FileAccount, FileConfiguration
from kosmo_circleci.config.urls import DEFAULT_ORIGIN, origin
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue

DEFAULT: Final = "default"
KEYRING_SERVICE: Final = "kosmo-circleci"

DEFAULT_TOKEN_VARIABLES: Final = ("CIRCLECI_TOKEN", "CIRCLE_TOKEN", "CIRCLECI_CLI_TOKEN")
_TOKEN_PREFIX: Final = "CIRCLECI_TOKEN_"
_URL_PREFIX: Final = "CIRCLECI_BASE_URL_"


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the home folder of whoever `environ` belongs to."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


class Configuration(NamedTuple):
    """Every account by name (always with `default`), the policy, and what deserves a warning.

    `sources` says where each field came from: `("default", "token")` -> `environment
    CIRCLECI_TOKEN`.
    """

    accounts: Mapping[str, Account]
    policy: Policy = Policy()
    warnings: tuple[str, ...] = ()
    config_path: Path | None = None
    sources: Mapping[tuple[str, str], str] = MappingProxyType({})


def load_configuration(
    environ: Mapping[str, str],
    home: Path,
    *,
    reserved_names: Collection[str],
    explicit: Path | Mapping[str, JsonValue] | None = None,
) -> Configuration:
    """Return accounts and policy from every source, in the order of the documentation.

    `explicit` is a file used in place of `$KOSMO_CONFIG`, or a mapping of the file's structure that
    replaces every other source (the environment is then read through `token_env` only).
    `reserved_names` are the names no account may have. Raises `ConfigurationError`.
    """
    if isinstance(explicit, Mapping):
        said = file.from_mapping(explicit, reserved_names=reserved_names)
        return _Collector({}, environ, said, None, home, reserved_names).collect(cli_file=False)
    path = _config_path(environ, home, explicit)
    said = FileConfiguration()
    if path is not None:
        said = file.read(path, reserved_names=reserved_names)
    return _Collector(environ, environ, said, path, home, reserved_names).collect(cli_file=True)


class _Collector:
    def __init__(
        self,
        environ: Mapping[str, str],
        token_environ: Mapping[str, str],
        said: FileConfiguration,
        path: Path | None,
        home: Path,
        reserved_names: Collection[str],
    ) -> None:
        self._environ = environ
        self._token_environ = token_environ
        self._file = said
        self._path = path
        self._home = home
        self._reserved = reserved_names
        self._warnings: list[str] = []
        self._sources: dict[tuple[str, str], str] = {}

    def collect(self, *, cli_file: bool) -> Configuration:
        names = [DEFAULT, *(name for name in self._file.accounts if name != DEFAULT)]
        names += [name for name in self._environment_names() if name not in names]
        accounts = {name: self._account(name) for name in names}
        if cli_file and not self._knows_everything_of_default():
            accounts[DEFAULT] = self._from_cli_file(accounts[DEFAULT])
        if self._path is not None and _others_can_read(self._path, self._file):
            self._warnings.append(
                f"{self._path} holds a token and others can read it; run: chmod 600 {self._path}"
            )
        return Configuration(
            accounts, self._file.policy, tuple(self._warnings), self._path, self._sources
        )

    def _environment_names(self) -> list[str]:
        known = {name.upper() for name in self._file.accounts}
        names: list[str] = []
        for variable, value in sorted(self._environ.items()):
            suffix = _suffix(variable)
            if not suffix or not value or suffix in known:
                continue
            name = suffix.lower()
            if not file.is_account_name(name) or name in self._reserved:
                self._warnings.append(f"{variable} is ignored: '{name}' cannot name an account")
            elif name not in names:
                names.append(name)
        return names

    def _account(self, name: str) -> Account:
        said = self._file.accounts.get(name, FileAccount())
        token = self._token(name, said)
        base = self._environment_origin(name)
        if base is None and said.origin is not None:
            base = said.origin
            self._sources[name, "url"] = f"file {self._path or 'config'}"
        return Account(name, base or DEFAULT_ORIGIN, token)

    def _token(self, name: str, said: FileAccount) -> str | None:
        own = (_TOKEN_PREFIX + name.upper(),)
        for variable in (*DEFAULT_TOKEN_VARIABLES, *own) if name == DEFAULT else own:
            token = self._checked(self._environ.get(variable), variable)
            if token:
                self._sources[name, "token"] = f"environment {variable}"
                return token
        if said.token_env:
            token = self._checked(self._token_environ.get(said.token_env), said.token_env)
            if token:
                self._sources[name, "token"] = f"environment {said.token_env} (token_env)"
                return token
        if said.token:
            self._sources[name, "token"] = f"file {self._path or 'config'}"
            return said.token
        if said.keyring:
            token = self._checked(_from_keyring(name), f"the keyring entry {name}")
            if token:
                self._sources[name, "token"] = "keyring"
                return token
        return None

    def _environment_origin(self, name: str) -> str | None:
        own = (_URL_PREFIX + name.upper(),)
        for variable in ("CIRCLECI_BASE_URL", *own) if name == DEFAULT else own:
            url = self._environ.get(variable, "").strip()
            if url:
                try:
                    base = origin(url)
                except ValueError as error:
                    raise ConfigurationError(f"{variable}: {error}") from None
                self._sources[name, "url"] = f"environment {variable}"
                return base
        return None

    def _knows_everything_of_default(self) -> bool:
        return {(DEFAULT, "token"), (DEFAULT, "url")} <= self._sources.keys()

    def _from_cli_file(self, account: Account) -> Account:
        """Return the default account with what it lacks and the official CLI's file has."""
        path = self._home / ".circleci" / "cli.yml"
        said = self._cli_file(path)
        token, base = account.token, account.origin
        if token is None and isinstance(said.get("token"), str):
            token = self._checked(said["token"], str(path))
            if token:
                self._sources[DEFAULT, "token"] = f"file {path}"
        host = said.get("host")
        if (DEFAULT, "url") not in self._sources and isinstance(host, str) and host.strip():
            try:
                base = origin(host)
            except ValueError as error:
                raise ConfigurationError(f"{path}: host: {error}") from None
            self._sources[DEFAULT, "url"] = f"file {path}"
        return Account(DEFAULT, base, token)

    def _cli_file(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        try:
            said = file.loaded(path)
        except ConfigurationError as error:
            self._warnings.append(f"{error.message}; the file is ignored")
            return {}
        return said if isinstance(said, dict) else {}

    def _checked(self, token: str | None, source: str) -> str | None:
        if token is None or not token.strip():
            return None
        if not file.usable_token(token):
            raise ConfigurationError(
                f"{source}: the token holds a blank, a control character or a non-ASCII one; "
                "copy it again"
            )
        return token.strip()


def _suffix(variable: str) -> str:
    for prefix in (_TOKEN_PREFIX, _URL_PREFIX):
        if variable.startswith(prefix):
            return variable.removeprefix(prefix)
    return ""


def _config_path(environ: Mapping[str, str], home: Path, explicit: Path | None) -> Path | None:
    if explicit is not None:
        return explicit
    path = configuration_file(environ, home)
    return path if environ.get("KOSMO_CONFIG") or path.exists() else None


def configuration_file(environ: Mapping[str, str], home: Path) -> Path:
    """Return where the configuration file is, or would be: it need not exist."""
    if environ.get("KOSMO_CONFIG"):
        return Path(environ["KOSMO_CONFIG"])
    if environ.get("XDG_CONFIG_HOME"):
        folder = Path(environ["XDG_CONFIG_HOME"])
    elif os.name == "nt" and environ.get("APPDATA"):
        folder = Path(environ["APPDATA"])
    else:
        folder = home / ".config"
    return folder / "kosmo" / "config.yaml"


def _others_can_read(path: Path, said: FileConfiguration) -> bool:
    if os.name != "posix" or not any(account.token for account in said.accounts.values()):
        return False
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _from_keyring(account: str) -> str | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise ConfigurationError(
            f"The account '{account}' says `keyring: true`, and the keyring package is not "
            "installed; run: pip install 'kosmo-circleci[keyring]'"
        ) from None
    try:
        token: str | None = keyring.get_password(KEYRING_SERVICE, account)
    except keyring.errors.KeyringError as error:
        raise ConfigurationError(
            f"The account '{account}' says `keyring: true`, and the keyring cannot be read: {error}"
        ) from None
    return token
