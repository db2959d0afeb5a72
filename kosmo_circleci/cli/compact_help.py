"""Help that fits a screen where a command has many options: the rarer ones by name alone."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click


class CompactCommand(click.Command):
    """A command whose help names the options of `compact` in a line for each group.

    `compact` maps the title of a group to its options (`--journal`). The others are described as
    usual, and `lua_docs/cli.md` describes all of them.
    """

    def __init__(self, *args: Any, compact: Mapping[str, Sequence[str]], **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self._compact = compact

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        named = {name for names in self._compact.values() for name in names}
        rows = []
        signatures = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is None or not isinstance(parameter, click.Option):
                continue
            if parameter.opts[-1] in named:
                signatures[parameter.opts[-1]] = row[0]
            else:
                rows.append(row)
        with formatter.section("Options"):
            formatter.write_dl(rows)
        formatter.write_paragraph()
        for title, names in self._compact.items():
            shown = [signatures[name] for name in names if name in signatures]
            if shown:
                formatter.write(_group(title, shown, formatter.width))


def _group(title: str, signatures: Sequence[str], width: int) -> str:
    # A no-break space keeps an option and its value together.
    text = ", ".join(each.replace(" ", "\u00a0") for each in signatures)
    lines = textwrap.wrap(f"{title}: {text}", width, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ") + "\n"
