"""integrations:check — what is wrong with scripts, without running them."""

import os
import sys
from collections.abc import Iterator
from typing import Final

import click

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.check import formats
from kosmo_circleci.check.check import check as check_script
from kosmo_circleci.check.report import merge
from kosmo_circleci.cli.accounts.status import read_configuration
from kosmo_circleci.cli.offers import files
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.output_options import FINDINGS_FORMATS
from kosmo_circleci.cli.script.file_options import lua_path_option, take_lua_path
from kosmo_circleci.errors import UsageError
from kosmo_circleci.files.bounded import read_script, read_script_file
from kosmo_circleci.script.modules import Modules, folder_of_script

_STDIN: Final = "stdin"
_MOST_ABOVE: Final = 4
"""In how many folders a file's modules may be: its own, and those above."""


@click.command("integrations:check")
@click.argument("names", metavar="FILE...", nargs=-1, shell_complete=files)
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(FINDINGS_FORMATS),
    help="Write the findings for code scanning, or as GitHub's annotations.",
)
@lua_path_option
def check(
    names: tuple[str, ...], as_json: bool, form: str | None, lua_path: tuple[str, ...]
) -> int:
    """Check Lua workflows without running them: each FILE, or standard input (-).

    Finds syntax errors, unknown functions, accounts, parameters, fields and globals, missing
    parameters, literals of the wrong type or outside the documented values, and wrong numbers of
    arguments; what cannot be known is not reported. Lists the functions a script may call. A line
    with the comment 'kosmo: ignore' or 'kosmo: ignore(RULE)' is left alone.

    Exit code: 0 nothing found, 1 findings, 2 usage. 'kosmo docs checking' has the rules.

    \b
    Examples:
      kosmo integrations:check deploy.lua nightly.lua
      kosmo integrations:check deploy.lua --json | jq '.calls.write'
      kosmo integrations:check --format github *.lua
      kosmo integrations:check --format sarif *.lua > findings.sarif
    """
    if as_json and form is not None:
        raise UsageError(f"--json and --format {form} exclude each other.")
    accounts = tuple(read_configuration().accounts)
    folders = take_lua_path(lua_path)
    report = merge(
        check_script(code, name, load_catalog(), accounts, _modules(name, folders))
        for name, code in _sources(names)
    )
    text = formats.text_of(report, form, as_json=as_json)
    if text:
        click.echo(text)
    return 0 if report.success else 1


def _modules(name: str, lua_path: tuple[str, ...]) -> Modules | None:
    """Return where a file's modules may be; None where that is not known.

    The file may be a module itself, of a script in a folder further up.
    """
    folder = None if name == _STDIN else folder_of_script(name)
    above: list[str] = []
    while folder is not None and len(above) < _MOST_ABOVE:
        above.append(folder)
        parent = os.path.dirname(folder)
        folder = None if parent == folder else parent
    folders = (*above, *lua_path)
    return Modules(folders) if folders else None


def _sources(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield (name in findings, text) of each file; standard input where none is named."""
    if not names and sys.stdin.isatty():
        raise UsageError("Nothing to check. Name Lua files, or pipe Lua to standard input.")
    for name in names or ("-",):
        if name == "-":
            piped = _piped()
            if not piped and not names:
                raise UsageError("Standard input is empty. Name Lua files, or pipe Lua to it.")
            yield _STDIN, piped
        else:
            yield name, _read(name)


def _piped() -> str:
    try:
        return read_script(sys.stdin.buffer)
    except OSError as error:
        raise UsageError(f"Standard input: {error.strerror}.") from None


def _read(name: str) -> str:
    try:
        return read_script_file(name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{name}: {reason}. Name Lua files, or - for standard input.") from None
