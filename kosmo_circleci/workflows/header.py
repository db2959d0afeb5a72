"""The header of a workflow file: what it does, the arguments it takes, what it may write.

    --- Why did the newest build of a branch fail: job, step, tests, log.
    -- @arg project string = @here.project_slug  The project's slug.
    -- @arg lines integer = 40  Lines of log per step.
    -- @arg only string?  Only jobs whose name matches this regex.
    -- @writes none

It is the first comment block of the file. A default is one word, or JSON in quotes or brackets;
`@here.FIELD` is a field of the git checkout. Pure: where a checkout is, its caller knows.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import ConfigurationError, UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.wording import nearest, printable, shorten

TYPES: Final = ("string", "integer", "number", "boolean", "json")
HERE_FIELDS: Final = ("project_slug", "branch", "revision")

_HERE: Final = "@here."
_ARG: Final = re.compile(r"@arg\s+([A-Za-z_]\w*)\s+(\w+)(\?)?\s*(?:=\s*(.*))?(.*)")
_PATH: Final = re.compile(r"^(?:app\.)?(?:(?:integrations\.)?circleci|mcp)\.")
_TAGS: Final = ("arg", "writes")
_NEARLY: Final = 0.75
_INTEGER: Final = re.compile(r"[-+]?\d{1,308}")
_LUA_INTEGERS: Final = range(-(2**63), 2**63)
"""A larger integer reaches Lua as a table, lossless, which is not what was declared."""

_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_UNSAID: Final = {
    "project_slug": "no remote is the one that counts (the branch's own, origin, or the only one).",
    "branch": "its HEAD is detached.",
    "revision": "nothing is committed yet.",
}
"""Why a checkout may lack a field."""

_WORDS: Final = {"integer": "an integer", "number": "a number", "boolean": "true or false"}

Here = Callable[[], Mapping[str, str]]
"""Returns the fields of the checkout; asked where one is needed. Raises `ConfigurationError`."""


class Argument(NamedTuple):
    """One declared argument. `default` is its text, None where there is none."""

    name: str
    type: str
    optional: bool = False
    default: str | None = None
    description: str = ""

    @property
    def required(self) -> bool:
        """True where it must be given: neither optional nor with a default."""
        return not self.optional and self.default is None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the argument as `--help-script --json` shows it."""
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default": self.default,
            "description": self.description,
        }


class Header(NamedTuple):
    """What a file says of itself. `writes` None means that it does not say."""

    description: str = ""
    arguments: tuple[Argument, ...] = ()
    writes: tuple[str, ...] | None = None

    def bound(
        self, values: Mapping[str, JsonValue], here: Here, decoded: Container[str] = ()
    ) -> dict[str, JsonValue]:
        """Return the script's `args`: checked, converted, with defaults.

        `decoded` are the keys whose values come out of JSON: text for a `json` argument is a string
        there, and JSON to be read elsewhere. Without declared arguments the values are returned as
        they are. Raises `UsageError` for an unknown or missing one, and one of another type.
        """
        if not self.arguments:
            return dict(values)
        names = [each.name for each in self.arguments]
        for name in values:
            if name not in names:
                near = nearest(name, names)
                hint = f" Did you mean '{near}'?" if near else ""
                raise UsageError(
                    f"Unknown argument '{printable(shorten(name))}'.{hint} "
                    f"The script takes: {', '.join(names)}."
                )
        bound = {
            each.name: values[each.name]
            if each.type == "json" and each.name in decoded and values[each.name] is not None
            else _value(each, values.get(each.name), here)
            for each in self.arguments
        }
        return {name: value for name, value in bound.items() if value is not None}


