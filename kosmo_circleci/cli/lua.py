"""integrations:lua — the main job."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import click

from kosmo_circleci.cli.main import App
from kosmo_circleci.cli.options import KeyValue, Seconds, Size
from kosmo_circleci.cli.output import json_option, warn
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.envelope import Run
from kosmo_circleci.errors import Interrupted, UsageError
from kosmo_circleci.isolate import Job, Watcher, supervise
from kosmo_circleci.lua.limits import Limits


class Source(NamedTuple):
    """The code to run, and the name that stands in front of its error lines."""

    code: str
    name: str


@click.command("integrations:lua")
@click.argument("file", required=False)
@click.option("-e", "--eval", "code", metavar="CODE", help="Run CODE.")
@json_option
@click.option("--force", is_flag=True, help="Lift the read/write permission policy.")
@click.option(
    "--simulate", is_flag=True, help="Talk to the embedded simulator: no token, no network."
)
@click.option("--account", default="default", metavar="NAME", help="Account of the bare functions.")
@click.option("--arg", "args", multiple=True, type=KeyValue(), help="A string in the table args.")
@click.option("--memory-limit", type=Size(), default="128M", help="Lua memory. Default 128M.")
@click.option("--cpu-limit", type=Seconds(), default="30", help="CPU time of Lua code. Default 30.")
@click.option("--timeout", type=Seconds(), help="Wall clock for the run. Default: none.")
@click.pass_obj
def lua(
    app: App,
    file: str | None,
    code: str | None,
    as_json: bool,
    force: bool,
    simulate: bool,
    account: str,
    args: tuple[tuple[str, str], ...],
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
) -> int:
    """Run a Lua workflow: FILE, --eval CODE, or standard input (-).

    \b
    Examples:
      kosmo integrations:lua --simulate -e 'dump(app.integrations.circleci.get_current_user())'
      kosmo integrations:lua deploy.lua --arg branch=main --force --json
      echo 'return 6 * 7' | kosmo integrations:lua
    """
    source = read_source(file, code)
    ask = asker()
    job = Job(
        source.code,
        source.name,
        account,
        force,
        dict(args),
        Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout),
        {"simulate": simulate},
        pretty=not as_json,
        can_ask=ask is not None,
    )
    run = run_job(app, job, ask, as_json=as_json)
    show(run, as_json)
    return run.exit_code


def run_job(app: App, job: Job, ask: Callable[[str], bool] | None, *, as_json: bool) -> Run:
    """Run a script in its own process; what it prints streams to stdout unless `as_json`."""
    with interruptible(Deadline(job.limits.timeout_s)) as deadline:
        watcher = Watcher(
            on_output=None if as_json else _print_line, ask=ask, warn=warn, deadline=deadline
        )
        child = app.take_child()
        run = supervise(child, job, watcher)
    child.kill()
    return run


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


def show(run: Run, as_json: bool) -> None:
    """Write what came of a run: the envelope, or the result on stdout and the error on stderr."""
    if as_json:
        click.echo(run.to_json())
    elif run.error is not None:
        click.echo(f"error: {run.error}", err=True)
    elif run.result_json.startswith('"'):
        click.echo(run.result)
    elif run.result_json != "null":
        click.echo(run.result_json)


@contextmanager
def interruptible(deadline: Deadline) -> Iterator[Deadline]:
    """Turn SIGINT and SIGTERM into the end of the run, so that its envelope is still printed."""

    def stop(number: int, _frame: FrameType | None) -> None:
        what = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        deadline.note(Interrupted(f"Interrupted by {what}."))

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield deadline
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def asker() -> Callable[[str], bool] | None:
    """Return what puts a permission question to the terminal; None where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: click.confirm(question, default=False, err=True)


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _read_file(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or 'cannot be read'}") from None
