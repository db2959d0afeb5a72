"""The arguments of a call as a permission question shows them.

Nobody should agree to what they cannot see: every key stands on a line of its own, also those
inside objects, and what a value has beyond the shown part is counted. Nothing can steer a terminal
or pass for another line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.masking import MASK, names_a_secret
from kosmo_circleci.wording import printable

SHOWN_CHARACTERS: Final = 200
"""How much of one value is shown."""

SHOWN_LINES: Final = 200


def argument_lines(
    arguments: Iterable[tuple[str, JsonValue]], is_secret: Callable[[str], bool] = names_a_secret
) -> list[str]:
    """Return `  name = value` for each value, `  name.key = value` inside objects.

    A value whose name, or a name around it, `is_secret` is shown as `***`.
    """
    values = iter(
        leaf
        for name, value in arguments
        for leaf in _leaves(printable(name), name, value, is_secret)
    )
    lines = [f"  {path} = {text}" for path, text in islice(values, SHOWN_LINES)]
    left_out = sum(1 for _ in values)
    return [*lines, f"  and {left_out:,} more values"] if left_out else lines


def _leaves(
    path: str, name: str, value: JsonValue, is_secret: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    if is_secret(name) or value == MASK:
        yield path, MASK
    elif isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{printable(key)}", key, inner, is_secret)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for index, inner in enumerate(value, start=1):
            yield from _leaves(f"{path}[{index}]", "", inner, is_secret)
    else:
        yield path, _shortened(printable(encode(value)))


def _shortened(text: str) -> str:
    left_out = len(text) - SHOWN_CHARACTERS
    return text if left_out <= 0 else f"{text[:SHOWN_CHARACTERS]}… ({left_out:,} more characters)"
