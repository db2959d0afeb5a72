"""What the rules look at."""

from typing import TYPE_CHECKING, NamedTuple

from kosmo_circleci.check import tree
from kosmo_circleci.check.calls import ApiCall
from kosmo_circleci.check.header import ScriptHeader
from kosmo_circleci.check.heap import Heap
from kosmo_circleci.check.scope import Script
from kosmo_circleci.check.values import (
    Boolean,
    Closure,
    Nil,
    TableSite,
    Unknown,
    Value,
    Values,
    only_text,
)
from kosmo_circleci.script.modules import Modules

if TYPE_CHECKING:
    from kosmo_circleci.check.rules.binding import Binding


class Facts(NamedTuple):
    """An evaluated script; `api_calls` are its calls of CircleCI's functions.

    `bindings` are those whose arguments can be told. `modules` are what the script may require,
    None where that is not known.
    """

    script: Script
    heap: Heap
    api_calls: tuple[ApiCall, ...]
    bindings: "tuple[Binding, ...]"
    header: ScriptHeader
    modules: Modules | None = None


def alternatives(values: Values) -> tuple[Value, ...]:
    """Return everything a value may be, nil and false aside; nothing if it may be anything.

    A rule reports only what is wrong with every alternative. nil and false do not count: whether a
    value is there is for the script to ask. The order is always the same.
    """
    if any(isinstance(each, Unknown) for each in values):
        return ()
    rest = [each for each in values if not isinstance(each, Nil) and each != Boolean(False)]
    return tuple(sorted(rest, key=_order) if len(rest) > 1 else rest)


def _order(value: Value) -> tuple[str, int, str]:
    match value:
        case TableSite(node=node):
            return "TableSite", -1 if node is None else node.start, ""
        case Closure(function=function):
            return "Closure", function.start, ""
    return type(value).__name__, 0, str(value)


def key_name(index: tree.Index) -> str | None:
    """Return the name that is read, be it written out or in a variable; None if there is no one."""
    name = tree.constant_key(index.key)
    return only_text(index.key.values) if name is None else name


def name_start(expression: tree.Expression) -> int:
    """Return where the last name of an expression is: `c` of `a.b.c`."""
    return expression.key_start if isinstance(expression, tree.Index) else expression.start


def path_text(expression: tree.Expression) -> str:
    """Return a callee as it is written, `it` where that is more than a path of names."""
    if isinstance(expression, tree.Name):
        return expression.text
    if isinstance(expression, tree.Index):
        key = tree.constant_key(expression.key)
        if key is not None and isinstance(expression.base, tree.Name | tree.Index):
            return f"{path_text(expression.base)}.{key}"
    return "it"
