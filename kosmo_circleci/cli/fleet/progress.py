"""How a fleet is getting on: a bar on a terminal, plain lines where they are asked for."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import click

from kosmo_circleci.cli.script.progress import wanted
from kosmo_circleci.fleet.rows import Summary

_PLAIN_EVERY_S: Final = 10.0


class FleetProgress(Protocol):
    """Who is shown the summary after each row."""

    def update(self, summary: Summary, fraction: float | None) -> None:
        """Show `summary`; `fraction` is how much of the inputs was read, None if unknown."""
        ...


class NoProgress:
    """Shows nothing: in pipes, and with `--json`."""

    def update(self, summary: Summary, fraction: float | None) -> None:
        """Do nothing."""


class PlainProgress:
    """A line on standard error every ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = self._next = clock()
        self._next += _PLAIN_EVERY_S

    def update(self, summary: Summary, fraction: float | None) -> None:
        """Write a line if the last one is old enough."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _PLAIN_EVERY_S
        click.echo(progress_line(summary, now - self._started, fraction), err=True)


def progress_line(summary: Summary, elapsed_s: float, fraction: float | None) -> str:
    """Return one line: `0:30 · 120 inputs: 118 done, 2 failed; 360 calls · 4.0/s · 1:10 left`."""
    parts = [_minutes(elapsed_s), summary.to_text()]
    if elapsed_s > 0:
        parts.append(f"{summary.items / elapsed_s:.1f}/s")
    if fraction and elapsed_s > 0 and fraction < 1:
        parts.append(f"{_minutes(elapsed_s / fraction - elapsed_s)} left")
    return " · ".join(parts)


@contextlib.contextmanager
def shown_progress(*, plain: bool, as_json: bool) -> Iterator[FleetProgress]:
    """Yield what shows the progress of this process's fleet."""
    if plain:
        yield PlainProgress()
    elif not as_json and wanted(sys.stderr, os.environ):
        with _bar() as progress:
            yield progress
    else:
        yield NoProgress()


@contextlib.contextmanager
def _bar() -> Iterator[FleetProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TimeElapsedColumn(), BarColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, refresh_per_second=10) as bar:
        task = bar.add_task("", total=None)
        started = time.monotonic()

        class Bar:
            def update(self, summary: Summary, fraction: float | None) -> None:
                text = progress_line(summary, time.monotonic() - started, fraction)
                total = None if fraction is None else 1.0
                bar.update(task, description=text, completed=fraction or 0.0, total=total)

        yield Bar()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
