"""`--each` and what belongs to it: one script, many inputs."""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import click

from kosmo_circleci.cli.offers import files
from kosmo_circleci.errors import UsageError
from kosmo_circleci.fleet.inputs import Shard, parse_shard

_F = TypeVar("_F", bound=Callable[..., Any])

DEFAULT_RATE: Final = "5000/h"
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)/([hms])")
_PER_HOUR: Final = {"h": 1.0, "m": 60.0, "s": 3600.0}
_NEED_EACH: Final = ("jobs", "out", "fail_fast", "rate", "executor", "shard", "progress")

EACH_NAMES: Final = ("--each", *(f"--{name.replace('_', '-')}" for name in _NEED_EACH))
"""The options of a fleet, as they are typed."""


class EachOptions(NamedTuple):
    """How a fleet was asked for. `rate_per_hour` None is no limit, `jobs` None the default."""

    inputs: str
    jobs: int | None = None
    out: str | None = None
    fail_fast: bool = False
    rate_per_hour: float | None = None
    executor: str = "processes"
    shard: Shard | None = None
    plain_progress: bool = False


def each_options(command: _F) -> _F:
    """Add the options of a fleet to a command, which gets them as keywords."""
    for option in reversed(
        (
            click.option(
                "--each",
                metavar="INPUTS",
                shell_complete=files,
                help="Run once for each input of a file, or of stdin (-).",
            ),
            click.option(
                "--jobs", metavar="N", type=click.IntRange(1, 1000), help="Inputs at once."
            ),
            click.option(
                "--out",
                metavar="FILE",
                shell_complete=files,
                help="Append the rows here.",
            ),
            click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
            click.option("--rate", metavar="N/h", help="Requests of all inputs; 5000/h."),
            click.option("--executor", metavar="SPEC", help="Where the inputs are run."),
            click.option("--shard", metavar="I/N", help="One of N parts of the inputs."),
            click.option("--progress", type=click.Choice(["plain"]), help="A line every 10 s."),
        )
    ):
        command = option(command)
    return command


def take_each(options: dict[str, Any]) -> EachOptions | None:
    """Take the options of a fleet out of a command's; None without `--each`.

    Raises `UsageError` for those that need it, and for values that are not what they should be.
    """
    values = {name: options.pop(name) for name in ("each", *_NEED_EACH)}
    if values["each"] is None:
        lonely = next((name for name in _NEED_EACH if values[name]), None)
        if lonely is not None:
            raise UsageError(f"--{lonely.replace('_', '-')} needs --each INPUTS.")
        return None
    shard = values.get("shard")
    try:
        part = None if shard is None else parse_shard(shard)
        rate = parse_rate(values.get("rate") or DEFAULT_RATE)
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    return EachOptions(
        values["each"],
        values.get("jobs"),
        values.get("out"),
        bool(values.get("fail_fast")),
        rate,
        values.get("executor") or "processes",
        part,
        values.get("progress") == "plain",
    )


def parse_rate(text: str) -> float | None:
    """Return the requests an hour of `5000/h`, `100/m`, `2/s`; None for `none`.

    Raises `ValueError` for anything else.
    """
    if text == "none":
        return None
    match = _RATE.fullmatch(text)
    rate = float(match[1]) * _PER_HOUR[match[2]] if match else 0.0
    if rate <= 0:
        raise ValueError(f"'{text}' is not a rate; give N/h, N/m or N/s, or none: {DEFAULT_RATE}")
    return rate
