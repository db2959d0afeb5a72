"""Words of the command line -> the arguments of one call.

    kosmo integrations:call trigger_pipeline '{"branch": "main"}' --project-slug=gh/acme/web

A word is text, and a function takes JSON values: `typed` says what becomes of a word, by the type
the manifest gives the parameter. What does not fit is passed on as text, so that the message about
it is the one every door gives.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.arguments import METHODS_WITH_BODY
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.wording import printable, shorten

_INTEGER: Final = re.compile(r"-?[0-9]{1,308}")
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})

OPTIONS: Final = (
    *("--account", "--all", "--arg", "--columns", "--dry-run", "--force", "--format", "--help"),
    *("--jq", "--json", "--simulate"),
)
"""The options of the command itself. A parameter of such a name is given with `--arg`."""

ReadText = Callable[[str], str]
"""Returns the text of the file a word `@FILE` names; `-` is standard input."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words behind FUNCTION: the JSON argument if there is one, and `(key, value)` of flags.

    A flag without a value has None. The JSON argument may be `-` (standard input) or `@FILE`.
    """

    json_text: str | None
    flags: tuple[tuple[str, str | None], ...]


def split(function: Function, words: Sequence[str]) -> Words:
    """Return the words in their roles. `--key=value`, `--key value` and a bare `--key` are flags.

    A word that follows a bare flag of a boolean parameter belongs to it only when it is a boolean.
    Raises `UsageError` for a second JSON argument and for a word that is neither.
    """
    json_texts: list[str] = []
    flags: list[tuple[str, str | None]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            json_texts.append(word)
            continue
        key, equals, value = word[2:].partition("=")
        if equals:
            flags.append((key, value))
        elif rest and _is_value_of(function, key, rest[0]):
            flags.append((key, rest.pop(0)))
        else:
            flags.append((key, None))
    for text in json_texts:
        if text != "-" and not text.lstrip().startswith(("{", "@")):
            raise UsageError(_stray_word(function, text))
    if len(json_texts) > 1:
        raise UsageError("Give one JSON argument; single values are written as --key=value.")
    return Words(json_texts[0] if json_texts else None, tuple(flags))


def object_of(text: str, where: str) -> dict[str, JsonValue]:
    """Return the JSON object in `text`; `where` names it in the `UsageError` for anything else."""
    try:
        value = jsonvalue.decode(text)
    except JsonError as error:
        raise UsageError(f"{where} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise UsageError(f'{where} must be a JSON object such as {{"branch": "main"}}.')
    return value


def typed(
    function: Function, flags: Iterable[tuple[str, str | None]], read_text: ReadText | None
) -> dict[str, JsonValue]:
    """Return the arguments the flags give, by parameter name (unknown names as they were written).

    `read_text` reads values that start with `@`; with None those are taken literally.

    `--key` and `--key-with-dashes` name a parameter with `_`; `--parameters.deploy=true` sets one
    key of an object. Raises `UsageError` for a flag without a value, one repeated where the
    parameter takes one value, and for text that is not JSON.
    """
    values: dict[str, JsonValue] = {}
    for name, key, texts in _grouped(function, flags, read_text):
        parameter = _parameter(function, name)
        if key:
            _set(values, name, key, _loosely_typed(_one(f"{name}.{key}", texts)))
        elif parameter is None or parameter.type != "array":
            values[name] = _value(parameter, name, _one(name, texts))
        else:
            values[name] = _items(parameter, texts)
    return values


def lacks_required(function: Function, values: Mapping[str, JsonValue]) -> bool:
    """Say whether `values` lacks a required parameter and everything that may replace it."""
    replaced = {each.part_of for each in function.parameters if each.name in values}
    return any(
        each.required and each.name not in values and each.name not in replaced
        for each in function.parameters
    )


def parameter_flags(function: Function) -> tuple[str, ...]:
    """Return the flags of a function as they are usually written: `--project-slug`, …"""
    names = [each.name for each in function.parameters]
    names += [name for name in _pass_through(function) if name not in names]
    return tuple("--" + name.replace("_", "-") for name in names)


def misspelt_option(
    function: Function, flags: Iterable[tuple[str, str | None]], options: Sequence[str]
) -> str | None:
    """Return the message about a flag that is nearly an option of the command, or None."""
    import difflib

    own = [as_flag(each.name) for each in function.parameters]
    for flag, _ in flags:
        written = f"--{flag}"
        if _name(function, flag.partition(".")[0]) in _names(function):
            continue
        near = difflib.get_close_matches(written, [*options, *own], n=1, cutoff=0.75)
        if near and near[0] in options:
            return f"No such option '{written}'. Did you mean '{near[0]}'?"
    return None


def as_flag(name: str) -> str:
    """Return the flag of a parameter: `project_slug` is `--project-slug`."""
    return "--" + name.replace("_", "-")


def _is_value_of(function: Function, key: str, word: str) -> bool:
    parameter = _parameter(function, _name(function, key))
    if parameter is not None and parameter.type == "boolean":
        return word.lower() in _TRUE | _FALSE
    return not word.startswith("--")


def _grouped(
    function: Function, flags: Iterable[tuple[str, str | None]], read_text: ReadText | None
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (parameter name, key inside it, every value in order), in the order of first use."""
    groups: dict[tuple[str, str], list[str]] = {}
    for flag, value in flags:
        head, _, key = flag.partition(".")
        name = _name(function, head)
        groups.setdefault((name, key), []).append(_text(function, name, flag, value, read_text))
    for (name, key), texts in groups.items():
        yield name, key, texts


