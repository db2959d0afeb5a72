"""integrations:lua --each: a script for every input, a row for each, a summary at the end."""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import click

from kosmo_circleci.cli.fleet.options import EachOptions
from kosmo_circleci.cli.fleet.progress import FleetProgress, shown_progress
from kosmo_circleci.cli.script.signals import interruptible
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, KosmoError, UsageError
from kosmo_circleci.fleet.inputs import Inputs, Item, Shard, read_inputs
from kosmo_circleci.fleet.rows import Row, Summary
from kosmo_circleci.fleet.run import FleetSettings, OpenFleet, default_jobs, opened
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.runtime import Runtime
from kosmo_circleci.wording import printable_lines


class _Ending(NamedTuple):
    """What a fleet came to, and the fault that ended it early, if one did."""

    summary: Summary
    fault: KosmoError | None = None

    @property
    def success(self) -> bool:
        return self.fault is None and not (self.summary.failed or self.summary.unknown)

    @property
    def exit_code(self) -> int:
        if isinstance(self.fault, Interrupted):
            return 128 + (self.fault.signal_number or 2)
        if isinstance(self.fault, UsageError):
            return 2
        return 0 if self.success else 1


def run_each(
    code: str, settings: RunSettings, options: EachOptions, *, simulate: bool, as_json: bool
) -> int:
    """Run the script for each input and return the exit code.

    Rows go to `--out` or standard output as they end; a summary to standard error, or with
    `as_json` one envelope at the end of standard output.
    """
    fleet = FleetSettings(options.jobs or default_jobs(), options.rate_per_hour, options.executor)
    deadline = Deadline()
    with contextlib.ExitStack() as stack:
        inputs = read_inputs(options.inputs, sys.stdin.buffer)
        stack.callback(inputs.close)
        out = stack.enter_context(_output(options.out))
        stack.enter_context(interruptible(deadline))
        running = stack.enter_context(
            opened(code, settings, fleet, base=Runtime(simulate=simulate), deadline=deadline)
        )
        progress = stack.enter_context(
            shown_progress(plain=options.plain_progress, as_json=as_json)
        )
        ending = _run(running, inputs, options, out, progress)
        ending = ending._replace(summary=ending.summary._replace(skipped=running.skipped))
    reason = deadline.reason()
    if reason is not None:
        ending = ending._replace(fault=reason)
    _report(ending, as_json, resumable=settings.journal.file is not None)
    return ending.exit_code


def _run(
    running: OpenFleet,
    inputs: Inputs,
    options: EachOptions,
    out: BinaryIO,
    progress: FleetProgress,
) -> _Ending:
    summary = Summary()
    try:
        for row in running.rows(_of_shard(inputs, options.shard)):
            _write(out, row)
            summary = summary.plus(row)
            progress.update(summary, inputs.fraction())
            if options.fail_fast and not row.success:
                running.fleet.stop()
    except KosmoError as error:
        return _Ending(summary, error)
    return _Ending(summary)


def _of_shard(items: Iterable[Item], shard: Shard | None) -> Iterator[Item]:
    return (item for item in items if shard is None or shard.has(item))


@contextlib.contextmanager
def _output(file: str | None) -> Iterator[BinaryIO]:
    """Yield where rows go: the end of a file, or standard output."""
    if file is None:
        yield sys.stdout.buffer
        return
    try:
        stream = open(file, "ab", buffering=0)  # noqa: SIM115 -- closed below
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be written"
        raise UsageError(f"--out {file}: {reason}. Name a file that can be written.") from None
    with stream:
        _end_broken_line(file, stream)
        yield stream


def _end_broken_line(file: str, stream: BinaryIO) -> None:
    """End a last line that an earlier, killed process has left without its end."""
    if os.path.getsize(file) == 0:
        return
    with open(file, "rb") as written:
        written.seek(-1, os.SEEK_END)
        if written.read(1) != b"\n":
            stream.write(b"\n")


def _write(out: BinaryIO, row: Row) -> None:
    # One write, so that a process that is killed leaves whole lines.
    out.write(row.to_json().encode("utf-8", "surrogatepass") + b"\n")
    out.flush()


def _report(ending: _Ending, as_json: bool, resumable: bool) -> None:
    fault = ending.fault
    if as_json:
        error = None if fault is None else fault.message
        envelope = ending.summary.to_json(success=ending.success, error=error)
        click.echo(encode(envelope | {"error_type": None if fault is None else fault.error_type}))
        return
    click.echo(ending.summary.to_text(), err=True)
    if fault is not None:
        click.echo(f"error: {printable_lines(fault.message)}", err=True)
    if resumable and not ending.success:
        click.echo(f"Continue with: {_resuming_command(sys.argv)}", err=True)


def _resuming_command(words: Sequence[str]) -> str:
    """Return the command line that continues the fleet, as it is typed in a shell."""
    words = ["kosmo", *words[1:]]
    return shlex.join(words if "--resume" in words else [*words, "--resume"])
