"""What a plan keeps of a call, and whether another call is the one that was planned.

The content of a planned write goes into the plan's file with its secrets replaced by salted hashes.
When the plan is applied, ids that were placeholders have their real values: so a placeholder stands
for any value.
"""

import re
from typing import Final

from kosmo_circleci.journal.address import salted_hash
from kosmo_circleci.journal.placeholders import ALL, literal_parts, mentions_placeholder
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask

_SECRET: Final = "$secret"


def without_secrets(value: JsonValue, mask: Mask, salt: bytes) -> JsonValue:
    """Return a copy of `value` with a salted hash for every text that holds a secret."""
    if isinstance(value, list):
        return [without_secrets(each, mask, salt) for each in value]
    if isinstance(value, dict) and _SECRET not in value:
        keys_are_harmless = all(mask.text(key) is key for key in value)
        if keys_are_harmless:
            return {key: without_secrets(each, mask, salt) for key, each in value.items()}
    elif not isinstance(value, dict) and mask.json(value) == value:
        return value
    return {_SECRET: salted_hash(salt, value).hex()}


def matches(planned: JsonValue, actual: JsonValue, salt: bytes, issued: int = ALL) -> bool:
    """Say whether `actual` is what was planned.

    Each of the first `issued` placeholders stands for any value.
    """
    if isinstance(planned, dict):
        if planned.keys() == {_SECRET}:
            return planned[_SECRET] == salted_hash(salt, actual).hex()
        return (
            isinstance(actual, dict)
            and planned.keys() == actual.keys()
            and all(matches(each, actual[key], salt, issued) for key, each in planned.items())
        )
    if isinstance(planned, list):
        return (
            isinstance(actual, list)
            and len(planned) == len(actual)
            and all(matches(*pair, salt, issued) for pair in zip(planned, actual, strict=True))
        )
    if not mentions_placeholder(planned, issued):
        return type(planned) is type(actual) and planned == actual
    if not isinstance(planned, str):
        return actual is not None
    parts = literal_parts(planned, issued)
    if parts == ["", ""]:
        return actual is not None
    return isinstance(actual, str) and _pattern(parts).fullmatch(actual) is not None


def _pattern(parts: list[str]) -> re.Pattern[str]:
    """Return a pattern for a text with placeholders in it; each stands within one path segment."""
    return re.compile("[^/]+".join(map(re.escape, parts)))
