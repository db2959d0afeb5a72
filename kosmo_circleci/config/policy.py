"""Read and write -> allow, ask, deny: the words of the configuration file."""

from typing import Any, Final

from kosmo_circleci.call.permission import Rule

RULES: Final[tuple[Rule, ...]] = ("allow", "ask", "deny")


def parse_rule(value: Any) -> Rule | None:
    """Return the rule a configuration value names, or None if it names none."""
    return next((rule for rule in RULES if value == rule), None)
