"""runs:list, :show, :export, :prune — what a journal says about the runs it holds."""

from collections.abc import Iterator
from typing import Any, Final

import click

from kosmo_circleci.cli.offers import files
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.tables.aligned import aligned
from kosmo_circleci.wording import printable, shorten

# The journal's modules load SQLite: each command imports what it needs.

_JOURNAL: Final = click.Path(exists=True, dir_okay=False)
_COLUMNS: Final = ("run", "script", "started", "outcome", "calls", "done", "unknown", "rerun")
_ADVICE: Final = {
    "safe": "nothing was written: run it again",
    "resume": "resume it with --resume: what was written is not written again",
    "look": "look whether the unknown writes happened, then resume with --unknown=skip or repeat",
    "wait": "it is in progress",
    "done": "it has succeeded: another run starts from the beginning",
}
_SHOWN_ERROR: Final = 500


@click.command("runs:list")
@click.argument("file", type=_JOURNAL, shell_complete=files)
@json_option
def list_runs(file: str, as_json: bool) -> None:
    """List the runs of the journal FILE, newest first.

    \b
    Examples:
      kosmo runs:list nightly.journal
      kosmo runs:list nightly.journal --json | jq -r '.runs[] | select(.rerun == "look") | .id'
    """
    from kosmo_circleci.journal import runs

    listed = runs.list_runs(file)
    rows = [_row(run) for run in listed]
    text = aligned(_COLUMNS, rows, None) if rows else "There is no run in this journal."
    emit(text, {"success": True, "runs": list(listed)}, as_json)


@click.command("runs:show")
@click.argument("file", type=_JOURNAL, shell_complete=files)
@click.argument("run", required=False)
@click.option("--calls", is_flag=True, help="Every call, with what it did.")
@json_option
def show_run(file: str, run: str | None, calls: bool, as_json: bool) -> None:
    """Show one RUN of the journal FILE, the newest unless it is named.

    Script, arguments, account, when, how it ended, calls, writes done and unknown, and whether it
    is safe to run again.

    \b
    Examples:
      kosmo runs:show nightly.journal
      kosmo runs:show nightly.journal 3f9a1c2e --calls
      kosmo runs:show nightly.journal --json | jq .run.rerun
    """
    from kosmo_circleci.journal import runs

    shown = runs.show_run(file, run, calls=calls)
    emit("\n".join(_lines(shown)), {"success": True, "run": shown}, as_json)


@click.command("runs:export")
@click.argument("file", type=_JOURNAL, shell_complete=files)
@click.argument("run")
@click.option("--json", "_as_json", is_flag=True, help="The same: the export is JSON Lines.")
def export_run(file: str, run: str, _as_json: bool) -> None:
    """Write one RUN of the journal FILE as JSON Lines: the run, then each call and its answer.

    \b
    Examples:
      kosmo runs:export nightly.journal 3f9a1c2e > run.jsonl
      kosmo runs:export nightly.journal 3f9a1c2e | jq -c 'select(.effect == "done") | .request'
    """
    from kosmo_circleci.journal import runs

    for line in runs.export_run(file, run):
        click.echo(encode(line))


@click.command("runs:prune")
@click.argument("file", type=_JOURNAL, shell_complete=files)
@click.option("--keep", type=click.IntRange(0), required=True, metavar="N", help="How many stay.")
@json_option
def prune_runs(file: str, keep: int, as_json: bool) -> None:
    """Delete all but the newest N runs of the journal FILE; those in progress stay.

    \b
    Examples:
      kosmo runs:prune nightly.journal --keep 30
      kosmo runs:prune nightly.journal --keep 0 --json
    """
    from kosmo_circleci.journal import runs

    removed = runs.prune_runs(file, keep)
    count = "1 run was" if removed == 1 else f"{removed} runs were"
    emit(f"{count} deleted.", {"success": True, "deleted": removed}, as_json)


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    return (
        run["id"],
        printable(run["script"]),
        _when(run["started_at"]),
        run["outcome"],
        str(run["call_count"]),
        str(run["writes"]["done"]),
        str(run["writes"]["unknown"]),
        run["rerun"],
    )


def _lines(run: dict[str, Any]) -> Iterator[str]:
    ended = f", ended {_when(run['ended_at'])}" if run["ended_at"] else ""
    who = f" (pid {run['pid']})" if run["pid"] else ""
    yield f"run        {run['id']}"
    yield f"script     {printable(run['script'])} (sha256 {run['script_sha256'][:12]})"
    yield f"arguments  {_arguments(run['arguments'])}"
    yield f"account    {run['account']}{' (simulated)' if run['simulated'] else ''}"
    yield f"started    {_when(run['started_at'])}{ended}"
    yield f"ran for    {run['elapsed_s']:.1f} s, in {run['processes']} process(es)"
    yield f"outcome    {run['outcome']}{who}"
    if run["error"]:
        yield f"error      {printable(shorten(run['error'], _SHOWN_ERROR))}"
    writes = run["writes"]
    effects = ", ".join(f"{count} {effect}" for effect, count in writes.items())
    yield f"calls      {run['call_count']}; writes: {effects}"
    yield f"rerun      {run['rerun']}: {_ADVICE[run['rerun']]}"
    for call in run.get("calls", ()):
        yield _call_line(call)


def _arguments(arguments: JsonValue) -> str:
    if arguments is None:
        return "(they are recorded when a run ends)"
    return printable(encode(arguments)) if arguments else "none"


def _call_line(call: dict[str, Any]) -> str:
    answer = call["http_status"] or ("no answer" if call["state"] != "failed" else "not sent")
    effect = call["effect"] if call["kind"] == "write" else "read"
    decided = f", {call['decision']}" if call["decision"] else ""
    text = f"{call['sequence']:>6}  {effect:<8}{answer!s:<10}{call['request']}{decided}"
    return f"{printable(text)}  {printable(encode(call['arguments']))}"


def _when(time: str | None) -> str:
    return "" if time is None else f"{time[:10]} {time[11:19]} UTC"
