"""Names of commands that are needed before click is imported."""

from typing import Final

SHORT_NAMES: Final = {
    "run": "integrations:lua",
    **{
        name: f"integrations:{name}"
        for name in ("call", "docs", "search", "list", "status", "doctor", "configure")
    },
}
"""Short name -> the command it is another name for."""

SCRIPT_COMMANDS: Final = frozenset({"integrations:lua", "mcp:lua"})
"""The commands whose script runs in a process of its own."""

CALL_COMMANDS: Final = frozenset({"integrations:call", "integrations:circleci"})
"""The commands that answer with the envelope of one call."""


def full_name(name: str) -> str:
    """Return the command a short name is for; any other name is returned as it is."""
    return SHORT_NAMES.get(name, name)


def short_name(name: str) -> str | None:
    """Return the short name of a command, or None where it has none."""
    return next((short for short, full in SHORT_NAMES.items() if full == name), None)
