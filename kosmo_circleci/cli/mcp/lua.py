"""mcp:lua — a script with the tools of MCP servers, and without CircleCI."""

import click

from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.mcp.options import force_option, trust_option
from kosmo_circleci.cli.offers import files
from kosmo_circleci.cli.options import KeyValue, eval_option, limit_options
from kosmo_circleci.cli.outcome import show
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.script.execution import read_source, run_script
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings


@click.command("mcp:lua")
@click.argument("file", required=False, shell_complete=files)
@eval_option
@json_option
@force_option
@trust_option
@click.option("--arg", "args", multiple=True, type=KeyValue(), help="A string in the table args.")
@limit_options
@click.pass_obj
def lua(
    app: App,
    file: str | None,
    code: str | None,
    as_json: bool,
    force: bool,
    trust_mcp: bool,
    args: tuple[tuple[str, str], ...],
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
) -> int:
    """Run a Lua script with app.mcp and mcp, without app.integrations: FILE, --eval, or stdin (-).

    \b
    Examples:
      kosmo mcp:lua -e 'dump(mcp.servers())'
      kosmo mcp:lua -e 'return app.mcp.time.get_current_time({timezone = "UTC"})'
      kosmo mcp:lua report.lua --arg since=2026-01-01 --json
    """
    source = read_source(file, code)
    settings = RunSettings(
        name=source.name,
        force=force,
        trust_mcp=trust_mcp,
        args=dict(args),
        limits=Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout),
        integrations=False,
        pretty=not as_json,
        keep_output=as_json,
    )
    message = RunMessage(source.code, settings, RuntimeSettings())
    run = run_script(app, message, as_json=as_json)
    show(run, as_json)
    return run.exit_code
