"""What the sandbox's functions do with their arguments, as far as the checker follows them.

A function without an entry in `HANDLERS` answers what its declaration says, and calls the functions
it is given with anything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kosmo_circleci.catalog import shapes
from kosmo_circleci.catalog.model import Field, Shape
from kosmo_circleci.check import tree
from kosmo_circleci.check.calls import ANYTHING, Argument, Arguments, Results
from kosmo_circleci.check.heap import Heap
from kosmo_circleci.check.names import sandbox
from kosmo_circleci.check.values import (
    ANY,
    BOOLEAN,
    EXTERNAL,
    NIL,
    NOTHING,
    NUMBER,
    TEXT,
    Answer,
    ApiFunction,
    Closure,
    Iterator,
    Namespace,
    TableSite,
    Text,
    Unknown,
    Value,
    Values,
    union,
)

if TYPE_CHECKING:
    from kosmo_circleci.check.evaluate import Evaluation

Handler = Callable[["Evaluation", tree.Expression, Arguments], Results]

CALLS: Final = {
    "flow.wait_pipeline": ("list_pipeline_workflows", "get_pipeline"),
}
"""The functions of CircleCI that a helper calls by itself."""

_SCALARS: Final = {"string": TEXT, "number": NUMBER, "integer": NUMBER, "boolean": BOOLEAN}


def call_helper(
    evaluation: "Evaluation", node: tree.Expression, name: str, arguments: Arguments
) -> Results:
    """Return what the sandbox's function `name` answers."""
    evaluation.heap.mentioned.update(CALLS.get(name, ()))
    handler = HANDLERS.get(name)
    if handler is not None:
        return handler(evaluation, node, arguments)
    for argument in arguments.head:
        # Only functions: tables come back as they were.
        evaluation.heap.open(frozenset(each for each in argument.values if _is_called(each)))
    types = sandbox().signatures[name].returns
    if not types:
        return ANYTHING
    return Results(tuple(value_of_type(evaluation.heap, node, each) for each in types))


def value_of_type(heap: Heap, node: tree.Expression, type_name: str) -> Values:
    """Return the value of a LuaCATS type."""
    if type_name in _SCALARS:
        return _SCALARS[type_name]
    if type_name.endswith("[]"):
        return heap.list_of(node, value_of_type(heap, node, type_name[:-2]))
    shape = _class_shape(heap, type_name)
    return ANY if shape is None else heap.answer(type_name, shape)


def _class_shape(heap: Heap, name: str) -> Shape | None:
    shared = name.removeprefix("circleci.")
    if shared in heap.catalog.shared_shapes:
        return shapes.parse(shared, heap.catalog.shared_shapes)
    fields = sandbox().classes.get(name)
    if fields is None:
        return None
    return Shape(
        "object", fields=tuple(Field(each, _shape(heap, text)) for each, text in fields.items())
    )


def _shape(heap: Heap, type_name: str) -> Shape:
    if type_name.endswith("[]"):
        return Shape("array", item=_shape(heap, type_name[:-2]))
    if type_name in _SCALARS:
        return shapes.parse(type_name, {})
    return _class_shape(heap, type_name) or Shape("any")


def _is_called(value: Value) -> bool:
    return isinstance(value, Closure | Namespace)


# Lua's own functions --------------------------------------------------------------------------


