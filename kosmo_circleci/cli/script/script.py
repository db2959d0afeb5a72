"""Running a script for a command: where it comes from, who watches it, how it is shown."""

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kosmo_circleci.cli.main import App
from kosmo_circleci.cli.output import warn
from kosmo_circleci.cli.script import prompt
from kosmo_circleci.cli.script.progress import Progress, of_this_process
from kosmo_circleci.cli.script.signals import interruptible
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.supervisor import Job, Watcher, supervise

if TYPE_CHECKING:
    from kosmo_circleci.cli.script.timeline import Timeline


class Source(NamedTuple):
    """The code to run, and the name that stands in front of its error lines."""

    code: str
    name: str


def read_source(file: str | None, code: str | None) -> Source:
    """Return the script from exactly one of FILE, `--eval` or standard input; else `UsageError`."""
    if file is not None and code is not None:
        raise UsageError("Give FILE or --eval, not both.")
    if code is not None:
        return Source(code, "eval")
    if file is not None and file != "-":
        return Source(_read_file(file), file)
    if file is None and sys.stdin.isatty():
        raise UsageError("Nothing to run. Give FILE, --eval CODE, or pipe Lua to standard input.")
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if not text.strip():
        raise UsageError("Standard input is empty. Give FILE, --eval CODE, or pipe Lua to it.")
    return Source(text, "stdin")


def run_job(app: App, job: Job, *, as_json: bool, timeline: "Timeline | None" = None) -> Run:
    """Run a script in its own process; what it prints streams to stdout unless `as_json`.

    On a terminal, permission questions are put to the person there and a line tells the progress.
    `timeline` takes note of every call.
    """
    child = app.take_child()
    try:
        if timeline is None or not timeline.wants_source:
            return watched(child, job, Witness(as_json, prompt.asker(), timeline))
        from kosmo_circleci.cli.script.masked_source import masked_by_run

        job = job._replace(keep_state=True)
        run = watched(child, job, Witness(as_json, prompt.asker(), timeline))
        timeline.source = masked_by_run(child, job)
        return run
    finally:
        child.kill()


class Witness(NamedTuple):
    """Who watches a run for the person at the terminal; `as_json` keeps what is printed."""

    as_json: bool = False
    asker: prompt.Asker | None = None
    timeline: "Timeline | None" = None


def watched(child: Child, job: Job, witness: Witness) -> Run:
    """Have `child` do a job, and return what came of it; see `run_job`."""
    with (
        interruptible(Deadline(job.limits.timeout_s)) as deadline,
        of_this_process() or contextlib.nullcontext() as progress,
    ):
        watcher = _watcher(witness, progress, deadline)
        return supervise(child, job._replace(can_ask=watcher.ask is not None), watcher)


def show(run: Run, as_json: bool) -> None:
    """Write what came of a run: the envelope, or the result on stdout and the error on stderr."""
    if as_json:
        for part in run.json_parts():
            click.echo(part, nl=False)
        click.echo()
    elif run.error is not None:
        click.echo(f"error: {run.error}", err=True)
    elif run.result_json.startswith('"'):
        click.echo(run.result)
    elif run.result_json != "null":
        click.echo(run.result_json)


def _watcher(witness: Witness, progress: Progress | None, deadline: Deadline) -> Watcher:
    ask = None
    if witness.asker is not None:
        ask = partial(witness.asker.ask, stopped=lambda: deadline.reason() is not None)
    watcher = Watcher(None if witness.as_json else _print_line, ask, warn, deadline=deadline)
    if progress is not None:
        watcher = progress.beside(watcher)
    return watcher if witness.timeline is None else witness.timeline.listening(watcher)


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _read_file(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{file}: {reason}. Name a Lua file, or give --eval CODE.") from None
