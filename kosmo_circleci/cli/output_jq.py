"""`--jq`: a filter in jq's language, through the binding of PyPI (extra `jq`)."""

import re
from collections.abc import Iterator
from typing import Any, Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.errors import ScriptError, UsageError
from kosmo_circleci.jsonvalue import JsonValue

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE: Final = "\\ud"
_NOISE: Final = re.compile(r"^jq: (error: )?")


class JqFilter:
    """A compiled filter. Made before anything runs, so that a misspelt one costs nothing."""

    def __init__(self, expression: str) -> None:
        """Compile. Raises `UsageError` where jq is not installed or the filter is not one."""
        try:
            import jq
        except ImportError:
            raise UsageError(
                "--jq needs the extra 'jq': pip install 'kosmo-circleci[jq]'. "
                "Or pipe --json to the command jq."
            ) from None
        try:
            self._program: Any = jq.compile(expression)
        except ValueError as error:
            raise UsageError(f"--jq: {_first_line(error)}") from None

    def apply(self, value: JsonValue) -> Iterator[JsonValue]:
        """Yield the outputs for one input. Raises `ScriptError` with jq's own message."""
        text = jsonvalue.encode(value)
        if _ESCAPED_SURROGATE in text:
            # jq refuses lone surrogates, which JSON may hold; other bytes it shows as U+FFFD too.
            text = jsonvalue.encode(_without_surrogates(value))
        try:
            yield from self._program.input_text(text)
        except ValueError as error:
            raise ScriptError(f"--jq: {_first_line(error)}") from None


def jq_line(value: JsonValue) -> str:
    """Return an output as `jq -c` prints it, with strings raw."""
    return value if isinstance(value, str) else jsonvalue.encode(value)


def _without_surrogates(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {
            _SURROGATES.sub("\ufffd", key): _without_surrogates(each) for key, each in value.items()
        }
    return value


def _first_line(error: Exception) -> str:
    return _NOISE.sub("", str(error).split("\n", 1)[0])
