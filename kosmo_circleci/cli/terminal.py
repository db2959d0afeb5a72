"""What the terminal on standard output can show, and its pager.

The variables mean what they mean to `gh`: NO_COLOR (https://no-color.org), CLICOLOR and
CLICOLOR_FORCE (https://bixense.com/clicolors), PAGER.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import click

_PAGER_DEFAULTS: Final = {"LESS": "FRX", "LV": "-c"}
"""Quit on one screen, keep colours, leave the text there: unless the user says otherwise."""


def is_terminal(stream: TextIO | None = None) -> bool:
    """Say whether `stream` (default: standard output) is a terminal."""
    stream = sys.stdout if stream is None else stream
    return stream is not None and stream.isatty()


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether text for `stream` may hold colours.

    CLICOLOR_FORCE wins over everything but NO_COLOR; without it a terminal that is not `dumb` has
    colours unless CLICOLOR is 0.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM", "dumb") == "dumb":
        return False
    return is_terminal(stream)


def columns(most: int | None = None) -> int:
    """Return the width of the terminal in columns, at most `most`."""
    width = shutil.get_terminal_size().columns
    return width if most is None else min(width, most)


def show_in_pager(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Write `text` to standard output: on a terminal through $PAGER, where it names a program.

    Where the pager cannot be started the text is written all the same.
    """
    pager = environ.get("PAGER", "").strip()
    if not is_terminal() or pager in ("", "cat") or not _page(text, pager, environ):
        click.echo(text, color=wants_colour(sys.stdout, environ))


def _page(text: str, pager: str, environ: Mapping[str, str]) -> bool:
    import shlex
    import subprocess

    try:
        words = shlex.split(pager)
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, env=_PAGER_DEFAULTS | dict(environ)
        )
    except (OSError, ValueError):
        return False
    try:
        process.communicate(text.encode("utf-8", "replace") + b"\n")
    except KeyboardInterrupt:
        process.wait()  # Ctrl-C is the pager's; it decides when to leave
    return True
