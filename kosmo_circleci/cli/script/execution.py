"""Running a script for a command: where it comes from, what is shown while it runs and after."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kosmo_circleci.cli import ask
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.output import warn
from kosmo_circleci.cli.script.progress import shown_on_stderr
from kosmo_circleci.cli.script.signals import interruptible
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.child import Child
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.run.supervisor import supervise
from kosmo_circleci.script.modules import folder_of_script
from kosmo_circleci.telemetry.tracing import traced

if TYPE_CHECKING:
    from kosmo_circleci.cli.script.timeline import Timeline
    from kosmo_circleci.workflows.library import Workflow


class Source(NamedTuple):
    """The code to run, and the name that precedes its error lines; its workflow, if it is one.

    `folder` is where its modules are; None for code that is in no file.
    """

    code: str
    name: str
    folder: str | None = None
    workflow: "Workflow | None" = None


def read_source(
    file: str | None,
    code: str | None,
    *,
    workflow: str | None = None,
    stdin_option: str | None = None,
) -> Source:
    """Return the script from exactly one source: FILE, `--eval`, `--workflow` or standard input.

    `stdin_option` is an option that reads standard input itself. Raises `UsageError`.
    """
    if workflow is not None:
        if file is not None or code is not None:
            raise UsageError("Give --workflow alone, without FILE and --eval.")
        from kosmo_circleci.cli.workflows import library

        ready_made = library().find(workflow)
        text = ready_made.code()
        folder = _folder_of(str(ready_made.path)) if ready_made.may_load(text) else None
        return Source(text, workflow, folder, ready_made)
    if file is not None and code is not None:
        raise UsageError("Give FILE or --eval, not both.")
    if code is not None:
        return Source(code, "eval")
    if file is not None and file != "-":
        return Source(_read_file(file), file, _folder_of(file))
    if stdin_option is not None:
        raise UsageError(f"{stdin_option} reads standard input. Give FILE or --eval CODE.")
    if file is None and sys.stdin.isatty():
        raise UsageError("Nothing to run. Give FILE, --eval CODE, or pipe Lua to standard input.")
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if not text.strip():
        raise UsageError("Standard input is empty. Give FILE, --eval CODE, or pipe Lua to it.")
    return Source(text, "stdin")


def run_script(
    app: App,
    message: RunMessage,
    *,
    as_json: bool,
    quiet: bool = False,
    timeline: "Timeline | None" = None,
) -> Run:
    """Run a script in its own process; what it prints streams to stdout unless `as_json`.

    On a terminal, permission questions are put to the person there. Unless `quiet`, standard error
    shows the progress. `timeline` hears of everything.
    """
    child = app.take_child()
    terminal = TerminalListener(as_json, ask.asker())
    try:
        return run_in(child, message, terminal, quiet=quiet, timeline=timeline)
    finally:
        child.kill()


def _folder_of(file: str) -> str | None:

    return folder_of_script(file)


def run_in(
    child: Child,
    message: RunMessage,
    terminal: "TerminalListener",
    *,
    quiet: bool = False,
    timeline: "Timeline | None" = None,
) -> Run:
    """Have `child` run a script, interruptible and with its progress on standard error."""
    with (
        interruptible(Deadline(message.settings.limits.timeout_s)) as deadline,
        shown_on_stderr(terminal, quiet=quiet) as listener,
    ):
        terminal.deadline = deadline
        if timeline is not None:
            timeline.inner, listener = listener, timeline

        def perform(settings: RunSettings, listener: RunListener) -> Run:
            return supervise(child, message._replace(settings=settings), listener, deadline)

        simulated = message.runtime.simulate
        return traced(message.settings, listener, perform, simulated=simulated)


class TerminalListener(RunListener):
    """Prints lines to stdout unless `as_json`, warnings to stderr, and asks the person there."""

    def __init__(self, as_json: bool = False, asker: ask.Asker | None = None) -> None:
        self.deadline = Deadline()
        self._as_json = as_json
        self._asker = asker

    def output(self, line: str) -> None:
        if not self._as_json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def warning(self, text: str) -> None:
        warn(text)

    def log(self, text: str) -> None:
        click.echo(text, err=True)

    def ask(self, question: str) -> Consent | None:
        if self._asker is None:
            return None
        return self._asker.ask(question, stopped=lambda: self.deadline.reason() is not None)


def _read_file(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{file}: {reason}. Name a Lua file, or give --eval CODE.") from None
