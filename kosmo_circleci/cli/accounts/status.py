"""integrations:status — what is configured, and where each piece comes from. No network."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

import click

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import reserved_names
from kosmo_circleci.cli.output import emit, json_option, warn
from kosmo_circleci.config.accounts import configuration_file, load_configuration
from kosmo_circleci.config.configuration import READ_SCOPE, Configuration
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.folders import home_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable


class Row(NamedTuple):
    """One account: where its token comes from, and what keeps it from having or using one."""

    name: str
    token_source: str | None
    url: str
    url_source: str
    hint: str | None = None
    token_expires: str | None = None
    token_scope: str | None = None
    fault: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return `{name, token, token_source, url, url_source}`.

        Where there are any, also `hint`, `token_expires`, `token_scope` and `error`.
        """
        value: dict[str, JsonValue] = {
            "name": self.name,
            "token": self.token_source is not None,
            "token_source": self.token_source,
            "url": self.url,
            "url_source": self.url_source,
        }
        if self.hint is not None:
            value["hint"] = self.hint
        if self.token_expires is not None:
            value["token_expires"] = self.token_expires
        if self.token_scope is not None:
            value["token_scope"] = self.token_scope
        if self.fault is not None:
            value["error"] = self.fault
        return value


@click.command("integrations:status")
@json_option
def status(as_json: bool) -> None:
    """Show the accounts, where their token and URL come from, and the policy.

    Nothing is sent, and no token is shown; 'kosmo integrations:doctor' tries a token out.

    \b
    Examples:
      kosmo integrations:status
      kosmo integrations:status --json | jq -r '.accounts[] | select(.token | not) | .name'
    """
    path = configuration_file(os.environ, home())
    configuration = read_configuration()
    for warning in () if as_json else configuration.warnings:
        warn(warning)
    rows = [_row(configuration, name) for name in configuration.accounts]
    emit(_text(configuration, rows, path), _json(configuration, rows, path), as_json)


def read_configuration() -> Configuration:
    """Return the configuration as every command reads it. Raises `ConfigurationError`."""
    return load_configuration(os.environ, home(), reserved_names=reserved_names(load_catalog()))


def home() -> Path:
    """Return the user's home folder."""
    return home_folder(os.environ)


def mode_of(path: Path) -> str | None:
    """Return the permission bits of a file as `0600`, or None where there is none."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except OSError:
        return None


def _row(configuration: Configuration, name: str) -> Row:
    settings = configuration.accounts[name]
    try:
        resolved = configuration.resolve(name)
    except ConfigurationError as error:
        return Row(name, None, settings.origin, settings.url_source, fault=error.message)
    return Row(
        name,
        resolved.token_source,
        settings.origin,
        settings.url_source,
        resolved.account.hint,
        resolved.token_expires,
        resolved.token_scope,
    )


def _text(configuration: Configuration, rows: list[Row], path: Path) -> str:
    mode = mode_of(path)
    table = [("Account", "Token", "URL")]
    table += [(row.name, _token(row), f"{row.url} ({row.url_source})") for row in rows]
    widths = [max(len(cells[column]) for cells in table) for column in (0, 1)]
    policy = configuration.policy
    lines = [
        f"Configuration file: {path} ({f'mode {mode}' if mode else 'does not exist'})",
        f"Policy: read {policy.read}, write {policy.write}",
        "",
        *(f"{cells[0]:{widths[0]}}  {cells[1]:{widths[1]}}  {cells[2]}" for cells in table),
    ]
    faults = [f"{row.name}: {row.fault}" for row in rows if row.fault is not None]
    if faults:
        lines += ["", *faults]
    if any(row.token_source is None and row.fault is None for row in rows):
        lines += [
            "",
            "Add a token: kosmo login, or kosmo integrations:configure circleci (--account NAME)",
        ]
    return "\n".join(lines)


def _token(row: Row) -> str:
    if row.fault is not None:
        return "unusable, see below"
    if row.token_source is None:
        return f"none: {row.hint}" if row.hint else "none"
    return row.token_source + limits_of(row.token_scope, row.token_expires)


def limits_of(scope: str | None, expires: str | None) -> str:
    """Return what is known of a token: `, can only read, until 2026-01-31`; "" for nothing."""
    allows = (
        "can only read" if scope == READ_SCOPE else f"scope {printable(scope)}" if scope else ""
    )
    until = f"until {expires[:10]}" if expires else ""
    return "".join(f", {each}" for each in (allows, until) if each)


def _json(configuration: Configuration, rows: list[Row], path: Path) -> JsonValue:
    mode, policy = mode_of(path), configuration.policy
    return {
        "success": True,
        "config_file": {"path": str(path), "exists": mode is not None, "mode": mode},
        "permissions": {"read": policy.read, "write": policy.write},
        "accounts": [row.to_json() for row in rows],
        "warnings": list(configuration.warnings),
    }
