"""integrations:types — definitions for editors and linters."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check import linters
from kosmo_circleci.check.types import definitions
from kosmo_circleci.cli.accounts.status import read_configuration
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.errors import UsageError
from kosmo_circleci.mcp_client import jsonc

_LUARC: Final = ".luarc.json"


class _File(NamedTuple):
    """A file to write. `mark` is the first line of one that may be replaced; "" allows any."""

    path: Path
    text: str
    mark: str = ""


@click.command("integrations:types")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--selene", is_flag=True, help="Also write kosmo.yml, a standard for selene.")
@click.option("--luacheck", is_flag=True, help="Also write .luacheckrc.")
@json_option
def types(folder: Path, selene: bool, luacheck: bool, as_json: bool) -> None:
    """Write definitions for editors into DIR (default: the current folder).

    With them the Lua language server completes and checks functions, parameters, answers, helpers
    and the accounts configured here: LuaCATS files in .kosmo/types, and the settings it needs in
    .luarc.json, where an existing one keeps its own. Write them again after an update.

    \b
    Examples:
      kosmo integrations:types
      kosmo integrations:types workflows --luacheck
      kosmo integrations:types --selene --json | jq -r '.files[]'
    """
    accounts = tuple(read_configuration().accounts)
    files = [*_files(folder, accounts, selene, luacheck)]
    for each in files:
        _refuse_to_replace_anothers(each)
    for each in files:
        _write(each)
    names = [str(each.path) for each in files]
    emit("\n".join(names), {"success": True, "files": [*names]}, as_json)


def _files(
    folder: Path, accounts: tuple[str, ...], selene: bool, luacheck: bool
) -> Iterator[_File]:
    catalog = load_catalog()
    luarc = _luarc(folder / _LUARC)
    for name, text in definitions(catalog, accounts).items():
        yield _File(folder / linters.TYPES_FOLDER / name, text)
    yield _File(folder / _LUARC, luarc)
    if selene:
        text = linters.selene_standard(catalog, accounts)
        yield _File(folder / "kosmo.yml", text, linters.SELENE_MARK)
    if luacheck:
        text = linters.luacheckrc(catalog, accounts)
        yield _File(folder / ".luacheckrc", text, linters.LUACHECK_MARK)


def _luarc(path: Path) -> str:
    """Return the settings file's new text; its old one where that has all it needs."""
    old = _read(path)
    if old is None:
        return json.dumps(linters.merged_luarc({}), indent=2, ensure_ascii=False) + "\n"
    try:
        settings: Any = jsonc.decode(old)
    except jsonc.JsoncError as error:
        where = "" if error.line is None else f", line {error.line}"
        raise UsageError(f"{path}{where}: {error.reason}. Mend the file, or remove it.") from None
    if not isinstance(settings, dict):
        raise UsageError(f"{path} is not an object. Mend the file, or remove it.")
    merged = linters.merged_luarc(settings)
    if merged == settings:
        return old
    return json.dumps(merged, indent=2, ensure_ascii=False) + "\n"


def _refuse_to_replace_anothers(file: _File) -> None:
    old = _read(file.path)
    if old is not None and not old.startswith(file.mark):
        raise UsageError(
            f"{file.path} was not written by this command. Move it away, or take what you need "
            "from one that is written into another DIR."
        )


def _write(file: _File) -> None:
    if _read(file.path) == file.text:
        return
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, "utf-8")
    except OSError as error:
        raise UsageError(f"{file.path}: {error.strerror}. Name a folder to write into.") from None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path}: {reason}.") from None
