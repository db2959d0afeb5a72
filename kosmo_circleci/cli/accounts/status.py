"""integrations:status — what is configured, and where each piece comes from. No network."""

import os
import stat
from pathlib import Path

import click

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.output import emit, json_option, warn
from kosmo_circleci.config.accounts import (
    Configuration,
    configuration_file,
    home_folder,
    load_configuration,
)
from kosmo_circleci.jsonvalue import JsonValue


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
    known = read_configuration()
    for warning in () if as_json else known.warnings:
        warn(warning)
    emit(_text(known, path), _json(known, path), as_json)


def read_configuration() -> Configuration:
    """Return the configuration as every command reads it. Raises `ConfigurationError`."""
    return load_configuration(os.environ, home(), reserved_names=load_catalog().names)


def home() -> Path:
    """Return the user's home folder."""
    return home_folder(os.environ)


def mode_of(path: Path) -> str | None:
    """Return the permission bits of a file as `0600`, or None where there is none."""
    if os.name != "posix" or not path.exists():
        return None
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def _text(known: Configuration, path: Path) -> str:
    mode = mode_of(path)
    about = f"mode {mode}" if mode else "exists" if path.exists() else "does not exist"
    rows = [("Account", "Token", "URL")]
    for name, account in known.accounts.items():
        rows.append(
            (
                name,
                known.sources.get((name, "token"), "none"),
                f"{account.origin} ({known.sources.get((name, 'url'), 'default')})",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [
        f"Configuration file: {path} ({about})",
        f"Policy: read {known.policy.read}, write {known.policy.write}",
        "",
        *(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows),
    ]
    if any(account.token is None for account in known.accounts.values()):
        lines += ["", "Add a token: kosmo integrations:configure circleci --account NAME"]
    return "\n".join(lines)


def _json(known: Configuration, path: Path) -> JsonValue:
    accounts: list[JsonValue] = [
        {
            "name": name,
            "token": account.token is not None,
            "token_source": known.sources.get((name, "token")),
            "url": account.origin,
            "url_source": known.sources.get((name, "url"), "default"),
        }
        for name, account in known.accounts.items()
    ]
    return {
        "success": True,
        "config_file": {"path": str(path), "exists": path.exists(), "mode": mode_of(path)},
        "permissions": {"read": known.policy.read, "write": known.policy.write},
        "accounts": accounts,
        "warnings": list(known.warnings),
    }
