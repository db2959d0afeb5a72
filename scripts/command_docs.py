"""The commands as a document: what `kosmo COMMAND --help` says, for lua_docs/cli.md.

The text comes from the commands themselves: docstring, arguments, options. The text before and
after the generated part is edited by hand.
"""

import inspect
import re
from collections.abc import Iterator

import click
from markers import between, markers

from kosmo_circleci.cli.commands import grouped, kosmo, load

BEGIN, END = markers("commands")


def cli_guide(old: str) -> str:
    """Return the guide with every command described between its markers.

    Raises `DocumentError` where the two marker lines do not stand there once and in this order.
    """
    return between(old, "commands", commands())


def commands() -> str:
    """Return Markdown: a heading for each group, a section for each command."""
    parts = []
    for title, names in grouped():
        parts.append(f"## {title}")
        parts += [section(name, load(name)) for name in names]
    return "\n\n".join(parts)


def section(name: str, command: click.Command) -> str:
    """Return one command: its usage, what it does, its options, its examples."""
    parent = click.Context(kosmo, info_name="kosmo", **kosmo.context_settings)
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(["kosmo", name, *command.collect_usage_pieces(context)])
    parts = [f"### {name}", f"    {usage}"]
    examples = ""
    for paragraph in _paragraphs(command.help or ""):
        if paragraph.startswith("Examples:\n"):
            examples = "```sh\n" + _unindented(paragraph.partition("\n")[2]) + "\n```"
        elif paragraph.startswith("  "):
            parts.append("```text\n" + _unindented(paragraph) + "\n```")
        else:
            parts.append(paragraph)
    rows = [_row(each, context) for each in command.params if isinstance(each, click.Option)]
    parts.append("\n".join(["| option | |", "| --- | --- |", *rows]))
    return "\n\n".join([*parts, *([examples] if examples else [])])


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring; what follows click's `\\b` keeps its lines."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = block.splitlines()
        if lines[0].strip() == "\b":
            yield "\n".join(line.rstrip() for line in lines[1:])
        else:
            yield " ".join(line.strip() for line in lines)


def _unindented(text: str) -> str:
    lines = text.splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:] for line in lines)


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if not option.is_flag:
        names += f" `{option.make_metavar(context)}`"
    return f"| {names} | {option.help} |"
