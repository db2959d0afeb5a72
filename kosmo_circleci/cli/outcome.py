"""The outcome of a run, as a command writes it: the envelope, or the result and the error."""

import re
from typing import Final

import click

from kosmo_circleci.cli.output_options import ResultOutput, shown_as_table
from kosmo_circleci.errors import ApiError
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.wording import printable_lines

_FRAMES_SHOWN: Final = 5
_STATUS: Final = re.compile(r"CircleCI API error \((\d{3})\)")


def show(run: Run, as_json: bool, output: ResultOutput = ResultOutput()) -> None:  # noqa: B008
    """Write the outcome: the envelope, or the result on stdout and the error on stderr.

    `output` says how a result is written, where the command line asks for more than text or JSON.
    """
    if as_json and output.jq is not None:
        output.write(run.to_dict())
    elif as_json:
        for part in run.json_parts():
            click.echo(part, nl=False)
        click.echo()
    elif run.error is not None:
        show_error(run)
    elif not output.is_default:
        output.write(run.result)
    elif run.result_text is not None:
        if run.result_text:  # a page for people with nothing on it, unlike an empty string
            write_text(run.result_text)
    elif run.result_json.startswith('"'):
        write_text(run.result)
    elif run.result_json != "null" and not _written_as_table(run):
        click.echo(run.result_json)


def _written_as_table(run: Run) -> bool:
    """Write the result as a table if the terminal has room for it; say whether it was written."""
    return run.result_json[0] in "[{" and shown_as_table(lambda: run.result)


def write_text(text: str) -> None:
    """Write a text as it is, with the newline at the end that it may lack, and no second one."""
    click.echo(text, nl=not text.endswith("\n"))


def show_error(run: Run) -> None:
    """Write a run's error to stderr: the message, where it happened, what to do next.

    A server may have written the message: nothing in it steers the terminal.
    """
    # A frame alone is the line that the error names already.
    frames = run.traceback if len(run.traceback) > 1 else ()
    lines = [f"error: {run.error}", *(f"  {frame}" for frame in frames[:_FRAMES_SHOWN])]
    more = len(frames) - _FRAMES_SHOWN
    if more > 0:
        lines.append(f"  … {more} more")
    step = next_step(run)
    if step is not None:
        lines.append(step)
    click.echo(printable_lines("\n".join(lines)), err=True)


def next_step(run: Run) -> str | None:
    """Return what the user can do about an error of the API, or None."""
    # A run travels between processes, and of its error only the text does.
    status = _STATUS.search(run.error or "") if run.error_type == ApiError.error_type else None
    return ApiError("", status=int(status[1])).next_step if status else None
