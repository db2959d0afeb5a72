"""integrations:doctor — the steps of `diagnosis.py`, each printed as it ends."""

import sys
from typing import Final

import click

from kosmo_circleci import jsonvalue
from kosmo_circleci.cli.accounts.diagnosis import Check, Waiting, checks
from kosmo_circleci.cli.offers import account_names
from kosmo_circleci.cli.options import Seconds
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable_lines

_ERROR_TYPES: Final = {"DNS": "network", "reachable": "network", "who am I": "api"}
"""What the first check that fails makes of the outcome; any other one is `configuration`."""

_ERASE_LINE: Final = "\r\033[K"


@click.command("integrations:doctor")
@click.option(
    "--account",
    default="default",
    metavar="NAME",
    shell_complete=account_names,
    help="Account to check.",
)
@click.option(
    "--timeout", type=Seconds(), default="10", help="How long to wait for the network. Default 10."
)
@click.option("--simulate", is_flag=True, help="Ask the embedded simulator: no token, no network.")
@json_option
def doctor(account: str, timeout: float, simulate: bool, as_json: bool) -> int:
    """Check the way to CircleCI: file, token, policy, proxy, DNS, TLS, and who the token is.

    One read goes out (get_current_user). Every fault comes with the next command to run. The exit
    code is 1 when a check fails; a warning leaves it at 0.

    \b
    Examples:
      kosmo integrations:doctor
      kosmo integrations:doctor --account work --timeout 1m
      kosmo integrations:doctor --json | jq -r '.checks[] | select(.status == "fail") | .next'
    """
    done: list[Check] = []
    for step in checks(account, simulate=simulate, timeout_s=timeout):
        if isinstance(step, Check):
            done.append(step)
        if not as_json:
            _show(step)
    failed = [each.name for each in done if each.status == "fail"]
    error = f"Failed: {', '.join(failed)}." if failed else None
    if as_json:
        value: JsonValue = {
            "success": not failed,
            "account": account,
            "checks": [each.to_json() for each in done],
            "error": error,
            "error_type": _ERROR_TYPES.get(failed[0], "configuration") if failed else None,
        }
        click.echo(jsonvalue.encode(value))
    elif error is not None:
        click.echo(f"error: {printable_lines(error)}", err=True)
    return 1 if failed else 0


def _show(step: Check | Waiting) -> None:
    """Print a check that has ended; on a terminal also what the next one waits for."""
    on_terminal = sys.stderr.isatty()
    if isinstance(step, Waiting):
        if on_terminal:
            click.echo(f"...   {step.text}", err=True, nl=False)
        return
    if on_terminal:
        click.echo(_ERASE_LINE, err=True, nl=False)
    click.echo(f"{step.status:4}  {step.name}: {step.detail}")
    if step.next is not None:
        click.echo(f"      next: {step.next}")