class HeaderError(UsageError):
    """A header that cannot be read; `reason` is what is wrong in `line`, from 1."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}:{line}: {reason}")
        self.line = line
        self.reason = reason


def parse(source: str, name: str) -> Header:
    """Return the header of a script; `name` precedes the line number in errors.

    Raises `HeaderError` for an `@arg` or `@writes` that cannot be read, for an unknown type, and
    for a tag that is nearly one of them: `@write none` would allow every write.
    """
    description: list[str] = []
    arguments: list[Argument] = []
    writes: tuple[str, ...] | None = None
    for number, line in _comment_block(source):
        text = line.lstrip("-").strip()
        try:
            if text.startswith("@arg"):
                arguments.append(_argument(text, arguments))
            elif text.startswith("@writes"):
                more = _writes(text)
                if writes is not None and not (writes and more):
                    raise UsageError("'@writes none' stands alone.")
                writes = (writes or ()) + more
            elif text.startswith("@"):
                _refuse_near_tag(text)
            elif line.startswith("---"):
                description.append(text)
        except UsageError as error:
            raise HeaderError(name, number, error.message) from None
    return Header(" ".join(description), tuple(arguments), writes)


def _refuse_near_tag(text: str) -> None:
    """Raise `UsageError` for `@write`; other tags are those of editors, such as `@param`."""
    import difflib

    tag = re.split(r"\W", text[1:], maxsplit=1)[0]
    near = difflib.get_close_matches(tag, _TAGS, n=1, cutoff=_NEARLY)
    if near:
        raise UsageError(f"unknown '@{tag}'. Did you mean '@{near[0]}'?")


def _writes(text: str) -> tuple[str, ...]:
    """Return the bare names of a `@writes` line, none for `none`."""
    words = text.removeprefix("@writes").replace(",", " ").split()
    if not words or not text.startswith(("@writes ", "@writes\t")) or "none" in words[1:]:
        raise UsageError("write '@writes none' or '@writes FUNCTION, …'.")
    if words[0] == "none" and len(words) > 1:
        raise UsageError("'@writes none' names no functions.")
    return () if words == ["none"] else tuple(_PATH.sub("", word) for word in words)


def _comment_block(source: str) -> list[tuple[int, str]]:
    lines = source.removeprefix("\ufeff").split("\n")
    start = 1 if lines[0].startswith("#") else 0
    block = []
    for number, raw in enumerate(lines[start:], start + 1):
        line = raw.lstrip(" \t")
        if line.strip() and not line.startswith("--"):
            break
        if line.startswith("--") and not line.startswith("--["):
            block.append((number, line.rstrip("\r")))
        elif block:
            break
    return block


def _argument(text: str, others: Iterable[Argument]) -> Argument:
    match = _ARG.fullmatch(text)
    if match is None:
        raise UsageError("write '@arg NAME TYPE[?] [= DEFAULT]  DESCRIPTION'.")
    name, kind, optional, rest, description = match.groups()
    if kind not in TYPES:
        raise UsageError(f"unknown type '{kind}'. Types: {', '.join(TYPES)}.")
    if any(each.name == name for each in others):
        raise UsageError(f"'{name}' is declared twice.")
    default = None
    if rest is not None:
        default, description = _default(rest.strip())
        field = default.removeprefix(_HERE)
        if default.startswith(_HERE) and field not in HERE_FIELDS:
            raise UsageError(f"unknown '{default}'. Fields: {', '.join(HERE_FIELDS)}.")
    argument = Argument(name, kind, bool(optional), default, description.strip())
    if default is not None and not default.startswith(_HERE):
        _converted(argument, default)
    return argument


def _default(text: str) -> tuple[str, str]:
    """Return the default and what follows it: JSON in quotes or brackets, else one word."""
    if text[:1] in ('"', "'", "[", "{"):
        try:
            value, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            raise UsageError(
                f"the default {printable(shorten(text))} is not JSON. "
                'Write one word, or JSON in quotes or brackets: "two words", [1, 2], {"a": 1}.'
            ) from None
        return (value if isinstance(value, str) else text[:end]), text[end:]
    word, _, description = text.partition(" ")
    return word, description


def _value(argument: Argument, value: JsonValue, here: Here) -> JsonValue:
    if value is not None:
        return _converted(argument, value)
    if argument.default is None:
        if argument.optional:
            return None
        about = f": {argument.description.rstrip('.')}" if argument.description else ""
        raise UsageError(
            f"Missing argument '{argument.name}' ({argument.type}){about}. "
            f"Give it with --arg {argument.name}=…"
        )
    if argument.default.startswith(_HERE):
        text = _from_checkout(argument, here)
        return None if text is None else _converted(argument, text)
    return _converted(argument, argument.default)


def _from_checkout(argument: Argument, here: Here) -> str | None:
    """Return the text of a checkout's field; None where an optional argument has none."""
    field = (argument.default or "").removeprefix(_HERE)
    try:
        fields = here()
        if field in fields:
            return fields[field]
        reason = _UNSAID[field]
        if field == "project_slug" and "remote" in fields:
            reason = f"its remote, {printable(shorten(fields['remote'], 200))}, does not say it."
        reason = f"the git checkout has none: {reason}"
    except ConfigurationError as error:
        reason = error.message
    if argument.optional:
        return None
    raise UsageError(
        f"Missing argument '{argument.name}': {reason} Give it with --arg {argument.name}=…"
    )


def _converted(argument: Argument, value: JsonValue) -> JsonValue:
    """Return a value as its type; text is read, other JSON values must be of the type."""
    if argument.type == "json":
        return _json(argument, value) if isinstance(value, str) else value
    read = value
    if isinstance(value, str) and argument.type != "string":
        read = _read(argument.type, value.strip())
    if argument.type == "integer" and isinstance(read, float) and read.is_integer():
        read = int(read)
    if argument.type == "number" and isinstance(read, int) and read not in _LUA_INTEGERS:
        read = float(read) if read.bit_length() < sys.float_info.max_exp else read
    if _is_of_type(argument.type, read):
        return read
    shown = printable(shorten(value if isinstance(value, str) else jsonvalue.encode(value)))
    takes = _WORDS.get(argument.type, "a string")
    if isinstance(read, int) and read not in _LUA_INTEGERS:
        takes += " of 64 bits"
    raise UsageError(f"Argument '{argument.name}' takes {takes}, got '{shown}'.")


def _read(kind: str, text: str) -> JsonValue:
    """Return the number or boolean that a text stands for, None where it stands for none."""
    if kind == "boolean":
        return _BOOLEANS.get(text.lower())
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if kind == "number" and _NUMBER.fullmatch(text) else None


def _is_of_type(kind: str, value: JsonValue) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if isinstance(value, int):
        return value in _LUA_INTEGERS
    return kind == "number" and isinstance(value, float) and math.isfinite(value)


def _json(argument: Argument, text: str) -> JsonValue:
    try:
        return jsonvalue.decode(text)
    except JsonError as error:
        raise UsageError(f"Argument '{argument.name}' takes JSON: {error}.") from None
