"""What a person sees of a plan, and the exit code that tells a program."""

from typing import NamedTuple

import click

from kosmo_circleci.cli.script.journal_options import WRITES_PLANNED
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import JournalSettings


class PlanDisplay(NamedTuple):
    """What is to be seen of a plan: the `error` stream takes it where stdout is for programs."""

    as_json: bool
    error: bool
    detailed: bool


def show_plan(run: Run, journal: JournalSettings, display: PlanDisplay) -> int:
    """Write the plan of a run that made one, unless `as_json`; return the exit code.

    A `detailed` one tells whether there is something to apply. A run that fails makes no plan:
    where it says so with its exit code alone, a line on stderr tells of it.
    """
    if journal.plan is None:
        return run.exit_code
    if not run.success:
        if run.error is None and not display.as_json:
            click.echo(
                f"No plan was made: the script ended with exit code {run.exit_code}.", err=True
            )
        return run.exit_code
    from kosmo_circleci.journal.plan import read_plan
    from kosmo_circleci.journal.plan_text import plan_text

    plan = read_plan(journal.plan)
    if not display.as_json:
        click.echo(plan_text(plan), err=display.error)
    if display.detailed and plan.writes and not run.exit_code:
        return WRITES_PLANNED
    return run.exit_code


def page_is_of_planned_writes(run: Run, journal: JournalSettings) -> bool:
    """Say whether the run's page for people (`view`) tells of writes that were planned only.

    Such a page would say "canceled" above a plan that says what would be canceled.
    """
    if journal.plan is None or not run.success or run.result_text is None:
        return False
    from kosmo_circleci.journal.plan import read_plan

    return bool(read_plan(journal.plan).writes)
