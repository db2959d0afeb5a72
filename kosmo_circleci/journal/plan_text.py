"""A plan as a person reads it: each write with its sign and its arguments, and a count."""

from collections.abc import Iterator
from typing import Final

from kosmo_circleci.journal.plan import SIGNS, Plan, PlannedWrite
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.wording import printable, shorten

_SHOWN_CHARACTERS: Final = 400


def plan_text(plan: Plan) -> str:
    """Return the plan for a terminal; nothing in it can steer one."""
    if not plan.writes:
        return "The script would write nothing."
    head = f"{plan.script} would make these calls, in this order:"
    blocks = ["\n".join(_block(write)) for write in plan.writes]
    return "\n\n".join([head, *blocks, _count(plan)])


def _block(write: PlannedWrite) -> Iterator[str]:
    name = write.function.removeprefix("app.integrations.").removeprefix("app.")
    yield printable(f"  {SIGNS[write.action]} {name} ({write.request})")
    width = max(map(len, write.arguments), default=0)
    for key, value in write.arguments.items():
        yield f"      {printable(key):<{width}} = {shorten(_value(value), _SHOWN_CHARACTERS)}"


def _value(value: object) -> str:
    return "***" if value == "***" else printable(encode(value))  # type: ignore[arg-type]


def _count(plan: Plan) -> str:
    counts = plan.counts()
    actions = "1 action" if counts["action"] == 1 else f"{counts['action']} actions"
    return (
        f"Plan: {counts['create']} to create, {counts['update']} to update, "
        f"{counts['delete']} to delete, {actions}."
    )
