"""`integrations:lua`, step by step: read the script, check it, settle its settings, run, show."""

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.outcome import show
from kosmo_circleci.cli.output_options import ResultOutput
from kosmo_circleci.cli.script.arguments import ScriptArguments, read_arguments
from kosmo_circleci.cli.script.checked import STRICT, check_only, refuse_findings
from kosmo_circleci.cli.script.defaults import CheckoutDefaults
from kosmo_circleci.cli.script.execution import Source, read_source, run_script
from kosmo_circleci.cli.script.lua_options import LuaOptions, refuse_with_each, refuse_with_repl
from kosmo_circleci.cli.script.planned import PlanDisplay, page_is_of_planned_writes, show_plan
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings
from kosmo_circleci.workflows.header import Header
from kosmo_circleci.workflows.header import parse as parse_header

if TYPE_CHECKING:
    from kosmo_circleci.cli.fleet.options import EachOptions
    from kosmo_circleci.cli.script.records import Records


class Script(NamedTuple):
    """The script to run, what its header declares, and the checkout its defaults come from."""

    source: Source
    header: Header
    checkout: CheckoutDefaults


def carry_out(app: App, options: LuaOptions) -> int:
    """Do what the command line says; return the exit code. Raises `KosmoError`."""
    output = options.output()
    if options.repl:
        return _converse(app, options, output)
    if options.each is not None:
        refuse_with_each(options, options.each, output)
    records = _records(options)
    script = _read(options)
    exit_code = _answer_without_running(script, options)
    if exit_code is not None:
        return exit_code
    settings = _settled(script, options)
    if options.each is not None:
        return _run_each(script, settings, options, options.each)
    run = run_script(
        app,
        RunMessage(script.source.code, settings, RuntimeSettings(simulate=options.simulate)),
        as_json=options.as_json,
        quiet=options.quiet,
        timeline=None if records is None else records.timeline,
    )
    is_recorded = records is None or records.write(run, settings)
    run = _show(run, script, settings, options, output)
    display = PlanDisplay(options.as_json, not output.is_default, options.detailed_exitcode)
    exit_code = show_plan(run, options.journal, display)
    return exit_code if is_recorded else 1


def _converse(app: App, options: LuaOptions, output: ResultOutput) -> int:
    refuse_with_repl(options, output)
    from kosmo_circleci.cli.script.repl import converse

    settings = options.folders.put_into(_settings(options, _arguments(options)), None)
    return converse(app, settings, RuntimeSettings(simulate=options.simulate))


def _records(options: LuaOptions) -> "Records | None":
    if options.trace is None and options.report is None:
        return None
    from kosmo_circleci.cli.script.records import Records

    return Records.checked(options.trace, options.report, script=options.file)


def _read(options: LuaOptions) -> Script:
    source = read_source(
        options.file,
        options.code,
        workflow=options.workflow,
        stdin_option=options.sources.stdin_option,
    )
    header = parse_header(source.code, source.name)
    return Script(source, header, CheckoutDefaults(options.account, simulate=options.simulate))


def _answer_without_running(script: Script, options: LuaOptions) -> int | None:
    """Carry out `--help-script` and `--check`; None where the script is to run.

    Raises `ValidationError` for what `--check=strict` finds.
    """
    source = script.source
    if options.help_script:
        from kosmo_circleci.cli.script.script_help import show_script_help

        return show_script_help(script.header, source.name, options.as_json)
    if options.check == STRICT:
        refuse_findings(source, options.folders.lua_path)
    elif options.check is not None:
        return check_only(
            source, options.folders.lua_path, options.format_, as_json=options.as_json
        )
    return None


def _settled(script: Script, options: LuaOptions) -> RunSettings:
    """Return the settings of the run, arguments bound to the header.

    Raises `PermissionDenied` for a workflow that is not trusted, and `UsageError` for arguments.
    """
    source, header = script.source, script.header
    bypassed = _permitted(source, options)
    arguments = _arguments(options)
    settings = _settings(options, arguments)._replace(
        name=source.name,
        args=header.bound(arguments.values, script.checkout, arguments.decoded),
        writes=header.writes,
        workflows_trust_bypassed=bypassed,
    )
    return options.folders.put_into(settings, source.folder)


def _permitted(source: Source, options: LuaOptions) -> bool:
    """Raise `PermissionDenied` for a workflow that may not run; say whether trust is bypassed."""
    if source.workflow is None:
        return False
    from kosmo_circleci.cli.workflows import permit

    return permit(source.workflow, source.code, options.trust_workflows)


def _arguments(options: LuaOptions) -> ScriptArguments:
    return read_arguments(options.sources, os.environ, sys.stdin.buffer)


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


def _run_each(
    script: Script, settings: RunSettings, options: LuaOptions, each: "EachOptions"
) -> int:
    from kosmo_circleci.cli.fleet.each import run_each

    settings = settings._replace(keep_output=True, pretty=False)
    return run_each(
        script.source.code, settings, each, simulate=options.simulate, as_json=options.as_json
    )


def _show(
    run: Run, script: Script, settings: RunSettings, options: LuaOptions, output: ResultOutput
) -> Run:
    """Write the result to stdout, a hint to stderr where there is one; return the run as shown."""
    plain_text = output.is_default and not options.as_json
    if not (plain_text and page_is_of_planned_writes(run, options.journal)):
        run = show(run, options.as_json, output)
    hint = script.checkout.hint(run, script.header, settings.args)
    if hint is not None and not options.as_json:
        click.echo(hint, err=True)
    return run
