"""integrations:lua — the main job."""

from typing import Any, Final

import click

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.compact_help import CompactCommand
from kosmo_circleci.cli.fleet.options import EACH_NAMES, each_options, take_each
from kosmo_circleci.cli.offers import account_names, files, workflows
from kosmo_circleci.cli.options import eval_option, limit_options
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.output_options import result_or_findings_options
from kosmo_circleci.cli.script.arguments import argument_options
from kosmo_circleci.cli.script.checked import CheckingCommand, check_option
from kosmo_circleci.cli.script.file_options import FILE_NAMES, file_options, take_files
from kosmo_circleci.cli.script.journal_options import JOURNAL_NAMES, journal_options, take_journal
from kosmo_circleci.cli.script.lua_options import LuaOptions
from kosmo_circleci.cli.script.lua_run import carry_out

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
@result_or_findings_options
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
    return carry_out(app, LuaOptions(each=each, journal=journal, folders=folders, **options))
