"""`--help-script`: what a workflow file says of itself, without running it."""

import click

from kosmo_circleci.cli.output import emit
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import printable
from kosmo_circleci.workflows.header import Argument, Header


def show_script_help(header: Header, name: str, as_json: bool) -> int:
    """Write the description, the arguments and what the script may write; return the exit code."""
    writes: JsonValue = None if header.writes is None else list(header.writes)
    value: JsonValue = {
        "success": True,
        "name": name,
        "description": header.description,
        "args": [each.to_json() for each in header.arguments],
        "writes": writes,
    }
    emit(_text(header, name), value, as_json)
    return 0


def _text(header: Header, name: str) -> str:
    out = click.HelpFormatter(width=80)
    out.write_usage(f"kosmo run {printable(name)}", "[--arg KEY=VALUE]…")
    if header.description:
        out.write_paragraph()
        with out.indentation():
            out.write_text(printable(header.description))
    with out.section("Arguments"):
        if header.arguments:
            out.write_dl([_row(each) for each in header.arguments])
        else:
            out.write_text("The script declares none: --arg gives strings.")
    if header.writes is not None:
        out.write_paragraph()
        out.write_text(f"Writes: {printable(', '.join(header.writes)) or 'none'}")
    return out.getvalue().rstrip("\n")


def _row(argument: Argument) -> tuple[str, str]:
    parts = [printable(argument.description)] if argument.description else []
    if argument.required:
        parts.append("Required.")
    if argument.default is not None:
        parts.append(f"Default {printable(argument.default) or 'is empty'}.")
    return f"{argument.name} {argument.type}", " ".join(parts)
