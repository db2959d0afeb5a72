"""`kosmo call FUNCTION --help`: the parameters of one function as flags, on one screen."""

import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Final

from kosmo_circleci.call.types import describe
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.cli.call import example
from kosmo_circleci.cli.call.call_arguments import OPTIONS, as_flag
from kosmo_circleci.wording import shorten

LINES: Final = 40
"""What fits on a screen. A description gives way before a parameter does."""

_WIDTH: Final = 80
_FIRST_COLUMN: Final = 30
_ENUM_SHOWN: Final = 4
_SENTENCE: Final = re.compile(r".*?[.;:](?=\s|$)", re.DOTALL)

Describe = Callable[[Parameter, Function], str]


def function_help(function: Function, command: str, width: int = _WIDTH) -> str:
    """Return the help of `command FUNCTION`, at most 40 lines where the parameters leave room.

    `command` is how the command was called (`kosmo call`), `width` the screen's in columns.
    """
    text = ""
    for describe_parameter in (_everything, _without_hints, _first_sentence):
        text = _page(function, command, width, describe_parameter, _columns)
        if text.count("\n") < LINES:
            return text
    return _page(function, command, width, _first_sentence, _one_line_each)


def _page(
    function: Function,
    command: str,
    width: int,
    describe_parameter: Describe,
    lay_out: Callable[[list[tuple[str, str]], int], list[str]],
) -> str:
    about = " ".join(filter(None, [_plain(function.summary), _plain(function.note)]))
    rows = [_row(each, function, describe_parameter) for each in function.parameters]
    more = (
        f"Options of the command: '{command} --help'. "
        f"The answer and what can fail: 'kosmo docs circleci.{function.name}'."
    )
    lines = [
        f"Usage: {command} {function.name} [JSON] [--KEY=VALUE]",
        "",
        *_wrapped(about, width, "  "),
        *_wrapped(_kind(function), width, "  "),
        "",
        "Parameters:",
        *(lay_out(rows, width) or ["  None."]),
        *(line for rule in _rules(function) for line in _wrapped(rule, width, "  ")),
        "",
        "Example:",
        *_wrapped_command([command, function.name, *example.flags(function)], width),
        "",
        *_wrapped(more, width),
    ]
    return "\n".join(lines)


def _kind(function: Function) -> str:
    request = "any path" if function.is_raw else function.api_path
    if function.kind == "read":
        return f"Read: {function.method} {request}"
    return f"Write (asks, or needs --force or the policy): {function.method} {request}"


def _row(parameter: Parameter, function: Function, describe_: Describe) -> tuple[str, str]:
    required = ""
    if parameter.required:
        has_parts = any(each.part_of == parameter.name for each in function.parameters)
        required = "Required, or its fields below. " if has_parts else "Required. "
    return (
        f"{_flag(parameter)} {describe(parameter)}",
        required + describe_(parameter, function),
    )


def _flag(parameter: Parameter) -> str:
    """Return the flag, or `--arg NAME=…` where the command has an option of that name."""
    flag = as_flag(parameter.name)
    return f"--arg {parameter.name}=" if flag in OPTIONS else flag


def _rules(function: Function) -> Iterator[str]:
    for rule, names in (
        ("Exactly one of", function.exactly_one_of),
        ("At most one of", function.at_most_one_of),
    ):
        if names:
            yield f"{rule} {', '.join(map(as_flag, names))}."


def _everything(parameter: Parameter, function: Function) -> str:
    parts = [_plain(parameter.description), *_values(parameter, len(parameter.enum))]
    flat = [as_flag(each.name) for each in function.parameters if each.part_of == parameter.name]
    if flat:
        parts.append(f"Or {', '.join(flat)}.")
    if parameter.secret:
        parts.append("Secret: masked in all output.")
    return " ".join(parts)


def _without_hints(parameter: Parameter, _function: Function) -> str:
    return " ".join([_plain(parameter.description), *_values(parameter, _ENUM_SHOWN)])


def _first_sentence(parameter: Parameter, _function: Function) -> str:
    sentence = _SENTENCE.match(_plain(parameter.description))
    shown = sentence[0] if sentence else _plain(parameter.description)
    return " ".join([shown.rstrip(";:"), *_values(parameter, _ENUM_SHOWN)])


def _values(parameter: Parameter, most: int) -> list[str]:
    """Return the sentences about the values a parameter takes: `One of a, b.`, `Default a.`"""
    parts = []
    if parameter.enum:
        more = ", …" if len(parameter.enum) > most else ""
        which = "Any of" if parameter.type == "array" else "One of"
        parts.append(f"{which} {', '.join(parameter.enum[:most])}{more}.")
    if parameter.default is not None:
        parts.append(f"Default {str(parameter.default).lower()}.")
    return parts


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")


def _columns(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Return the rows in two columns; a first cell too wide for its column has its own line."""
    column = min(max((len(first) for first, _ in rows), default=0), _FIRST_COLUMN)
    indent = " " * (column + 4)
    lines = []
    for first, second in rows:
        wrapped = _wrapped(second, width, indent)
        if len(first) <= column:
            lines += [f"  {first:<{column}}  {wrapped[0].lstrip()}", *wrapped[1:]]
        else:
            lines += [f"  {first}", *wrapped]
    return lines


def _one_line_each(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Return the rows in two columns, each shortened to its line."""
    column = min(max((len(first) for first, _ in rows), default=0), _FIRST_COLUMN)
    return [shorten(f"  {first:<{column}}  {second}", width) for first, second in rows]


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,  # a flag or a path that is cut in two cannot be copied
        break_long_words=False,
    )


def _wrapped_command(words: list[str], width: int) -> list[str]:
    r"""Return the words as an indented command, broken with `\` where it is wider than `width`."""
    lines, line = [], "  " + words[0]
    for word in words[1:]:
        if len(line) + len(word) + 3 > width:
            lines.append(line + " \\")
            line = "    " + word
        else:
            line += " " + word
    return [*lines, line]
