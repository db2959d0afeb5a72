"""Tables of cases for Lua functions: an expression, and its value or the error it raises."""

from collections.abc import Callable
from typing import TypeAlias

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run

RunScript: TypeAlias = Callable[[str], Run]
"""Runs a script that errors call `eval`."""


def assert_gives(run: RunScript, expression: str, expected: JsonValue) -> None:
    """Check a value, or for `error: TEXT` that the first line raises an error with that text."""
    outcome = run(f"return {expression}")
    if isinstance(expected, str) and expected.startswith("error: "):
        message = outcome.error or ""
        assert outcome.error_type == "runtime"
        assert message.startswith("eval:1: ")
        assert expected.removeprefix("error: ") in message
    else:
        assert (outcome.error, outcome.result) == (None, expected)
