"""JSON without loss: strict decoding, exact encoding, limits on size and depth.

Integers and floats stay apart (`1` and `1.0`), integers have any length, objects keep their
order, and lone surrogates (`"\\ud800"`, legal in JSON) survive. What Python's decoder lets through
although RFC 8259 does not (`NaN`, `Infinity`) is refused.
"""

import json
import math
import re
from functools import cache
from typing import Final, NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH: Final = 200
"""Arrays and objects inside one another; far above any API answer, far below the C stack."""

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""The largest JSON text that is decoded, in bytes; the limit of a response body too."""

# Possessive, and content with a string that never ends: linear in time on whatever text.
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """The text is not JSON that can be kept without loss; the message says what and where."""


class JsonLimitError(JsonError):
    """The text is too long or nested too deeply to be decoded."""


def decode(text: str | bytes) -> JsonValue:
    """Return the value of a JSON text (RFC 8259), or raise `JsonError`.

    Bytes must be UTF-8; a byte order mark is skipped. Refused, with line and column where there is
    one: trailing text, `NaN` and infinities, numbers no double can hold (`1e400`), nesting deeper
    than `MAX_DEPTH`, texts over `MAX_TEXT_BYTES`.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise JsonLimitError(
            f"JSON text of {len(text)} bytes; at most {MAX_TEXT_BYTES} are decoded"
        )
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise JsonError(f"not UTF-8 at byte {error.start}") from None
    text = text.removeprefix("\ufeff")
    _refuse_deep_nesting(text)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JsonError(f"{error.msg.removesuffix(' at')} at {where}") from None
    except ValueError as error:
        raise JsonError(str(error)) from None
    return value


def encode(value: JsonValue, *, pretty: bool = False, sort_keys: bool = False) -> str:
    """Return the JSON text of `value`: compact, or indented by two spaces when `pretty`.

    Raises `JsonError` for NaN and infinities, and for what contains itself or is nested too deeply
    to be written. The text is always valid UTF-8 when encoded: lone surrogates are written as
    escapes.
    """
    try:
        text = _encoder(pretty, sort_keys).encode(value)
    except ValueError as error:
        raise JsonError(str(error)) from None
    except RecursionError:
        raise JsonLimitError("nested too deeply to be written") from None
    if _SURROGATE.search(text):
        text = _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    return text


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonError(f"the number {digits[:40]} is larger than a double can hold")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON")


# Made once: `json.loads` and `json.dumps` with options make a new one for every text.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_float)


@cache
def _encoder(pretty: bool, sort_keys: bool) -> json.JSONEncoder:
    return json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=sort_keys,
        indent=2 if pretty else None,
        separators=None if pretty else (",", ":"),
    )


def _refuse_deep_nesting(text: str) -> None:
    # Counting first is some hundred times cheaper than walking, and nearly every text stops here.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise JsonLimitError(f"nested deeper than {MAX_DEPTH} levels")
