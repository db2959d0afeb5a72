"""What a person sees of a plan, and the exit code that tells a program."""

import click

from kosmo_circleci.cli.script.journal_options import WRITES_PLANNED
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.settings import JournalSettings


def show_plan(run: Run, journal: JournalSettings, as_json: bool, detailed: bool) -> int:
    """Write the plan of a run that made one to stdout, unless `as_json`; return the exit code.

    A `detailed` one tells whether there is something to apply.
    """
    if journal.plan is None or not run.success:
        return run.exit_code
    from kosmo_circleci.journal.plan import read_plan
    from kosmo_circleci.journal.plan_text import plan_text

    plan = read_plan(journal.plan)
    if not as_json:
        click.echo(plan_text(plan))
    if detailed and plan.writes and not run.exit_code:
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
