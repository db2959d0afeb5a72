"""integrations:test — tests of scripts, in Lua."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click

from kosmo_circleci.cli.offers import files
from kosmo_circleci.cli.options import limit_options
from kosmo_circleci.cli.output import json_option
from kosmo_circleci.cli.script.file_options import lua_path_option, take_lua_path
from kosmo_circleci.cli.testing import formats
from kosmo_circleci.cli.testing.runner import Result, Runner, find_files
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.limits import Limits

_FORMATS: Final[dict[str, Callable[[Sequence[Result]], str]]] = {
    "tap": formats.to_tap,
    "junit": formats.to_junit,
}


@click.command("integrations:test")
@click.argument(
    "names",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=files,
)
@json_option
@click.option(
    "--format", "form", type=click.Choice(list(_FORMATS)), help="Write TAP, or JUnit's XML."
)
@click.option("-k", "part", default="", metavar="TEXT", help="Only tests with TEXT in their name.")
@click.option(
    "--account", "accounts", multiple=True, metavar="NAME", help="A further simulated account."
)
@lua_path_option
@limit_options
def test(
    names: tuple[Path, ...],
    as_json: bool,
    form: str | None,
    part: str,
    accounts: tuple[str, ...],
    lua_path: tuple[str, ...],
    memory_limit: int,
    cpu_limit: float,
    timeout: float | None,
) -> int:
    """Run the tests of each FILE, or of the *_test.lua files in a folder.

    A test is a global function whose name begins with test_. Each runs in a Lua state and a
    simulated CircleCI of its own, with writes allowed; it fails if it raises an error.
    expect.equal, expect.error and expect.match raise one that says what is wrong; see 'kosmo docs
    checking'.

    Exit code: 0 all passed, 1 a test failed, 2 usage.

    \b
    Examples:
      kosmo integrations:test workflows
      kosmo integrations:test release_test.lua -k approval
      kosmo integrations:test workflows --format junit > report.xml
    """
    if as_json and form is not None:
        raise UsageError(f"--json and --format {form} exclude each other.")
    limits = Limits(memory_bytes=memory_limit, cpu_s=cpu_limit, timeout_s=timeout)
    results: list[Result] = []
    runner = Runner(limits, accounts, part, take_lua_path(lua_path))
    for result in runner.results(find_files(names)):
        results.append(result)
        if form is None and not as_json:
            click.echo(formats.to_text(result))
    if not results and runner.signal_number is None:
        raise UsageError(f"No test has '{part}' in its name.")
    if as_json:
        click.echo(encode(formats.to_value(results)))
    else:
        click.echo(formats.summary(results) if form is None else _FORMATS[form](results))
    if runner.signal_number is not None:
        return 128 + runner.signal_number
    return 0 if all(each.run.success for each in results) else 1
