"""A JSON value as YAML that readers of YAML 1.1 and 1.2 take alike."""

import io
import re
from typing import Any, Final

from kosmo_circleci.jsonvalue import JsonValue

# Strings that YAML 1.2 reads as numbers and YAML 1.1, which PyYAML writes, does not quote: a
# revision such as `123e456`.
_NUMBER_LIKE: Final = re.compile(r"[-+]?(0o?[0-7]+|0x[0-9a-fA-F]+|[\d.]+([eE][-+]?\d+)?)")

# YAML folds these like a newline outside of double quotes.
_LINE_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")


class TooLongError(Exception):
    """The text would have more characters than it may."""


class _Limited(io.StringIO):
    def __init__(self, left: int) -> None:
        super().__init__()
        self._left = left

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            raise TooLongError
        return super().write(text)


def yaml_text(value: JsonValue, most_characters: int) -> str:
    """Return `value` as YAML, keys in their order, without a newline at the end.

    Raises `TooLongError` where it would have more than `most_characters`.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)  # items below their key, as most people write

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        quoted = _NUMBER_LIKE.fullmatch(data) or _LINE_BREAKS.search(data)
        style = '"' if quoted else "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped = _Limited(most_characters)
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 1 << 20}
    yaml.dump(value, dumped, Dumper=Dumper, **options)
    return dumped.getvalue().removesuffix("\n").removesuffix("\n...")
