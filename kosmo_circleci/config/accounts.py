"""Environment, configuration file, keyring, official CLI -> accounts, field by field.

First hit wins, for each account and each field (token, base URL) on its own.
"""

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from kosmo_circleci.config import file, official_cli
from kosmo_circleci.config.configuration import Configuration, ConfiguredAccount
from kosmo_circleci.config.file import UNUSABLE_TOKEN, FileAccount, FileConfiguration
from kosmo_circleci.config.keyring_store import KEYRING_SERVICE, Entry
from kosmo_circleci.config.urls import origin
from kosmo_circleci.files.folders import home_folder, user_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.script.names import is_lua_name
from kosmo_circleci.wording import printable

__all__ = ["Configuration", "home_folder", "load_configuration"]

DEFAULT: Final = "default"

DEFAULT_TOKEN_VARIABLES: Final = ("CIRCLECI_TOKEN", "CIRCLE_TOKEN", "CIRCLECI_CLI_TOKEN")
DEFAULT_URL_VARIABLES: Final = ("CIRCLECI_BASE_URL", "CIRCLE_HOST")
_TOKEN_PREFIX: Final = "CIRCLECI_TOKEN_"
_URL_PREFIX: Final = "CIRCLECI_BASE_URL_"


def load_configuration(
    environ: Mapping[str, str],
    home: Path,
    *,
    reserved_names: Collection[str],
    explicit: Path | Mapping[str, JsonValue] | Configuration | None = None,
) -> Configuration:
    """Return accounts and policy from every source, in the order of the documentation.

    `explicit` is a file used in place of `$KOSMO_CONFIG`, or a mapping of the file's structure that
    replaces every other source (the environment is then read through `token_env` only), or a
    configuration, which is returned as it is. `reserved_names` are the names no account may have.
    Raises `ConfigurationError` for a file that cannot be read or understood; what is wrong with a
    single account is raised when it is used.
    """
    if isinstance(explicit, Configuration):
        return explicit
    if isinstance(explicit, Mapping):
        content = file.from_mapping(explicit, reserved_names=reserved_names)
        return _Collector({}, environ, content, None, reserved_names).collect(None)
    path = _config_path(environ, home, explicit)
    content = FileConfiguration()
    if path is not None:
        content = file.read(path, reserved_names=reserved_names)
    return _Collector(environ, environ, content, path, reserved_names).collect(home)


class _Fault(Exception):
    """What keeps one account from being used."""


