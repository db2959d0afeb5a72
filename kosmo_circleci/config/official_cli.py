"""What the official CLI has configured: a third source for the account `default`.

Version 1 keeps `host` and `token` in `$XDG_CONFIG_HOME/circleci/config.yml`, the token usually in
the keyring instead (service `com.circleci.cli:HOST`, user the name of the system's user); older
versions keep both in `~/.circleci/cli.yml`. Source: CircleCI-Public/circleci-cli, `internal/config`
and `internal/keyring`.
"""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kosmo_circleci.config import file
from kosmo_circleci.config.keyring_store import Entry
from kosmo_circleci.config.urls import DEFAULT_ORIGIN
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.folders import configuration_folder


class CliFile(NamedTuple):
    """What one file says, unchecked; None where it says nothing."""

    path: Path
    token: str | None = None
    host: str | None = None


class OfficialCli(NamedTuple):
    """The files that exist, the newer first; the keyring entry; files that cannot be read."""

    files: tuple[CliFile, ...] = ()
    entry: Entry | None = None
    warnings: tuple[str, ...] = ()


def read(environ: Mapping[str, str], home: Path) -> OfficialCli:
    """Return what the official CLI has configured. The keyring entry is named, not read."""
    newer = configuration_folder(environ, home) / "circleci" / "config.yml"
    files: list[CliFile] = []
    warnings: list[str] = []
    for path in (newer, home / ".circleci" / "cli.yml"):
        try:
            content = file.loaded(path) if os.path.isfile(path) else None
        except ConfigurationError as error:
            warnings.append(f"{error.message}; the file is ignored")
            continue
        if isinstance(content, dict):
            files.append(CliFile(path, _text(content, "token"), _text(content, "host")))
    entry = _entry(files, newer, environ.get("CIRCLE_HOST", "").strip())
    return OfficialCli(tuple(files), entry, tuple(warnings))


def url_of(host: str) -> str:
    """Return the URL of a host as the official CLI takes it: `https://` may be left out."""
    return host if "://" in host else f"https://{host}"


def _text(content: Mapping[str, object], key: str) -> str | None:
    value = content.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _entry(files: list[CliFile], newer: Path, host: str) -> Entry | None:
    """Return where version 1 keeps the token; None where it keeps it in the file or is not used.

    `host` is that of the environment, which wins over the file's as it does for the official CLI:
    the token of one host must not be sent to another.
    """
    own = next((each for each in files if each.path == newer), None)
    if own is None or own.token is not None:
        return None
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name
        return None
    return Entry(f"com.circleci.cli:{host or own.host or DEFAULT_ORIGIN}", user, required=False)
