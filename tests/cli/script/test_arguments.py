"""What a script gets in its table `args`, from wherever it came."""

import json
import subprocess
import sys
from typing import Any

import pytest

BYTES_OF = (
    "local codes = json.array() for i = 1, #args.k do codes[i] = args.k:byte(i) end return codes"
)


def run(*arguments: str | bytes, stdin: bytes = b"") -> Any:
    ended = subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", "run", *arguments, "--json"],
        input=stdin,
        capture_output=True,
        timeout=20,
    )
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    "value", [b"\xff\xfea", b"plain", "Grüße 日本".encode(), b"", b"\xed\xa0\x80", b"a=b"]
)
def test_an_argument_is_the_bytes_that_were_typed(value: bytes) -> None:
    envelope = run("-e", BYTES_OF, "--arg", b"k=" + value)
    assert (envelope["error"], envelope["result"]) == (None, list(value))
