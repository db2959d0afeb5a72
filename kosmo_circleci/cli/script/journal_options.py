"""`--journal` and what belongs to it: recorded, resumed, replayed, planned and applied runs."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from kosmo_circleci.cli.offers import files
from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.journal_settings import journal_settings
from kosmo_circleci.run.settings import JournalSettings

_F = TypeVar("_F", bound=Callable[..., Any])

_NAMES: Final = ("journal", "resume", "unknown", "replay", "plan", "apply")

JOURNAL_NAMES: Final = (*(f"--{name}" for name in _NAMES), "--detailed-exitcode")
"""The options of a journal, as they are typed."""

WRITES_PLANNED: Final = 2
"""The exit code of `--plan --detailed-exitcode` where there is something to apply."""


def journal_options(command: _F) -> _F:
    """Add the options of a journal to a command, which gets them as keywords."""
    for option in reversed(
        (
            click.option(
                "--journal", metavar="FILE", shell_complete=files, help="Record the run in FILE."
            ),
            click.option("--resume", is_flag=True, help="Continue its newest unfinished run."),
            click.option(
                "--unknown",
                type=click.Choice(["stop", "repeat", "skip"]),
                help="What becomes of a write whose answer was lost. Default stop.",
            ),
            click.option(
                "--replay",
                metavar="FILE",
                shell_complete=files,
                help="Answer every call from a recorded run; send nothing.",
            ),
            click.option(
                "--plan", metavar="FILE", shell_complete=files, help="List the writes, send none."
            ),
            click.option(
                "--apply", metavar="FILE", shell_complete=files, help="Make the writes of a plan."
            ),
            click.option(
                "--detailed-exitcode",
                is_flag=True,
                help="With --plan: exit 2 if there are writes.",
            ),
        )
    ):
        command = option(command)
    return command


def take_journal(options: dict[str, Any]) -> JournalSettings:
    """Take the options of a journal out of a command's, all but `detailed_exitcode`.

    Raises `UsageError` for what does not go together.
    """
    settings = journal_settings(**{name: options.pop(name) for name in _NAMES})
    if options["detailed_exitcode"] and settings.plan is None:
        raise UsageError("--detailed-exitcode needs --plan FILE.")
    return settings
