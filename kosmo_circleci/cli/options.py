"""Option types: what a word on the command line means."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kosmo_circleci.errors import UsageError
from kosmo_circleci.limits import parse_duration, parse_size

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic for type checkers only: older versions have no such class


_F = TypeVar("_F", bound=Callable[..., Any])


class KeyValue(ParamType):
    """KEY=VALUE -> (KEY, VALUE). `name` is the option's metavar, `example` a right use of it."""

    def __init__(self, name: str = "KEY=VALUE", example: str = "--arg branch=main") -> None:
        self.name = name
        self._example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key:
            self.fail(
                f"'{value}' is not {self.name}; write for example {self._example}", param, ctx
            )
        return key, text


class Size(ParamType):
    """`64M` -> bytes."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Seconds(ParamType):
    """`90`, `90s`, `10m`, `2h` -> seconds."""

    name = "SECONDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _the_one(_ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> str | None:
    if len(values) > 1:
        raise UsageError(
            f"Give {param.opts[-1]} once, not {len(values)} times: a run has one script."
        )
    return values[0] if values else None


eval_option = click.option(
    "-e", "--eval", "code", metavar="CODE", multiple=True, callback=_the_one, help="Run CODE."
)
"""Given twice, the first would be lost without a word."""


def limit_options(command: _F) -> _F:
    """Add the limits of a script to a command, as `memory_limit`, `cpu_limit` and `timeout`."""
    for option in (
        click.option("--timeout", type=Seconds(), help="Wall clock of the run: 90, 10m, 2h."),
        click.option(
            "--cpu-limit", type=Seconds(), default="30", help="CPU time of Lua code. Default 30."
        ),
        click.option(
            "--memory-limit", type=Size(), default="128M", help="Lua memory. Default 128M."
        ),
    ):
        command = option(command)
    return command
