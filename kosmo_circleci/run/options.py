"""The options of `Bridge.run` as settings: checked, with absolute paths."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kosmo_circleci.call.types import refuse_unsendable
from kosmo_circleci.files.folders import existing_folder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import FILES_LIMIT_BYTES, Limits
from kosmo_circleci.run.journal_settings import journal_settings
from kosmo_circleci.run.settings import RunSettings


def settings_of(
    *,
    name: str = "script",
    account: str = "default",
    force: bool = False,
    trust_mcp: bool = False,
    args: Mapping[str, JsonValue] | None = None,
    limits: Limits | None = None,
    files: str | Path | None = None,
    files_limit: int = FILES_LIMIT_BYTES,
    lua_path: Sequence[str | Path] = (),
    **journal: Any,
) -> RunSettings:
    """Return the settings; `journal` are the options of `journal_settings`.

    Raises `UsageError` for a folder that is not there and for what does not go together,
    `TypeError` for arguments or limits of another type.
    """
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits is a Limits, got {type(limits).__name__}")
    return RunSettings(
        name=name,
        account=account,
        force=force,
        trust_mcp=trust_mcp,
        args=script_arguments(args),
        limits=limits or Limits(),
        journal=journal_settings(**journal),
        files=None if files is None else existing_folder(files, "files"),
        files_limit=files_limit,
        lua_path=module_folders(lua_path),
    )


def script_arguments(args: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    """Return a script's `args`. Raises `TypeError` for what is not JSON, naming the place."""
    if args is None:
        return {}
    if not isinstance(args, Mapping):
        raise TypeError(f"args is a mapping of names to values, got {type(args).__name__}")
    arguments = dict(args)
    try:
        refuse_unsendable(arguments)
    except ValueError as error:
        raise TypeError(f"args: {error}") from None
    return arguments


def module_folders(lua_path: Sequence[str | Path]) -> tuple[str, ...]:
    """Return the absolute paths of folders of modules.

    Raises `UsageError` for one that is not there, `TypeError` for a single path.
    """
    if isinstance(lua_path, str | Path):
        raise TypeError("lua_path is a list of folders, not a single one")
    return tuple(existing_folder(each, "lua_path") for each in lua_path)