def _text(
    function: Function, name: str, flag: str, value: str | None, read_text: ReadText | None
) -> str:
    parameter = _parameter(function, name)
    if value is not None:
        if read_text is None or value == "@" or not value.startswith("@"):
            return value
        return read_text(value[1:])
    if parameter is None or parameter.type == "boolean":
        return "true"
    raise UsageError(f"--{flag} needs a value: write --{flag}=…")


def _value(parameter: Parameter | None, name: str, text: str) -> JsonValue:
    if parameter is None:
        # `query` and `payload` are objects; any other name is unknown, which a later check reports.
        return object_of(text, as_flag(name)) if name in ("query", "payload") else text
    if parameter.type == "object":
        return object_of(text, as_flag(name))
    if parameter.type == "integer":
        return int(text) if _INTEGER.fullmatch(text) else text
    if parameter.type == "boolean":
        return _boolean(text)
    return text


def _boolean(text: str) -> JsonValue:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else text


def _items(parameter: Parameter, texts: list[str]) -> JsonValue:
    items: list[JsonValue] = []
    for text in texts:
        if text.lstrip().startswith("["):
            items += _json_list(parameter, text)
        elif parameter.enum or parameter.items == "integer":
            # No value of these can hold a comma, so `--events=a,b` can only mean two.
            items += [_item(parameter, part.strip()) for part in text.split(",")]
        else:
            items.append(text)
    return items


def _item(parameter: Parameter, text: str) -> JsonValue:
    return int(text) if parameter.items == "integer" and _INTEGER.fullmatch(text) else text


def _json_list(parameter: Parameter, text: str) -> list[JsonValue]:
    try:
        value = jsonvalue.decode(text)
    except JsonError as error:
        raise UsageError(f"{as_flag(parameter.name)} is not JSON: {error}.") from None
    assert isinstance(value, list)  # It starts with a bracket.
    return value


def _loosely_typed(text: str) -> JsonValue:
    """Return the JSON value `text` is, or the text where it is none, a string or a fraction.

    CircleCI has no fractions among its parameters, and `1.20` is a version far more often.
    """
    try:
        value = jsonvalue.decode(text)
    except JsonError:
        return text
    return text if isinstance(value, str | float) else value


def _set(values: dict[str, JsonValue], name: str, key: str, value: JsonValue) -> None:
    outer = values.setdefault(name, {})
    if not isinstance(outer, dict):
        raise UsageError(f"{as_flag(name)} is not an object, so it has no key '{key}'.")
    outer[key] = value


def _one(name: str, texts: list[str]) -> str:
    if len(texts) > 1:
        raise UsageError(
            f"{as_flag(name)} is given {len(texts)} times, and the parameter takes one value."
        )
    return texts[0]


def _parameter(function: Function, name: str) -> Parameter | None:
    return function.parameter(name)


def _name(function: Function, flag: str) -> str:
    name = flag.replace("-", "_")
    names = _names(function)
    return name if name in names or flag not in names else flag


def _names(function: Function) -> set[str]:
    return {each.name for each in function.parameters} | set(_pass_through(function))


def _pass_through(function: Function) -> tuple[str, ...]:
    if function.is_raw:
        return ()
    return ("query", "payload") if function.method in METHODS_WITH_BODY else ("query",)


def _stray_word(function: Function, text: str) -> str:
    start = f"'{printable(shorten(text))}' is neither a JSON object nor a flag."
    first = next((each for each in function.parameters if each.required), None)
    if first is None:
        return f"{start} Write values as --key=value."
    # A secret belongs on no screen, and this message would put it there a second time.
    shown = "…" if first.secret else printable(shorten(text))
    return f"{start} Write values as --key=value, for example {as_flag(first.name)}={shown}"
