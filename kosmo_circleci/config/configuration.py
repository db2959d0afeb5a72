"""Accounts, policy and warnings, as they were read; a token in the keyring is read when it is used.

One account's fault (a keyring that is locked, a URL that is none) is that account's alone: it is
raised by `Configuration.account`, when a call goes through the account, and shown by `status`.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from kosmo_circleci.call.model import Account
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.config import keyring_store
from kosmo_circleci.config.file import UNUSABLE_TOKEN, usable_token
from kosmo_circleci.config.keyring_store import Entry
from kosmo_circleci.config.urls import DEFAULT_ORIGIN
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue

DEFAULT_POLICY: Final = Policy()

READ_SCOPE: Final = "read"
"""The scope of a token that can only read, as OAuth 2 writes it (RFC 6749, section 3.3)."""


class ConfiguredAccount(NamedTuple):
    """What the sources say of one account, the keyring apart.

    `entries` are the keyring entries to read, in this order, before `token` counts. `missing` names
    the variables that should hold a token and are not set. Of a token from `kosmo login`,
    `token_expires` is when it ends (RFC 3339, UTC), `token_scope` what it may do. An account with a
    `fault` cannot be used; the fault says why, and what to do.
    """

    name: str
    origin: str = DEFAULT_ORIGIN
    token: str | None = None
    token_source: str | None = None
    url_source: str = "default"
    entries: tuple[Entry, ...] = ()
    missing: tuple[str, ...] = ()
    token_expires: str | None = None
    token_scope: str | None = None
    fault: str | None = None


class ResolvedAccount(NamedTuple):
    """An account that can be used; where its token came from, when it ends, and what it may do.

    The last two are those of `ConfiguredAccount`, None where they are not known.
    """

    account: Account
    token_source: str | None = None
    token_expires: str | None = None
    token_scope: str | None = None


class Configuration:
    """Every account by name (always with `default`), the policy, and what deserves a warning."""

    def __init__(
        self,
        accounts: Mapping[str, ConfiguredAccount],
        policy: Policy = DEFAULT_POLICY,
        warnings: tuple[str, ...] = (),
        config_path: Path | None = None,
    ) -> None:
        self.accounts = accounts
        self.policy = policy
        self.warnings = warnings
        self.config_path = config_path
        self._resolved: dict[str, ResolvedAccount] = {}
        self._lock = threading.Lock()

    def with_policy(self, policy: Policy) -> "Configuration":
        """Return the same accounts under another policy."""
        return Configuration(self.accounts, policy, self.warnings, self.config_path)

    def account(self, name: str) -> Account:
        """Return the account of that name, which must be one of `accounts`, ready to be used.

        The keyring is read the first time. Raises `ConfigurationError` for the account's fault.
        """
        return self.resolve(name).account

    def resolve(self, name: str) -> ResolvedAccount:
        """Return the account with the source of its token. Raises `ConfigurationError`."""
        with self._lock:
            if name not in self._resolved:
                self._resolved[name] = _resolve(self.accounts[name])
            return self._resolved[name]

    def tokens(self) -> tuple[str, ...]:
        """Return every token there is to hide, without reading the keyring for more."""
        tokens = [each.token for each in self.accounts.values()]
        tokens += [each.account.token for each in list(self._resolved.values())]
        return tuple(dict.fromkeys(token for token in tokens if token))

    def to_plain(self) -> dict[str, JsonValue]:
        """Return all of it as plain JSON, tokens included, for another process of this program.

        Warnings stay behind: they are for the process that read the files.
        """
        accounts: dict[str, JsonValue] = {}
        for name, each in self.accounts.items():
            entries: list[JsonValue] = [list(entry) for entry in each.entries]
            plain = each._replace(entries=(), missing=())._asdict()
            accounts[name] = plain | {"entries": entries, "missing": list(each.missing)}
        return {
            "accounts": accounts,
            "policy": list(self.policy),
            "config_path": None if self.config_path is None else str(self.config_path),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Configuration":
        """Return the configuration `to_plain` was called on, without its warnings."""
        path = plain["config_path"]
        return cls(
            {name: _from_plain(each) for name, each in plain["accounts"].items()},
            Policy(*plain["policy"]),
            config_path=None if path is None else Path(path),
        )


def _from_plain(plain: Mapping[str, Any]) -> ConfiguredAccount:
    entries = tuple(Entry(*entry) for entry in plain["entries"])
    fields = {**plain, "entries": entries, "missing": tuple(plain["missing"])}
    return ConfiguredAccount(**fields)


def _resolve(settings: ConfiguredAccount) -> ResolvedAccount:
    if settings.fault is not None:
        raise ConfigurationError(settings.fault)
    name, origin = settings.name, settings.origin
    for entry in settings.entries:
        token = (keyring_store.read(entry) or "").strip()
        if token and not usable_token(token):
            raise ConfigurationError(
                f"The keyring entry '{entry.service}' of account '{name}': {UNUSABLE_TOKEN}"
            )
        if token:
            account = Account(name, origin, token)
            if entry.required:
                expires, scope = settings.token_expires, settings.token_scope
                return ResolvedAccount(account, "keyring", expires, scope)
            return ResolvedAccount(account, f"keyring entry {entry.service}")
    hint = None if settings.token else _hint(settings)
    account = Account(name, origin, settings.token, hint)
    if settings.entries:  # what is known is known of the token the keyring should have
        return ResolvedAccount(account, settings.token_source)
    expires, scope = settings.token_expires, settings.token_scope
    return ResolvedAccount(account, settings.token_source, expires, scope)


def _hint(settings: ConfiguredAccount) -> str | None:
    hints = [f"{each} is not set" for each in settings.missing]
    hints += ["the keyring has no entry for it" for entry in settings.entries if entry.required]
    return ", ".join(hints) or None
