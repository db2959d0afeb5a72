"""`--files`, `--files-limit` and `--lua-path`: the folders a script may use."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import click

from kosmo_circleci.cli.offers import folders
from kosmo_circleci.cli.options import Size
from kosmo_circleci.errors import UsageError
from kosmo_circleci.files.folders import existing_folder
from kosmo_circleci.limits import FILES_LIMIT_BYTES
from kosmo_circleci.run.settings import RunSettings

_F = TypeVar("_F", bound=Callable[..., Any])

FILE_NAMES: Final = ("--files", "--files-limit", "--lua-path")
"""The options of folders, as they are typed."""

lua_path_option = click.option(
    "--lua-path",
    metavar="DIR",
    multiple=True,
    shell_complete=folders,
    help="A folder of modules for require; repeatable.",
)
"""The folders of a script's modules, beside its own."""


class FileOptions(NamedTuple):
    """The folders that were named: absolute, and there."""

    files: str | None = None
    files_limit: int = FILES_LIMIT_BYTES
    lua_path: tuple[str, ...] = ()

    def put_into(self, settings: RunSettings, script_folder: str | None) -> RunSettings:
        """Return the settings with the folders; modules of the script's own folder come first."""
        own = () if script_folder is None else (script_folder,)
        return settings._replace(
            files=self.files,
            files_limit=self.files_limit,
            lua_path=(*own, *self.lua_path),
        )


def file_options(command: _F) -> _F:
    """Add the options of folders to a command."""
    for option in (
        lua_path_option,
        click.option("--files-limit", type=Size(), help="Bytes it may write there. Default 1G."),
        click.option(
            "--files",
            metavar="DIR",
            shell_complete=folders,
            help="A folder whose files the script may read and write.",
        ),
    ):
        command = option(command)
    return command


def take_files(options: dict[str, Any]) -> FileOptions:
    """Take the options of folders out of a command's. Raises `UsageError`."""
    files, limit = options.pop("files"), options.pop("files_limit")
    if limit is not None and files is None:
        raise UsageError("--files-limit needs --files DIR.")
    return FileOptions(
        None if files is None else _existing(files, "--files"),
        FILES_LIMIT_BYTES if limit is None else limit,
        take_lua_path(options.pop("lua_path")),
    )


def take_lua_path(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of `--lua-path` as absolute paths. Raises `UsageError`."""
    return tuple(_existing(each, "--lua-path") for each in folders)


def _existing(folder: str, option: str) -> str:

    return existing_folder(folder, option)
