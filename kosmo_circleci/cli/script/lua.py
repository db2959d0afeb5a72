"""integrations:lua — the main job."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.compact_help import CompactCommand
from kosmo_circleci.cli.fleet.options import EACH_NAMES, EachOptions, each_options, take_each
from kosmo_circleci.cli.offers import account_names, files, workflows
from kosmo_circleci.cli.options import eval_option, limit_options
from kosmo_circleci.cli.outcome import show
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.output_options import ResultOutput, result_options
from kosmo_circleci.cli.script.arguments import (
    ArgumentSources,
    Pair,
    ScriptArguments,
    argument_options,
    read_arguments,
)
from kosmo_circleci.cli.script.checked import (
    STRICT,
    CheckingCommand,
    check_only,
    check_option,
    refuse_findings,
)
from kosmo_circleci.cli.script.defaults import CheckoutDefaults
from kosmo_circleci.cli.script.execution import Source, read_source, run_script
from kosmo_circleci.cli.script.file_options import (
    FILE_NAMES,
    FileOptions,
    file_options,
    take_files,
)
from kosmo_circleci.cli.script.journal_options import JOURNAL_NAMES, journal_options, take_journal
from kosmo_circleci.cli.script.planned import page_is_of_planned_writes, show_plan
from kosmo_circleci.errors import UsageError
from kosmo_circleci.fleet.inputs import STDIN
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import JournalSettings, RunSettings, RuntimeSettings
from kosmo_circleci.workflows.header import parse as parse_header

if TYPE_CHECKING:
    from kosmo_circleci.cli.script.records import Records


@dataclass(frozen=True, slots=True)
class LuaOptions:
    """The options of the command line, as click read them."""

    file: str | None
    workflow: str | None
    code: str | None
    as_json: bool
    force: bool
    trust_mcp: bool
    trust_workflows: bool
    simulate: bool
    account: str
    args: tuple[Pair, ...]
    arg_files: tuple[Pair, ...]
    arg_variables: tuple[Pair, ...]
    args_json: str | None
    memory_limit: int
    cpu_limit: float
    timeout: float | None
    format_: str | None
    columns: str | None
    jq: str | None
    help_script: bool
    quiet: bool
    check: str | None
    trace: str | None
    report: str | None
    repl: bool
    each: EachOptions | None
    journal: JournalSettings
    folders: FileOptions
    detailed_exitcode: bool


_COMPACT: Final = {
    "Arguments": ("--arg-file", "--arg-env", "--args-json", "--help-script"),
    "Limits": ("--timeout", "--cpu-limit", "--memory-limit"),
    "Result": ("--format", "--columns", "--jq"),
    "Records": ("--trace", "--report", "--quiet"),
    "Access": (*FILE_NAMES, "--trust-mcp", "--trust-workflows"),
    "Journal": JOURNAL_NAMES,
    "Inputs": EACH_NAMES,
}
"""The options that --help shows by name: what is not here has a line of its own."""


class LuaCommand(CheckingCommand, CompactCommand):
    """Reads `--check` with and without a value; its help fits a screen."""


@click.command("integrations:lua", cls=LuaCommand, compact=_COMPACT)
@click.argument("file", required=False, shell_complete=files)
@eval_option
@click.option(
    "-w", "--workflow", metavar="NAME", shell_complete=workflows, help="Run a ready-made workflow."
)
@json_option
@click.option("--force", is_flag=True, help="Lift the read/write permission policy.")
@click.option("--trust-mcp", is_flag=True, help="Let MCP servers run that are not trusted.")
@click.option(
    "--trust-workflows", is_flag=True, help="Run a project's workflow that is not trusted."
)
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
@argument_options
@click.option("--help-script", is_flag=True, help="Show the arguments a script declares.")
@limit_options
@check_option
@result_options
@file_options
@click.option("--quiet", is_flag=True, help="Show no progress on standard error.")
@click.option(
    "--trace", metavar="FILE", shell_complete=files, help="Write the calls as Chrome trace events."
)
@click.option(
    "--report", metavar="FILE", shell_complete=files, help="Write the run as one HTML page."
)
@journal_options
@each_options
@click.option("--repl", is_flag=True, help="Start an interactive prompt instead.")
@click.pass_obj
def lua(app: App, /, **options: Any) -> int:
    """Run a Lua workflow: FILE, --eval CODE, or standard input (-).

    What the script prints goes to stdout as it is printed, then what it returns: a string as it is,
    anything else as JSON. Errors go to stderr; with --json all of it is one object. Exit code: 0
    success, 1 the run failed, 2 usage. A script has app.integrations.circleci, flow, json, regex,
    docs, args and the safe part of Lua's library; see 'kosmo docs'. Every option: 'kosmo docs cli'.

    \b
    Examples:
      kosmo run --simulate -e 'dump(app.integrations.circleci.get_current_user())'
      kosmo run deploy.lua --arg branch=main --arg-env token=DEPLOY_TOKEN --json
      echo 'return 6 * 7' | kosmo run
      kosmo run nightly.lua --timeout 10m --report nightly.html
      kosmo run --repl --simulate
    """
    each, journal = take_each(options), take_journal(options)
    folders = take_files(options)
    return _carry_out(app, LuaOptions(each=each, journal=journal, folders=folders, **options))


def _carry_out(app: App, options: LuaOptions) -> int:
    output = ResultOutput.checked(
        options.format_, options.columns, options.jq, as_json=options.as_json
    )
    runtime = RuntimeSettings(simulate=options.simulate)
    sources = ArgumentSources(
        options.args, options.arg_files, options.arg_variables, options.args_json
    )
    if options.repl:
        _refuse_with_repl(options, output, sources)
        from kosmo_circleci.cli.script.repl import converse

        arguments = read_arguments(sources, os.environ, sys.stdin.buffer)
        settings = options.folders.put_into(_settings(options, arguments), None)
        return converse(app, settings, runtime)
    if options.each is not None:
        _refuse_with_each(options, options.each, output, sources)
    records = _records(options)
    source = read_source(
        options.file,
        options.code,
        workflow=options.workflow,
        stdin_option=sources.stdin_option,
    )
    header = parse_header(source.code, source.name)
    if options.help_script:
        from kosmo_circleci.cli.script.script_help import show_script_help

        return show_script_help(header, source.name, options.as_json)
    if options.check == STRICT:
        refuse_findings(source, options.folders.lua_path)
    elif options.check is not None:
        return check_only(source, options.folders.lua_path, options.as_json)
    bypassed = _permitted(source, options)
    arguments = read_arguments(sources, os.environ, sys.stdin.buffer)
    settings = _settings(options, arguments)
    here = CheckoutDefaults(options.account, simulate=options.simulate)
    args = header.bound(settings.args, here, arguments.decoded)
    settings = settings._replace(
        name=source.name,
        args=args,
        writes=header.writes,
        workflows_trust_bypassed=bypassed,
    )
    settings = options.folders.put_into(settings, source.folder)
    if options.each is not None:
        from kosmo_circleci.cli.fleet.each import run_each

        settings = settings._replace(keep_output=True, pretty=False)
        return run_each(
            source.code,
            settings,
            options.each,
            simulate=options.simulate,
            as_json=options.as_json,
        )
    run = run_script(
        app,
        RunMessage(source.code, settings, runtime),
        as_json=options.as_json,
        quiet=options.quiet,
        timeline=None if records is None else records.timeline,
    )
    kept = records is None or records.write(run, settings)
    plain_text = output.is_default and not options.as_json
    if not (plain_text and page_is_of_planned_writes(run, options.journal)):
        run = show(run, options.as_json, output)
    hint = here.hint(run, header, args)
    if hint is not None and not options.as_json:
        click.echo(hint, err=True)
    exit_code = show_plan(run, options.journal, options.as_json, options.detailed_exitcode)
    return exit_code if kept else 1


def _permitted(source: Source, options: LuaOptions) -> bool:
    """Raise `PermissionDenied` for a workflow that may not run; say whether trust is bypassed."""
    if source.workflow is None:
        return False
    from kosmo_circleci.cli.workflows import permit

    return permit(source.workflow, source.code, options.trust_workflows)


def _settings(options: LuaOptions, arguments: ScriptArguments) -> RunSettings:
    return RunSettings(
        account=options.account,
        force=options.force,
        trust_mcp=options.trust_mcp,
        args=arguments.values,
        secrets=arguments.secrets,
        limits=Limits(
            memory_bytes=options.memory_limit, cpu_s=options.cpu_limit, timeout_s=options.timeout
        ),
        pretty=not options.as_json,
        keep_output=options.as_json,
        mask_source=options.report is not None,
        journal=options.journal,
    )


def _records(options: LuaOptions) -> "Records | None":
    if options.trace is None and options.report is None:
        return None
    from kosmo_circleci.cli.script.records import Records

    return Records.checked(options.trace, options.report, script=options.file)


def _refuse_with_repl(options: LuaOptions, output: ResultOutput, sources: ArgumentSources) -> None:
    others: Mapping[str, object] = {
        "FILE": options.file,
        "--eval": options.code,
        "--workflow": options.workflow,
        "--json": options.as_json,
        "--check": options.check,
        "--format": output.format,
        "--jq": output.jq,
        sources.stdin_option or "": sources.stdin_option,
        "--trace": options.trace,
        "--report": options.report,
        "--each": options.each,
        "--plan": options.journal.plan,
        "--apply": options.journal.apply,
    }
    _refuse("--repl", others, "a prompt reads its own lines.")


def _refuse_with_each(
    options: LuaOptions, each: EachOptions, output: ResultOutput, sources: ArgumentSources
) -> None:
    others: Mapping[str, object] = {
        "--format": output.format,
        "--jq": output.jq,
        "--trace": options.trace,
        "--report": options.report,
        "--plan": options.journal.plan,
        "--apply": options.journal.apply,
        "--replay": options.journal.replay,
    }
    _refuse("--each", others, "each input has a row of its own.")
    if each.inputs == STDIN and (
        sources.stdin_option
        or (options.code is None and options.workflow is None and options.file in (None, STDIN))
    ):
        raise UsageError(
            "Standard input has the inputs. Give the script as FILE or --eval, arguments by file."
        )


def _refuse(option: str, others: Mapping[str, object], why: str) -> None:
    for name, value in others.items():
        if value:
            raise UsageError(f"{option} and {name} exclude each other: {why}")
