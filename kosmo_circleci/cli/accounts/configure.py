"""integrations:configure — writes what integrations:fields lists."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import reserved_names
from kosmo_circleci.cli.accounts.fields import FIELDS, check_integration
from kosmo_circleci.cli.accounts.status import home
from kosmo_circleci.cli.offers import account_names, integration_names, policies
from kosmo_circleci.cli.output import emit, json_option, warn
from kosmo_circleci.config import file, keyring_store
from kosmo_circleci.config.accounts import (
    DEFAULT,
    DEFAULT_TOKEN_VARIABLES,
    configuration_file,
)
from kosmo_circleci.config.edit import KeyPath, Setting
from kosmo_circleci.config.policy import RULES, parse_rule
from kosmo_circleci.config.urls import origin
from kosmo_circleci.config.write import update
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.script.names import is_lua_name
from kosmo_circleci.wording import nearest


@dataclass(frozen=True, slots=True)
class Settings:
    """What is to be written for an account; None leaves a field as it is."""

    token: str | None = None
    token_env: str | None = None
    url: str | None = None
    read: str | None = None
    write: str | None = None
    keyring: bool | None = None


@click.command("integrations:configure")
@click.argument("integration", shell_complete=integration_names)
@click.option(
    "--account",
    default=DEFAULT,
    metavar="NAME",
    shell_complete=account_names,
    help="Account to configure.",
)
@click.option("--stdin-json", is_flag=True, help="Read fields as a JSON object from stdin.")
@click.option("--url", metavar="URL", help="Base URL of the account.")
@click.option("--read", metavar="POLICY", shell_complete=policies, help="Reads: allow, ask, deny.")
@click.option(
    "--write", metavar="POLICY", shell_complete=policies, help="Writes: allow, ask, deny."
)
@click.option("--keyring", is_flag=True, help="Keep the token in the system's keyring.")
@json_option
def configure(
    integration: str,
    account: str,
    stdin_json: bool,
    url: str | None,
    read: str | None,
    write: str | None,
    keyring: bool,
    as_json: bool,
) -> None:
    """Write the token, the URL or the policy of INTEGRATION to the configuration file.

    On a terminal it prompts for the token without showing it. The token is never on the command
    line and never printed. The file gets mode 0600; its comments and its order stay.

    \b
    Examples:
      kosmo integrations:configure circleci
      kosmo integrations:configure circleci --account work --url https://ci.example.com
      printf '{"token": "%s"}' "$TOKEN" | kosmo integrations:configure circleci --stdin-json
      kosmo integrations:configure circleci --read allow --write allow
      kosmo integrations:configure circleci --keyring     # pip install 'kosmo-circleci[keyring]'
    """
    check_integration(integration)
    check_account(account)
    options = {"url": url, "read": read, "write": write, "keyring": keyring or None}
    fields: dict[str, JsonValue] = {k: v for k, v in options.items() if v is not None}
    settings = _settings((_from_stdin() if stdin_json else {}) | fields)
    if not stdin_json and settings.token is None and _asks_for_token(fields):
        settings = _settings(fields | {"token": _prompt(account, optional=url is not None)})
    path = configuration_file(os.environ, home())
    if path.exists():
        # A broken file is not made worse.
        file.read(path, reserved_names=reserved_names(load_catalog()))
    changes = _changes(account, settings)
    if not changes:
        raise UsageError("Nothing to write. Give a token, --url, --read or --write.")
    if settings.keyring and settings.token:
        keyring_store.store(account, settings.token)
    update(path, changes)
    written = [
        name for name in ("token", "token_env", "url", "read", "write") if _set(settings, name)
    ]
    if settings.keyring is not None:
        written.append("keyring")
    value: JsonValue = {
        "success": True,
        "path": str(path),
        "account": account,
        "written": list(written),
        "token_stored_in": _place(settings),
    }
    option = "" if account == DEFAULT else f" --account {account}"
    text = (
        f"{path}: wrote {', '.join(written)} (account {account}).\n"
        f"Try it: kosmo integrations:doctor{option}"
    )
    emit(text, value, as_json)
    if settings.token is not None:
        warn_of_environment(account)


def check_account(name: str) -> None:
    """Raise `UsageError` for what cannot name an account."""
    if not is_lua_name(name):
        raise UsageError(
            f"'{name}' cannot name an account; use letters, digits and _, as in a Lua name."
        )
    if name in reserved_names(load_catalog()):
        raise UsageError(f"'{name}' cannot name an account: a function has that name.")


def _from_stdin() -> dict[str, JsonValue]:
    try:
        value = jsonvalue.decode(sys.stdin.buffer.read())
    except JsonError:
        # The error's own text stays away: it could quote what should have been a secret.
        value = None
    if not isinstance(value, dict):
        raise UsageError('--stdin-json needs a JSON object on standard input: {"token": "…"}')
    return value


def _settings(fields: Mapping[str, JsonValue]) -> Settings:
    names = [each.name for each in FIELDS]
    for name in fields:
        if name not in names:
            near = nearest(name, names)
            hint = f"Did you mean '{near}'?" if near else f"The fields are {', '.join(names)}."
            raise UsageError(f"Unknown field '{name}'. {hint}")
    texts = {name: _text(name, fields.get(name)) for name in names if name != "keyring"}
    keyring = fields.get("keyring")
    if keyring is not None and not isinstance(keyring, bool):
        raise UsageError("'keyring' must be true or false.")
    return Settings(
        _token(texts["token"]),
        texts["token_env"],
        _url(texts["url"]),
        _rule("read", texts["read"]),
        _rule("write", texts["write"]),
        keyring,
    )


def _text(name: str, value: JsonValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"'{name}' must be a string.")


def _token(token: str | None) -> str | None:
    if token is None:
        return None
    if not token.strip():
        raise UsageError("The token is empty. Copy it from CircleCI's user settings.")
    if not file.usable_token(token):
        raise UsageError(f"{file.UNUSABLE_TOKEN[0].upper()}{file.UNUSABLE_TOKEN[1:]}.")
    return token.strip()


def _url(url: str | None) -> str | None:
    try:
        return origin(url) if url is not None else None
    except ValueError as error:
        raise UsageError(f"url: {error}.") from None


def _rule(kind: str, rule: str | None) -> str | None:
    if rule is not None and parse_rule(rule) is None:
        raise UsageError(f"'{kind}' must be one of {', '.join(RULES)}, not '{rule}'.")
    return rule


def _asks_for_token(fields: Mapping[str, JsonValue]) -> bool:
    """Say whether to prompt for the token; raises `UsageError` where only that would help."""
    on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not set(fields) & {"url", "read", "write"} and not on_terminal:
        raise UsageError(
            "There is no terminal to ask for the token. "
            'Pipe it: printf \'{"token": "%s"}\' "$TOKEN" | '
            "kosmo integrations:configure circleci --stdin-json"
        )
    return on_terminal and not set(fields) & {"read", "write"}


def _prompt(account: str, *, optional: bool) -> str | None:
    more = ", empty to keep it" if optional else ""
    answer: str = click.prompt(
        f"CircleCI token of account '{account}' (not shown{more})",
        hide_input=True,
        default="",
        show_default=False,
        err=True,
    )
    return None if optional and not answer.strip() else answer


def _changes(account: str, settings: Settings) -> dict[KeyPath, Setting]:
    at: KeyPath = ("integrations", "circleci")
    own: KeyPath = (*at, "accounts", account)
    changes: dict[KeyPath, Setting] = {}
    if settings.token is not None and settings.keyring:
        # token_env and token would win over the keyring.
        changes |= {(*own, "token"): None, (*own, "token_env"): None}
    elif settings.token is not None:
        changes |= {(*own, "token"): settings.token, (*own, "token_env"): None}
    if settings.token is not None:
        # What was known was known of the token before.
        changes |= {(*own, "token_expires"): None, (*own, "token_scope"): None}
    if settings.token_env is not None:
        changes[(*own, "token_env")] = settings.token_env
    if settings.keyring is not None:
        changes[(*own, "keyring")] = settings.keyring
    if settings.url is not None:
        changes[(*own, "url")] = settings.url
    for kind, rule in (("read", settings.read), ("write", settings.write)):
        if rule is not None:
            changes[(*at, "permissions", kind)] = rule
    return changes


def _set(settings: Settings, name: str) -> bool:
    values = {
        "token": settings.token,
        "token_env": settings.token_env,
        "url": settings.url,
        "read": settings.read,
        "write": settings.write,
    }
    return values[name] is not None


def _place(settings: Settings) -> str | None:
    if settings.token is None:
        return None
    return "keyring" if settings.keyring else "file"


def warn_of_environment(account: str) -> None:
    """Name the variables that win over a token that was stored."""
    for name in token_variables(account):
        warn(f"{name} is set and takes precedence over what was written")


def token_variables(account: str) -> list[str]:
    """Return the variables of the environment that hold a token for an account."""
    names = [f"CIRCLECI_TOKEN_{account.upper()}"]
    if account == DEFAULT:
        names = [*DEFAULT_TOKEN_VARIABLES, *names]
    return [name for name in names if os.environ.get(name)]