class _Collector:
    def __init__(
        self,
        environ: Mapping[str, str],
        token_environ: Mapping[str, str],
        content: FileConfiguration,
        path: Path | None,
        reserved_names: Collection[str],
    ) -> None:
        self._environ = environ
        self._token_environ = token_environ
        self._file = content
        self._path = path
        self._reserved = reserved_names
        self._warnings: list[str] = []

    def collect(self, home: Path | None) -> Configuration:
        """Return the configuration; `home` is where the official CLI's files are looked for."""
        names = [DEFAULT, *(name for name in self._file.accounts if name != DEFAULT)]
        names += [name for name in self._environment_names() if name not in names]
        accounts = {name: self._account(name) for name in names}
        if home is not None:
            accounts[DEFAULT] = self._completed(accounts[DEFAULT], home)
        if self._path is not None and _others_can_read(self._path, self._file):
            self._warnings.append(
                f"{self._path} holds a token and others can read it; run: chmod 600 {self._path}"
            )
        return Configuration(accounts, self._file.policy, tuple(self._warnings), self._path)

    def _environment_names(self) -> list[str]:
        in_file = {name.upper() for name in self._file.accounts}
        names: list[str] = []
        for variable, value in sorted(self._environ.items()):
            suffix = _suffix(variable)
            if not suffix or not value or suffix in in_file:
                continue
            name = suffix.lower()
            if not is_lua_name(name) or name in self._reserved:
                shown = printable(name)
                self._warnings.append(
                    f"{printable(variable)} is ignored: '{shown}' cannot name an account"
                )
            elif name not in names:
                names.append(name)
        return names

    def _account(self, name: str) -> ConfiguredAccount:
        settings = self._file.accounts.get(name, FileAccount())
        account = ConfiguredAccount(name, fault=settings.fault)
        try:
            return self._with_token(self._with_origin(account, settings), settings)
        except _Fault as fault:
            return account._replace(fault=str(fault))

    def _with_origin(self, account: ConfiguredAccount, settings: FileAccount) -> ConfiguredAccount:
        own = (_URL_PREFIX + account.name.upper(),)
        for variable in (*DEFAULT_URL_VARIABLES, *own) if account.name == DEFAULT else own:
            url = self._environ.get(variable, "").strip()
            if url:
                url = official_cli.url_of(url) if variable == "CIRCLE_HOST" else url
                source = f"environment {variable}"
                return account._replace(origin=_origin(url, variable), url_source=source)
        if settings.origin is not None:
            return account._replace(origin=settings.origin, url_source=self._file_source())
        return account

    def _with_token(self, account: ConfiguredAccount, settings: FileAccount) -> ConfiguredAccount:
        own = (_TOKEN_PREFIX + account.name.upper(),)
        for variable in (*DEFAULT_TOKEN_VARIABLES, *own) if account.name == DEFAULT else own:
            token = _checked(self._environ.get(variable), variable)
            if token:
                return account._replace(token=token, token_source=f"environment {variable}")
        if settings.token_env:
            named = printable(settings.token_env)
            token = _checked(self._token_environ.get(settings.token_env), named)
            if token:
                source = f"environment {named} (token_env)"
                return account._replace(token=token, token_source=source)
            account = account._replace(missing=(f"{named} (token_env)",))
        if settings.token or settings.keyring:
            account = account._replace(
                token_expires=settings.token_expires, token_scope=settings.token_scope
            )
        if settings.token:
            return account._replace(token=settings.token, token_source=self._file_source())
        if settings.keyring:
            return account._replace(entries=(Entry(KEYRING_SERVICE, account.name),))
        return account

    def _file_source(self) -> str:
        return f"file {self._path or 'config'}"

    def _completed(self, account: ConfiguredAccount, home: Path) -> ConfiguredAccount:
        """Return the default account with what it lacks and the official CLI has."""
        needs_token, needs_url = account.token is None, account.url_source == "default"
        if account.fault is not None or not (needs_token or needs_url):
            return account
        cli = official_cli.read(self._environ, home)
        self._warnings += cli.warnings
        try:
            for each in cli.files:
                source = f"file {each.path}"
                if needs_url and account.url_source == "default" and each.host:
                    base = _origin(official_cli.url_of(each.host), f"{each.path}: host")
                    account = account._replace(origin=base, url_source=source)
                token = _checked(each.token, str(each.path)) if account.token is None else None
                if token:
                    account = account._replace(token=token, token_source=source)
        except _Fault as fault:
            return account._replace(fault=str(fault))
        if needs_token and cli.entry is not None:
            return account._replace(entries=(*account.entries, cli.entry))
        return account


def _origin(url: str, source: str) -> str:
    try:
        return origin(url)
    except ValueError as error:
        raise _Fault(f"{source}: {error}") from None


def _checked(token: str | None, source: str) -> str | None:
    if token is None or not token.strip():
        return None
    if not file.usable_token(token):
        raise _Fault(f"{source}: {UNUSABLE_TOKEN}")
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
    return path if environ.get("KOSMO_CONFIG") or os.path.exists(path) else None


def configuration_file(environ: Mapping[str, str], home: Path) -> Path:
    """Return where the configuration file is, or would be: it need not exist."""
    if environ.get("KOSMO_CONFIG"):
        return Path(environ["KOSMO_CONFIG"])
    return user_folder(environ, home) / "config.yaml"


def _others_can_read(path: Path, content: FileConfiguration) -> bool:
    if not any(account.token for account in content.accounts.values()):
        return False
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
