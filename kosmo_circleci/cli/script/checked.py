"""`--check` and `--check=strict`: a script is read before it runs, or instead."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kosmo_circleci.cli.script.execution import Source
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.script.modules import Modules

if TYPE_CHECKING:
    from kosmo_circleci.check.report import Report

_F = TypeVar("_F", bound=Callable[..., Any])

STRICT: Final = "strict"
ONLY: Final = "only"


class CheckingCommand(click.Command):
    """A command whose option `--check` may have a value behind `=`, or none.

    click would take the next word for the value, which is the script's file.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(
            ctx, [f"--check={ONLY}" if word == "--check" else word for word in args]
        )


def check_option(command: _F) -> _F:
    """Add `--check[=strict]` to a `CheckingCommand`, as `check`."""
    return click.option(
        "--check",
        type=click.Choice([STRICT, ONLY]),
        metavar="[=strict]",
        help="Only check it; =strict: run it if nothing is found.",
    )(command)


def check_only(
    source: Source, lua_path: Sequence[str], format_: str | None, *, as_json: bool
) -> int:
    """Write what is wrong with the script, as integrations:check does; return the exit code."""
    report = _report(source, lua_path)
    from kosmo_circleci.check.formats import text_of  # the report has said if there is no checker

    text = text_of(report, format_, as_json=as_json)
    if text:
        click.echo(text)
    return 0 if report.success else 1


def refuse_findings(source: Source, lua_path: Sequence[str]) -> None:
    """Raise `ValidationError` if anything is wrong with the script."""
    report = _report(source, lua_path)
    if not report.success:
        raise ValidationError(report.refusal())


def _report(source: Source, lua_path: Sequence[str]) -> "Report":
    from kosmo_circleci.catalog.load import load_catalog
    from kosmo_circleci.check.check import check
    from kosmo_circleci.cli.accounts.status import read_configuration

    accounts = tuple(read_configuration().accounts)
    folders = (*(() if source.folder is None else (source.folder,)), *lua_path)
    modules = Modules(folders) if folders else None
    return check(source.code, source.name, load_catalog(), accounts, modules)
