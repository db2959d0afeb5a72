"""JSON with comments and trailing commas, as editors write their configuration files."""

import json
import re
from typing import Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.jsonvalue import JsonValue

_STRING: Final = r'"(?:[^"\\\n]|\\.)*"'
_TOKENS: Final = re.compile(rf"(?P<string>{_STRING})|(?P<comment>//[^\n]*|/\*.*?\*/)", re.DOTALL)
_COMMAS: Final = re.compile(rf"(?P<string>{_STRING})|,(?=\s*[\]}}])", re.DOTALL)


class JsoncError(ValueError):
    """The text is not JSON, comments aside. `line` counts from 1; `reason` says what is wrong."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def decode(text: str) -> JsonValue:
    """Return the value of a JSON text that may hold `//` and `/* */` comments and spare commas.

    Raises `JsoncError`; its line counts in `text` itself.
    """
    # Comments and commas become spaces, so that lines keep their numbers.
    bare = _COMMAS.sub(_kept_string, _TOKENS.sub(_kept_string, text.removeprefix("\ufeff")))
    try:
        json.loads(bare)
    except json.JSONDecodeError as error:
        raise JsoncError(error.msg, error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise JsoncError(str(error), None) from None
    try:
        return jsonvalue.decode(bare)
    except jsonvalue.JsonError as error:
        raise JsoncError(str(error), None) from None


def _kept_string(match: re.Match[str]) -> str:
    return match["string"] or re.sub(r"[^\n]", " ", match.group())
