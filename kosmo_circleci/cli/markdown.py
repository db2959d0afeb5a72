"""Markdown for a terminal. `rich` is loaded here, by those who look at a page on a screen."""

import io
import os
import re
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

import click

from kosmo_circleci.cli import terminal

WIDEST: Final = 100
"""Longer lines of prose are hard to read."""

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PADDING: Final = re.compile(r"^(?:\x1b\[[\d;]*m|[ \t])+$|[ \t]+$", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_STYLES: Final = {
    # rich puts inline code on black, which a light terminal shows as a bar.
    "markdown.code": "cyan",
    "markdown.h1": "bold underline",
    "markdown.h2": "bold",
    "markdown.h3": "bold",
}


class _Block(NamedTuple):
    """Prose (`language` None), or the code of one fence."""

    text: str
    language: str | None = None


def show_page(markdown: str) -> None:
    """Write a page to standard output: laid out behind the pager on a terminal, else as it is."""
    if not terminal.is_terminal():
        click.echo(markdown.rstrip("\n"))
        return
    colour = terminal.wants_colour(sys.stdout, os.environ)
    terminal.show_in_pager(rendered(markdown, terminal.columns(), colour=colour))


def rendered(markdown: str, width: int, *, colour: bool) -> str:
    """Return a page as a terminal shows it, `width` columns wide.

    Code is not wrapped: it is there to be copied. Without `colour` there is no escape sequence.
    """
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.syntax import Syntax
    from rich.theme import Theme

    out = io.StringIO()
    console = Console(
        file=out,
        width=min(width, WIDEST),
        force_terminal=True,
        color_system="standard" if colour else None,
        theme=Theme(_STYLES),
        _environ={},
    )
    for block in _blocks(markdown):
        if block.language is None:
            console.print(Markdown(block.text, hyperlinks=False))
        else:
            code = Syntax("", block.language or "text", theme="ansi_dark").highlight(block.text)
            console.print(code, soft_wrap=True)
        console.print()
    return _BLANK_LINES.sub("\n\n", _PADDING.sub("", out.getvalue())).strip("\n")


def _blocks(markdown: str) -> Iterator[_Block]:
    end = 0
    for fence in _FENCE.finditer(markdown):
        yield _Block(markdown[end : fence.start()])
        yield _Block(fence[2].rstrip("\n"), fence[1])
        end = fence.end()
    yield _Block(markdown[end:])
