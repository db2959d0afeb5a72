"""`--format`, `--columns` and `--jq`: how a result is written, checked before anything runs."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from kosmo_circleci.cli import terminal
from kosmo_circleci.cli.output import warn
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonValue

if TYPE_CHECKING:
    from kosmo_circleci.cli.output_jq import JqFilter

FORMATS: Final = ("json", "jsonl", "table", "csv", "tsv", "markdown", "yaml")
WITH_COLUMNS: Final = ("table", "csv", "tsv", "markdown")
FINDINGS_FORMATS: Final = ("sarif", "github")
"""Those of `check/formats.py`, which is loaded by a check alone."""

_F = TypeVar("_F", bound=Callable[..., Any])


class ResultOutput(NamedTuple):
    """How a result is to be written. Without any of the options a command has a way of its own."""

    format: str | None = None
    columns: tuple[str, ...] | None = None
    jq: "JqFilter | None" = None

    @classmethod
    def checked(
        cls, format_: str | None, columns: str | None, jq: str | None, *, as_json: bool
    ) -> "ResultOutput":
        """Return what the options ask for. Raises `UsageError` for options that exclude others."""
        if format_ is not None and as_json:
            raise UsageError(
                "--format and --json exclude each other: --json prints the envelope, "
                "--format the result."
            )
        if columns is not None and format_ not in WITH_COLUMNS:
            raise UsageError(f"--columns needs --format {', '.join(WITH_COLUMNS)}.")
        names = None if columns is None else tuple(name.strip() for name in columns.split(","))
        if names is not None and not all(names):
            raise UsageError("--columns takes names separated by commas: --columns id,name")
        if jq is None:
            return cls(format_, names)
        from kosmo_circleci.cli.output_jq import JqFilter

        return cls(format_, names, JqFilter(jq))

    @property
    def is_default(self) -> bool:
        """True where none of the options was used."""
        return self.format is None and self.jq is None

    def write(self, value: JsonValue) -> None:
        """Write a value to standard output.

        Raises `ScriptError`, having written nothing, for a filter that does not fit the value.
        """
        lines = list(self._lines(value))
        for line in lines:
            click.echo(line)

    def _lines(self, value: JsonValue) -> Iterator[str]:
        if self.jq is not None:
            from kosmo_circleci.cli.output_jq import jq_line

            outputs = list(self.jq.apply(value))
            if self.format is None:
                yield from map(jq_line, outputs)
                return
            value = outputs[0] if len(outputs) == 1 else outputs
        from kosmo_circleci.cli.output_formats import Layout, formatted

        assert self.format is not None
        _warn_of_pages(value)
        width = terminal.columns() if terminal.is_terminal() else None
        text = formatted(value, self.format, Layout(self.columns, width, warn))
        if text:
            yield _with_bold_header(text) if self.format == "table" else text


def shown_as_table(value: Callable[[], JsonValue]) -> bool:
    """Write a result as a table if standard output is a terminal that has room for all of it.

    For a result without a requested format. `value` is called on a terminal only.
    """
    if not terminal.is_terminal():
        return False
    from kosmo_circleci.cli.output_formats import fitting_table

    result = value()
    text = fitting_table(result, terminal.columns())
    if text is None:
        return False
    _warn_of_pages(result)
    click.echo(_with_bold_header(text))
    return True


def _with_bold_header(table: str) -> str:
    """Return a table with its first line in bold, where standard output has styles."""
    if not terminal.wants_colour(sys.stdout, os.environ):
        return table
    header, newline, rows = table.partition("\n")
    return click.style(header, bold=True) + newline + rows


def _warn_of_pages(value: JsonValue) -> None:
    from kosmo_circleci.tables.rows import has_more_pages

    if has_more_pages(value):
        warn("there are more pages; kosmo call has --all, a script flow.all")


def result_options(command: _F) -> _F:
    """Add the options, as `format_`, `columns` and `jq`."""
    return _options(command, FORMATS)


def result_or_findings_options(command: _F) -> _F:
    """Add the options; `--format` also takes the formats in which `--check` writes findings."""
    return _options(command, (*FORMATS, *FINDINGS_FORMATS))


def _options(command: _F, formats: tuple[str, ...]) -> _F:
    for option in (
        click.option("--jq", metavar="EXPR", help="Filter the result as jq -c does."),
        click.option("--columns", metavar="A,B", help="The columns of a table, in order."),
        click.option(
            "--format",
            "format_",
            type=click.Choice(formats),
            metavar="FORMAT",
            help="json, jsonl, table, csv, tsv, markdown, yaml.",
        ),
    ):
        command = option(command)
    return command
