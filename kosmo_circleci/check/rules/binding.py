"""The arguments of a call of CircleCI's functions, by parameter name."""

from typing import NamedTuple

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.check import tree
from kosmo_circleci.check.calls import ApiCall, Argument, Arguments
from kosmo_circleci.check.rules.facts import alternatives, name_start
from kosmo_circleci.check.scope import Script
from kosmo_circleci.check.tree import constant_key
from kosmo_circleci.check.values import (
    Answer,
    ApiFunction,
    Library,
    Namespace,
    Nil,
    TableSite,
    Text,
)


class Bound(NamedTuple):
    """One argument. `start` is where its name is written, or it itself where it has none."""

    start: int
    argument: Argument

    @property
    def is_absent(self) -> bool:
        """True if it surely counts as not there: nil, or an empty string."""
        values = self.argument.values
        return bool(values) and all(isinstance(each, Nil) or each == Text("") for each in values)


class Binding(NamedTuple):
    """A call whose arguments are known.

    `start` is where the function is named. `certain` are there whenever the call is made,
    `possible` may be there. `is_complete`: there are no others. `positional` counts those
    without a name; `too_many` is the first of them behind the last parameter.
    """

    function: Function
    start: int
    certain: dict[str, Bound]
    possible: frozenset[str]
    is_complete: bool
    positional: int = 0
    too_many: int | None = None


def bind(script: Script, catalog: Catalog, call: ApiCall) -> Binding | None:
    """Return a call's arguments by name; None where they cannot be told."""
    function, arguments, start = catalog[call.function], call.arguments, _start(call)
    head = _without_trailing_nil(arguments)
    if len(head) > 1:
        return _by_position(function, start, Arguments(head, arguments.rest))
    if arguments.rest:
        return None
    if not head:
        return Binding(function, start, {}, frozenset(), True)
    values = alternatives(head[0].values)
    if any(isinstance(each, TableSite | Answer | Library | Namespace) for each in values):
        site = values[0]
        if len(values) == 1 and isinstance(site, TableSite):
            binding = _by_name(function, start, site)
            return binding and _with_stores(script, call, site, binding)
        if not all(isinstance(each, Answer) and each.shape.kind == "scalar" for each in values):
            return None
    return _by_position(function, start, Arguments(head)) if values else None


def _start(call: ApiCall) -> int:
    """Return where the function is named: as the callee, or as an argument of a helper."""
    named = ApiFunction(call.function)
    for expression in (call.node.callee, *call.node.arguments):
        if named in expression.values:
            return name_start(expression)
    return name_start(call.node.callee)


def _without_trailing_nil(arguments: Arguments) -> tuple[Argument, ...]:
    head = arguments.head
    while head and not arguments.rest and head[-1].values == {Nil()}:
        head = head[:-1]
    return head


def _by_position(function: Function, start: int, arguments: Arguments) -> Binding:
    names = [each.name for each in function.parameters]
    certain = {
        name: Bound(start if each.expression is None else each.expression.start, each)
        for name, each in zip(names, arguments.head, strict=False)
    }
    further = arguments.head[len(names) :]
    is_literal = all(each.expression is not None for each in arguments.head)
    too_many = None
    if further and is_literal and further[0].expression is not None:
        too_many = further[0].expression.start
    count = len(arguments.head)
    return Binding(
        function,
        start,
        certain,
        frozenset(),
        not arguments.rest,
        positional=count,
        too_many=too_many,
    )


def _by_name(function: Function, start: int, site: TableSite) -> Binding | None:
    if site.node is None or site.elements:
        return None
    certain: dict[str, Bound] = {}
    for key, value in site.node.entries:
        name = None if key is None else constant_key(key)
        if key is not None and name is not None:
            expression = value if name not in site.stores else None
            certain[name] = Bound(key.start, Argument(site.fields[name], expression))
    possible = frozenset(site.fields)
    return Binding(function, start, certain, possible, not site.has_hidden_fields)


def _with_stores(script: Script, call: ApiCall, site: TableSite, binding: Binding) -> Binding:
    """Return the binding with the fields that are surely set on the argument before the call."""
    expression = call.arguments.head[0].expression
    certain = dict(binding.certain)
    for name, stores in site.stores.items():
        values, store = site.fields[name], stores[0]
        if any(isinstance(each, Nil) for each in values):
            certain.pop(name, None)  # It may have been taken out again.
        elif (
            name not in certain
            and isinstance(expression, tree.Name)
            and isinstance(store.base, tree.Name)
            and store.base.variable is expression.variable
            and script.surely_precedes(store, call.node)
        ):
            certain[name] = Bound(store.key_start, Argument(values))
    return binding._replace(certain=certain)
