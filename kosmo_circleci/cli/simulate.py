"""circleci:simulate — a simulated CircleCI over HTTP, for any client."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from kosmo_circleci.cli.options import ParamType
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.cli.script.signals import ENDING, handled_by

if TYPE_CHECKING:
    from kosmo_circleci.simulator.oauth import SignInMode
    from kosmo_circleci.simulator.server import ServerOptions

_RATE: Final = re.compile(r"([1-9][0-9]*)(?:/min)?")
_LATENCY: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)?")

_LONGEST_LATENCY_S: Final = 600.0


class RatePerMinute(ParamType):
    """`60/min` -> 60."""

    name = "N/min"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _RATE.fullmatch(str(value))
        if match is None:
            self.fail(f"'{value}' is not a number of requests a minute, such as 60/min", param, ctx)
        return int(match[1])


class Latency(ParamType):
    """`200ms`, `0.2s` or `0.2` -> 0.2 seconds."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        match = _LATENCY.fullmatch(str(value))
        seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else -1.0
        if not 0 <= seconds <= _LONGEST_LATENCY_S:
            self.fail(
                f"'{value}' is not a time such as 200ms or 1.5s, ten minutes at most", param, ctx
            )
        return seconds


@click.command("circleci:simulate")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    default=8765,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@click.option("--seed", type=int, metavar="N", help="Seed of every generated id; default 0.")
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the world in FILE between runs.",
)
@click.option("--rate-limit", type=RatePerMinute(), help="Answer 429 beyond N requests a minute.")
@click.option("--latency", type=Latency(), default=0.0, help="Wait before each answer: 200ms.")
@click.option(
    "--fail-every",
    type=click.IntRange(1),
    metavar="N",
    help="Answer every Nth request with 503.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 1e6),
    metavar="FACTOR",
    default=1.0,
    show_default=True,
    help="Simulated seconds per real second.",
)
@click.option("--server", "is_server", is_flag=True, help="Be a CircleCI Server: no API v3.")
@click.option(
    "--sign-in",
    type=click.Choice(["approve", "deny", "ask"]),
    default="approve",
    show_default=True,
    help="What the user does at `kosmo login`.",
)
@json_option
def simulate(
    port: int,
    seed: int | None,
    state_file: Path | None,
    rate_limit: int | None,
    latency: float,
    fail_every: int | None,
    speed: float,
    is_server: bool,
    sign_in: "SignInMode",
    as_json: bool,
) -> None:
    """Serve a simulated CircleCI on 127.0.0.1, until Ctrl-C: any client works with it.

    \b
    Examples:
      kosmo circleci:simulate
      kosmo circleci:simulate --port 9000 --speed 60 --state world.json
      kosmo circleci:simulate --rate-limit 60/min --latency 200ms --fail-every 10
    """
    from kosmo_circleci.simulator.conditions import Conditions
    from kosmo_circleci.simulator.server import ServerOptions

    conditions = Conditions(rate_limit, latency, fail_every)
    with _ended_by_signals():
        _serve(
            ServerOptions(port, seed, state_file, conditions, speed, is_server, sign_in), as_json
        )


def _serve(options: "ServerOptions", as_json: bool) -> None:
    from kosmo_circleci.simulator.contents import entries_of, screen, to_json
    from kosmo_circleci.simulator.server import Server
    from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

    server = Server(options)
    entries = entries_of(server.world, SIMULATED_TOKEN)
    text = screen(entries, url=server.url, token=SIMULATED_TOKEN, notes=[*_notes(options)])
    way = to_json(entries, url=server.url, token=SIMULATED_TOKEN, seed=server.world.seed)
    emit(text, {"success": True, **way}, as_json)
    sys.stdout.flush()
    server.run()


def _notes(options: "ServerOptions") -> Iterator[str]:
    conditions = options.conditions
    if options.state_file is not None:
        yield f"The world is kept in {options.state_file}, with the values of its variables."
    if options.is_server:
        yield "It is a CircleCI Server: API v2 and v1.1, no v3."
    if options.speed != 1:
        yield f"Simulated time runs {options.speed:g} times as fast."
    if conditions.rate_limit is not None:
        yield f"At most {conditions.rate_limit} requests a minute are answered."
    if conditions.latency_s:
        yield f"Each answer takes {conditions.latency_s:g} seconds."
    if conditions.fail_every is not None:
        yield f"Of every {conditions.fail_every} requests the last one fails with 503."


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the block quietly on Ctrl-C or a termination signal; a second one changes nothing."""

    def end(number: int, frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(0)

    with handled_by(end):
        yield
