"""integrations:lua — the main job."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.offers import account_names, files
from kosmo_circleci.cli.options import KeyValue, eval_option, limit_options
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.script.checked import (
    STRICT,
    CheckingCommand,
    check_only,
    check_option,
    refuse_findings,
)
from kosmo_circleci.cli.script.execution import read_source, run_script, show
from kosmo_circleci.errors import UsageError
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings

if TYPE_CHECKING:
    from kosmo_circleci.cli.script.records import Records


@click.command("integrations:lua", cls=CheckingCommand)
@click.argument("file", required=False, shell_complete=files)
@eval_option
@json_option
@click.option("--force", is_flag=True, help="Lift the read/write permission policy.")
@click.option("--trust-mcp", is_flag=True, help="Let MCP servers run that are not trusted.")
@click.option(
    "--simulate", is_flag=True, help="Talk to the embedded simulator: no token, no network."
)
@click.option(
    "--account",
    default="default",
    metavar="NAME",
    shell_complete=account_names,
    help="Account of the bare functions.",
)
@click.option("--arg", "args", multiple=True, type=KeyValue(), help="A string in the table args.")
@limit_options
@check_option
@click.option(
    "--trace", metavar="FILE", shell_complete=files, help="Write the calls as Chrome trace events."
)
@click.option(
    "--report", metavar="FILE", shell_complete=files, help="Write the run as one HTML page."
)
@click.option("--repl", is_flag=True, help="Start an interactive prompt instead.")
@click.pass_obj
def lua(
    app: App,
    file: str | None,
    code: str | None,
    as_json: bool,
    force: bool,
    trust_mcp: bool,
    simulate: bool,
    account: str,
    args: tuple[tuple[str, str], ...],
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
    check: str | None,
    trace: str | None,
    report: str | None,
    repl: bool,
) -> int:
    """Run a Lua workflow: FILE, --eval CODE, or standard input (-).

    What the script prints goes to standard output as it is printed, then what it returns: a string
    as it is, anything else as JSON. Errors go to standard error; with --json all of it is one
    object. Exit code: 0 success, 1 the run failed, 2 usage.

    A script has app.integrations.circleci, flow, json, regex, docs, args and the safe part of Lua's
    library; see 'kosmo integrations:docs'.

    \b
    Examples:
      kosmo integrations:lua --simulate -e 'dump(app.integrations.circleci.get_current_user())'
      kosmo integrations:lua deploy.lua --arg branch=main --force --json
      echo 'return 6 * 7' | kosmo integrations:lua
      kosmo integrations:lua nightly.lua --timeout 600 --report nightly.html
      kosmo integrations:lua --repl --simulate
    """
    settings = RunSettings(
        account=account,
        force=force,
        trust_mcp=trust_mcp,
        args=dict(args),
        limits=Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout),
        pretty=not as_json,
        keep_output=as_json,
        mask_source=report is not None,
    )
    runtime = RuntimeSettings(simulate=simulate)
    if repl:
        _refuse_with_repl(
            {"FILE": file, "--eval": code, "--json": as_json, "--check": check}
            | {"--trace": trace, "--report": report}
        )
        from kosmo_circleci.cli.script.repl import converse

        return converse(app, settings, runtime)
    records = _records(trace, report, file)
    source = read_source(file, code)
    if check == STRICT:
        refuse_findings(source)
    elif check is not None:
        return check_only(source, as_json)
    settings = settings._replace(name=source.name)
    message = RunMessage(source.code, settings, runtime)
    timeline = None if records is None else records.timeline
    run = run_script(app, message, as_json=as_json, timeline=timeline)
    kept = records is None or records.write(run, settings)
    show(run, as_json)
    return run.exit_code if kept else 1


def _records(trace: str | None, report: str | None, script: str | None) -> "Records | None":
    if trace is None and report is None:
        return None
    from kosmo_circleci.cli.script.records import Records

    return Records.checked(trace, report, script=script)


def _refuse_with_repl(options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value:
            raise UsageError(f"--repl and {name} exclude each other: a prompt reads its own lines.")