def _ipairs(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    items = evaluation.heap.elements(arguments.at(0).values)
    return Results((frozenset([Iterator((NUMBER, items))]),))


def _pairs(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    keys, values = _entries(evaluation.heap, arguments.at(0).values)
    return Results((frozenset([Iterator((keys, values))]),))


def _next(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results(_entries(evaluation.heap, arguments.at(0).values))


def _entries(heap: Heap, tables: Values) -> tuple[Values, Values]:
    """Return the keys and the values of any of these tables."""
    keys, values = NOTHING, NOTHING
    for table in tables:
        match table:
            case TableSite():
                names = frozenset(Text(name) for name in table.fields)
                hidden = ANY if table.is_open else NOTHING
                keys = heap.join(keys, names, table.keys, hidden)
                values = heap.join(values, table.elements, hidden, *table.fields.values())
            case Answer(shape=shape) if shape.kind in ("array", "map"):
                keys = heap.join(keys, NUMBER if shape.kind == "array" else TEXT)
                values = heap.join(values, heap.elements(frozenset([table])))
            case _:
                heap.open(frozenset([table] if isinstance(table, Namespace) else []))
                keys, values = heap.join(keys, ANY), heap.join(values, ANY)
    return keys, values


def _pcall(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    callee = arguments.at(0).values
    return _caught(evaluation, node, callee, arguments.behind(1))


def _xpcall(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    evaluation.heap.open(arguments.at(1).values)
    results = _caught(evaluation, node, arguments.at(0).values, arguments.behind(2))
    return Results((BOOLEAN, evaluation.heap.join(results.at(1), ANY)), results.rest)


def _caught(
    evaluation: "Evaluation", node: tree.Expression, callee: Values, arguments: Arguments
) -> Results:
    heap = evaluation.heap
    results = evaluation.call(node, callee, arguments)
    # What a function of CircleCI raises is an error of the bridge; anything may come from others.
    raises_errors = bool(callee) and all(isinstance(each, ApiFunction) for each in callee)
    error = value_of_type(heap, node, "kosmo.Error") if raises_errors else ANY
    first = heap.join(results.at(0), error)
    return Results((BOOLEAN, first, *results.head[1:]), results.rest)


def _first(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results((arguments.at(0).values,))


def _assert(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results(tuple(each.values for each in arguments.head), arguments.rest)


def _error(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    evaluation.heap.open(arguments.at(0).values)
    return Results()


def _setmetatable(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    table = arguments.at(0).values
    # `__index` may answer for any name from now on.
    evaluation.heap.open(union(table, arguments.at(1).values), to_module=True)
    return Results((table,))


def _rawset(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    table, keys, values = (arguments.at(position).values for position in range(3))
    evaluation.heap.store(table, keys, values)
    return Results((table,))


def _rawget(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    values = evaluation.heap.index(arguments.at(0).values, arguments.at(1).values)
    return Results((values,))


def _load(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    evaluation.heap.open(arguments.all())
    return Results(rest=EXTERNAL)


def _insert(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    last = arguments.at(max(len(arguments.head) - 1, 1))
    for table in arguments.at(0).values:
        if isinstance(table, TableSite):
            evaluation.heap.put(table, NUMBER, union(last.values, arguments.rest))
        else:
            evaluation.heap.store(frozenset([table]), NUMBER, last.values)
    return Results()


def _element(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results((union(evaluation.heap.elements(arguments.at(0).values), NIL),))


def _unpack(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results(rest=evaluation.heap.elements(arguments.at(0).values))


def _pack(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    site = evaluation.heap.site(node, "list")
    evaluation.heap.put(site, NUMBER, arguments.all())
    evaluation.heap.put_field(site, "n", NUMBER)
    return Results((frozenset([site]),))


def _sort(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    item = Argument(evaluation.heap.elements(arguments.at(0).values))
    evaluation.call(node, arguments.at(1).values, Arguments((item, item)))
    return Results()


def _move(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    source = arguments.at(0).values
    target = arguments.at(4).values if len(arguments.head) > 4 else source
    evaluation.heap.store(target, NUMBER, evaluation.heap.elements(source))
    return Results((target,))


def _gmatch(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    # A capture is a string, or a number where it is a position.
    texts = union(TEXT, ANY)
    return Results((frozenset([Iterator((texts,) * 8)]),))


def _gsub(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    anything = Arguments((), ANY)
    replacement = frozenset(
        each for each in arguments.at(2).values if isinstance(each, Closure | ApiFunction)
    )
    evaluation.call(node, replacement, anything)
    return Results((TEXT, NUMBER))


# flow -----------------------------------------------------------------------------------------


def _items(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Values:
    """Return the items of the pages that the function at position 0 answers."""
    rest = arguments.behind(1)
    request = Arguments(rest.head[:1], NOTHING if rest.head else rest.rest)
    heap, items = evaluation.heap, NOTHING
    for function in arguments.at(0).values:
        page = evaluation.call(node, frozenset([function]), request).at(0)
        for key in _items_keys(heap, function):
            page = heap.index(page, frozenset([Text(key)]))
        items = heap.join(items, heap.elements(page))
    return items


def _items_keys(heap: Heap, function: Value) -> tuple[str, ...]:
    """Return the keys from a page of a function to its items."""
    paging = heap.catalog[function.name].paging if isinstance(function, ApiFunction) else None
    return ("items",) if paging is None else paging.items


def _each(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results((frozenset([Iterator((_items(evaluation, node, arguments),))]),))


def _all(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return Results((evaluation.heap.list_of(node, _items(evaluation, node, arguments)),))


def _map(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    heap = evaluation.heap
    item = Argument(heap.elements(arguments.at(0).values))
    functions = arguments.at(1).values
    # A function of CircleCI gets the item alone: it does not take the index.
    api = frozenset(each for each in functions if isinstance(each, ApiFunction))
    answered = heap.join(
        evaluation.call(node, api, Arguments((item,))).at(0),
        evaluation.call(node, functions - api, Arguments((item, Argument(NUMBER)))).at(0),
    )
    errors = heap.index(arguments.at(2).values, frozenset([Text("errors")]))
    if not arguments.rest and _is_surely_raised(errors):
        return Results((heap.list_of(node, answered),))
    row = heap.site(node, "row")
    heap.put_field(row, "ok", BOOLEAN)
    heap.put_field(row, "value", answered)
    heap.put_field(row, "error", ANY)
    whole = heap.join(frozenset([row]), NOTHING if _is_surely_collected(errors) else answered)
    return Results((heap.list_of(node, whole),))


def _is_surely_raised(errors: Values) -> bool:
    return not any(isinstance(each, Unknown) or each == Text("collect") for each in errors)


def _is_surely_collected(errors: Values) -> bool:
    return errors - NIL == {Text("collect")}


def _wait(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    value = evaluation.call(node, arguments.at(0).values, Arguments()).at(0)
    evaluation.call(node, arguments.at(1).values, Arguments((Argument(value),)))
    return Results((value,))


def _retry(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    return evaluation.call(node, arguments.at(0).values, Arguments())


def _log(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    step = value_of_type(evaluation.heap, node, "flow.LogStep")
    return Results((frozenset([Iterator((TEXT, step))]),))


def _marked(evaluation: "Evaluation", node: tree.Expression, arguments: Arguments) -> Results:
    tables = arguments.at(0).values - NIL
    return Results((tables or frozenset([evaluation.heap.site(node, "list")]),))


HANDLERS: Final[dict[str, Handler]] = {
    "assert": _assert,
    "dump": _first,
    "error": _error,
    "flow.all": _all,
    "flow.each": _each,
    "flow.log": _log,
    "flow.map": _map,
    "flow.retry": _retry,
    "flow.wait": _wait,
    "ipairs": _ipairs,
    "json.array": _marked,
    "json.object": _marked,
    "load": _load,
    "next": _next,
    "pairs": _pairs,
    "pcall": _pcall,
    "rawget": _rawget,
    "rawset": _rawset,
    "regex.gsub": _gsub,
    "require": _load,
    "setmetatable": _setmetatable,
    "string.gmatch": _gmatch,
    "string.gsub": _gsub,
    "table.insert": _insert,
    "table.move": _move,
    "table.pack": _pack,
    "table.remove": _element,
    "table.sort": _sort,
    "table.unpack": _unpack,
    "view": _first,
    "xpcall": _xpcall,
}
