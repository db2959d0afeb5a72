"""Time how long secrets take to be hidden in the most output a script may print.

    python scripts/bench_masking.py [--strict]

Every line masks 16 MiB, compiling the search included, and shows what was measured, its budget, and
`ok` or `OVER`. The hostile cases are what a script would choose to make masking slow.
"""

import argparse
import random
import string
import sys
import time
from collections.abc import Iterable
from typing import Final

from kosmo_circleci.masking import Mask

OUTPUT_CHARACTERS: Final = 1 << 24
BUDGET_S: Final = 2.0


def main() -> int:
    """Print one line per case and return the exit code."""
    parser = argparse.ArgumentParser(description="Time the masking of 16 MiB of output.")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a budget is missed")
    strict: bool = parser.parse_args().strict
    over = False
    for name, secrets, text in cases():
        measured_s = masking_s(secrets, text)
        over |= measured_s > BUDGET_S
        verdict = "ok" if measured_s <= BUDGET_S else "OVER"
        print(f"masking: {name:<49} {measured_s:6.2f} s   budget {BUDGET_S:.2f} s   {verdict}")
    return 1 if over and strict else 0


def cases() -> Iterable[tuple[str, list[str], str]]:
    """Yield (name, secrets, output)."""
    text = ordinary_text()
    repeated = "a" * OUTPUT_CHARACTERS
    alike = ["a" * 199 + chr(1000 + index) for index in range(60)]
    yield "one token", [word(40)], text
    yield "1,000 secrets of 40 characters", [word(40) for _ in range(1000)], text
    yield "500 secrets with quotes", ['"' + word(20) + "\"'" for _ in range(500)], text
    yield "60 near-matching secrets", alike, repeated
    yield "60 near-matching secrets and one that matches", [*alike, "aaaa"], repeated
    yield "1,000 nested secrets", ["a" * length for length in range(4, 1004)], repeated


def masking_s(secrets: list[str], text: str) -> float:
    """Return the seconds from the first secret to the masked text."""
    began = time.perf_counter()
    mask = Mask()
    for secret in secrets:
        mask.add(secret)
        mask.text("a line that is printed in between")
    mask.text(text)
    return time.perf_counter() - began


def word(length: int) -> str:
    """Return random letters and digits."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


def ordinary_text() -> str:
    """Return as much text as a script may print, in words and lines."""
    lines = (" ".join(word(random.randint(2, 9)) for _ in range(12)) for _ in range(2000))
    page = "\n".join(lines)
    return (page * (OUTPUT_CHARACTERS // len(page) + 1))[:OUTPUT_CHARACTERS]


if __name__ == "__main__":
    random.seed(1)
    sys.exit(main())
