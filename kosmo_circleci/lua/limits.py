"""What one run may use."""

import re
from dataclasses import dataclass
from typing import Final

MEBIBYTE: Final = 1024 * 1024
_SIZE: Final = re.compile(r"(\d+)\s*([kmg]?)i?b?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": MEBIBYTE, "g": 1024 * MEBIBYTE}


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes`: Lua's own memory. `cpu_s`: CPU seconds of Lua code; waiting on the API does
    not count. `timeout_s`: wall clock for the whole run, None for no end. `output_bytes`: printed
    text. `regex_s`: one regular expression.
    """

    memory_bytes: int = 128 * MEBIBYTE
    cpu_s: float = 30.0
    timeout_s: float | None = None
    output_bytes: int = 16 * MEBIBYTE
    regex_s: float = 5.0


def parse_size(text: str) -> int:
    """Return the bytes of `64M`, `1G`, `512k` (powers of 1024) or a plain number of bytes.

    Raises `ValueError` for anything else, and for nothing at all.
    """
    found = _SIZE.fullmatch(text.strip())
    size = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if size <= 0:
        raise ValueError(f"'{text}' is not a size; give bytes, or a number with K, M or G: 64M")
    return size
