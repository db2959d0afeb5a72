"""What one run may use, and the errors that say which limit ended it."""

import re
from typing import Final, NamedTuple

from kosmo_circleci.errors import LimitExceeded

MEBIBYTE: Final = 1024 * 1024
FILES_LIMIT_BYTES: Final = 1024 * MEBIBYTE
"""How many bytes a run may write into files by default."""
_SIZE: Final = re.compile(r"(\d+)\s*([kmg]?)i?b?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": MEBIBYTE, "g": 1024 * MEBIBYTE}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(ms|s|m|h|d)?", re.IGNORECASE)
_SECONDS_PER_UNIT: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Limits(NamedTuple):
    """The limits of one run.

    `memory_bytes`: Lua's own memory; what the host holds for the script (answers while they are
    decoded, output, call log) is bounded by a multiple of it, `process_bytes`, where the script has
    a process of its own. `cpu_s`: CPU seconds of Lua code; waiting on the API does not count.
    `timeout_s`: wall clock for the whole run, None for no end. `output_bytes`: printed text.
    `regex_s`: one regular expression.
    """

    memory_bytes: int = 128 * MEBIBYTE
    cpu_s: float = 30.0
    timeout_s: float | None = None
    output_bytes: int = 16 * MEBIBYTE
    regex_s: float = 5.0

    @property
    def process_bytes(self) -> int:
        """The bytes a script's own process may take beyond what it needs to start."""
        return 3 * self.memory_bytes + 96 * MEBIBYTE

    def process_cpu_s(self, call_count: int) -> float:
        """Return the CPU seconds the script's whole process may take, calls and answers included.

        Decoding a large answer takes a good part of a second; nothing honest takes more than this.
        """
        return 2 * self.cpu_s + 10.0 + 0.25 * call_count

    def cpu_error(self) -> LimitExceeded:
        """Return the error for a script that computed for too long."""
        return LimitExceeded(
            f"The script used more than {self.cpu_s:g} s of CPU time. "
            "Raise the limit with --cpu-limit SECONDS (Python: Limits(cpu_s=…))."
        )

    def memory_error(self) -> LimitExceeded:
        """Return the error for a script that needed too much memory."""
        return LimitExceeded(
            f"The script needed more memory than its limit of {shown_size(self.memory_bytes)}. "
            "Raise the limit with --memory-limit SIZE (Python: Limits(memory_bytes=…))."
        )

    def regex_error(self) -> LimitExceeded:
        """Return the error for a pattern that ran away."""
        return LimitExceeded(
            f"The pattern ran for more than {self.regex_s:g} s and was stopped; make it more "
            "specific (nested quantifiers such as (a+)+ never end). Python: Limits(regex_s=…).",
            function_name="regex",
        )


def shown_size(size_bytes: int) -> str:
    """Return a size as `--memory-limit` takes it: `1G`, `128M`, or plain bytes."""
    if size_bytes % (1024 * MEBIBYTE) == 0:
        return f"{size_bytes // (1024 * MEBIBYTE)}G"
    if size_bytes % MEBIBYTE == 0:
        return f"{size_bytes // MEBIBYTE}M"
    return f"{size_bytes} bytes"


def parse_size(text: str) -> int:
    """Return the bytes of `64M`, `1G`, `512k` (powers of 1024) or a plain number of bytes.

    Raises `ValueError` for anything else, and for nothing at all.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if size <= 0:
        raise ValueError(f"'{text}' is not a size; give bytes, or a number with K, M or G: 64M")
    return size


def parse_duration(text: str) -> float:
    """Return the seconds of `90`, `90s`, `1.5m`, `2h`, `1d` or `200ms`; a bare number is seconds.

    Raises `ValueError` for anything else, and for zero.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS_PER_UNIT[(match[2] or "s").lower()] if match else 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(
            f"'{text}' is not a duration; give seconds, or a number with s, m or h: 90s, 10m, 2h"
        )
    return seconds
