"""What the header of a workflow file says, beside what the script does."""

from collections.abc import Iterator
from typing import Final

from kosmo_circleci.catalog import lookup
from kosmo_circleci.check import tree
from kosmo_circleci.check.rules.facts import Facts
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.wording import nearest

_ARGS: Final = "args"


def unreadable(facts: Facts) -> Iterator[Fault]:
    """A header that a run would refuse: an unknown type, a default that does not fit."""
    if facts.header.fault is not None:
        yield facts.header.fault


def unknown_write(facts: Facts) -> Iterator[Fault]:
    """A function of `@writes` that CircleCI's namespace does not have."""
    catalog = facts.heap.catalog
    for name in facts.header.writes or ():
        if name not in catalog and "." not in name:  # `server.tool` is of an MCP server
            near = lookup.suggestions(name, catalog)
            yield Fault(facts.header.start_of(name), lookup.unknown_function(name, near).message)


def undeclared_write(facts: Facts) -> Iterator[Fault]:
    """A write that the script calls and its header does not allow."""
    writes = facts.header.writes
    if writes is None:
        return
    for call in facts.api_calls:
        if facts.heap.catalog[call.function].kind == "write" and call.function not in writes:
            allowed = ", ".join(writes) or "none"
            yield Fault(
                call.node.start, f"{call.function} is a write, and the header allows {allowed}"
            )


def unknown_argument(facts: Facts) -> Iterator[Fault]:
    """A field of `args` that the header does not declare: it is nil, whatever is given."""
    names = facts.header.arguments
    script = facts.script
    stored = {tree.constant_key(each.key) for each in script.stores if _is_args(each.base)}
    if not names or _ARGS in script.globals or None in stored:
        return
    for index in script.indexes:
        name = tree.constant_key(index.key)
        if name is None or not _is_args(index.base) or name in names or name in stored:
            continue
        near = nearest(str(name), names)
        hint = f" Did you mean '{near}'?" if near else f" It declares: {', '.join(names)}."
        yield Fault(index.key_start, f"args.{name} is not declared in the header.{hint}")


def _is_args(base: tree.Expression) -> bool:
    return isinstance(base, tree.Name) and base.text == _ARGS and base.variable is None
