"""How a command answers: text for people, one JSON object for programs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable_lines

if TYPE_CHECKING:
    from kosmo_circleci.config.accounts import Configuration

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def emit(text: str, value: JsonValue, as_json: bool) -> None:
    """Write a command's answer to stdout: `text`, or `value` as one line of JSON."""
    click.echo(jsonvalue.encode(value) if as_json else text.rstrip("\n"))


def warn(message: str) -> None:
    """Write a warning to stderr."""
    click.echo(f"warning: {printable_lines(message)}", err=True)


def show_warnings(configuration: "Callable[[], Configuration]") -> None:
    """Write the configuration's warnings to stderr; a broken one is for the call to report."""
    try:
        warnings = configuration().warnings
    except ConfigurationError:
        return
    for warning in warnings:
        warn(warning)
