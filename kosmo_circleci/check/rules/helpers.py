"""Calls of the sandbox's helpers and of the script's own functions."""

from collections.abc import Iterator
from typing import Final

from kosmo_circleci.check import tree
from kosmo_circleci.check.names import NAMESPACE, Signature, sandbox
from kosmo_circleci.check.rules.facts import Facts, alternatives, name_start, path_text
from kosmo_circleci.check.tree import Fault, constant_key
from kosmo_circleci.check.values import (
    Answer,
    ApiFunction,
    Boolean,
    Closure,
    Helper,
    Number,
    TableSite,
    Text,
    Value,
)
from kosmo_circleci.wording import nearest, show

_PYTHON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

_LUA_TYPES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    **dict.fromkeys(("table", "array", "object", "map"), "table"),
}
"""LuaCATS types, and the kinds of shapes, as Lua's `type` has them."""

_CONVERTING: Final = frozenset(["os", "debug"])
"""Tables whose functions are Lua's own, which take a number for a string."""


def wrong_arity(facts: Facts) -> Iterator[Fault]:
    """Too few or too many arguments for a helper, too many for a function of the script."""
    for call in facts.script.calls:
        values = alternatives(call.callee.values)
        if len(values) != 1:
            continue
        least, most = _count(call)
        match values[0]:
            case Helper(name=name):
                yield from _helper_arity(call, sandbox().signatures[name], least, most)
            case Closure(function=function) if _is_named_function(call.callee):
                yield from _own_arity(call, function, least)


def _count(call: tree.Call) -> tuple[int, int | None]:
    """Return how many arguments there are at least and, where that can be told, at most."""
    count = len(call.arguments)
    if _is_method(call):
        count += 1
    is_open = bool(call.arguments) and isinstance(call.arguments[-1], tree.Call | tree.Varargs)
    return (count - 1, None) if is_open else (count, count)


def _helper_arity(
    call: tree.Call, signature: Signature, least: int, most: int | None
) -> Iterator[Fault]:
    parameters = len(signature.parameters)
    too_few = most is not None and most < signature.least
    if too_few or (least > parameters and not signature.has_varargs):
        count = least if most is None else most
        shown = ", ".join(
            [
                *(each.name + ("?" if each.is_optional else "") for each in signature.parameters),
                *(["..."] if signature.has_varargs else []),
            ]
        )
        name = signature.name.replace(f"{NAMESPACE}.", "circleci.")
        too = "few" if too_few else "many"
        yield Fault(name_start(call.callee), f"Too {too} arguments: {name}({shown}) got {count}")


def _is_named_function(callee: tree.Expression) -> bool:
    """Say whether a function is called by its own name: a callback may ignore what it is told."""
    variable = callee.variable if isinstance(callee, tree.Name) else None
    return variable is not None and variable.is_function


def _own_arity(call: tree.Call, function: tree.Function, least: int) -> Iterator[Fault]:
    takes = len(function.parameters)
    # A function without a body takes anything, and does nothing with it.
    if function.has_varargs or least <= takes or not function.body:
        return
    name = path_text(call.callee)
    shown = ", ".join(each.text for each in function.parameters)
    yield Fault(name_start(call.callee), f"Too many arguments: {name}({shown}) got {least}")


def unknown_option(facts: Facts) -> Iterator[Fault]:
    """An option that a helper does not have."""
    for helper, class_name, table in _options(facts):
        fields = sandbox().classes[class_name]
        for key, _ in table.entries:
            name = None if key is None else constant_key(key)
            if key is not None and name is not None and name not in fields:
                near = nearest(name, fields)
                hint = f"Did you mean '{near}'?" if near else f"It takes: {', '.join(fields)}."
                yield Fault(key.start, f"{helper}: Unknown option '{name}'. {hint}")


def wrong_argument_type(facts: Facts) -> Iterator[Fault]:
    """An argument of a helper that is surely of a type the helper refuses."""
    for call in facts.script.calls:
        values = alternatives(call.callee.values)
        if len(values) != 1 or not isinstance(values[0], Helper) or _is_method(call):
            continue
        name = values[0].name
        if name.partition(".")[0] in _CONVERTING:
            continue
        parameters = sandbox().signatures[name].parameters
        for parameter, argument in zip(parameters, call.arguments, strict=False):
            takes = _LUA_TYPES.get(_without_items(parameter.type))
            kinds = [_lua_type(each) for each in alternatives(argument.values)]
            if takes is None or not kinds or any(each in (None, takes) for each in kinds):
                continue
            message = f"Argument '{parameter.name}' takes a {takes}, got a {kinds[0]}."
            yield Fault(argument.start, f"{name}: {message}")


def _is_method(call: tree.Call) -> bool:
    return isinstance(call.callee, tree.Index) and call.callee.is_method


def _without_items(type_name: str) -> str:
    return "table" if type_name.endswith("[]") or type_name.startswith("table<") else type_name


def _lua_type(value: Value) -> str | None:
    """Return what Lua's `type` says of a value, None where that cannot be told."""
    match value:
        case Text():
            return "string"
        case Number():
            return "number"
        case Boolean():
            return "boolean"
        case TableSite():
            return "table"
        case Closure() | ApiFunction() | Helper():
            return "function"
        case Answer(shape=shape) if not shape.nullable:
            return _LUA_TYPES.get(shape.type if shape.kind == "scalar" else shape.kind)
    return None


def wrong_option_type(facts: Facts) -> Iterator[Fault]:
    """An option that is written out with a value of the wrong type."""
    for helper, name, type_name, literal in _literal_options(facts):
        if type_name in _PYTHON_TYPES and not _is_of_type(literal.value, type_name):
            article = "an" if type_name[0] in "aeiou" else "a"
            message = f"takes {article} {type_name}, got {show(literal.value)}."
            yield Fault(literal.start, f"{helper}: Option '{name}' {message}")


def wrong_option_value(facts: Facts) -> Iterator[Fault]:
    """An option that takes one of a few words, and gets another one."""
    for helper, name, type_name, literal in _literal_options(facts):
        words = type_name.split("|")
        if words[0].startswith('"') and f'"{literal.value}"' not in words:
            message = f"takes {' or '.join(words)}, got {show(literal.value)}."
            yield Fault(literal.start, f"{helper}: Option '{name}' {message}")


def _literal_options(facts: Facts) -> Iterator[tuple[str, str, str, tree.Literal]]:
    """Yield (helper, option, its LuaCATS type, the literal that is written for it)."""
    for helper, class_name, table in _options(facts):
        fields = sandbox().classes[class_name]
        for key, value in table.entries:
            name = "" if key is None else constant_key(key) or ""
            if name in fields and isinstance(value, tree.Literal) and value.value is not None:
                yield helper, name, fields[name], value


def _options(facts: Facts) -> Iterator[tuple[str, str, tree.Table]]:
    """Yield (helper, class of its options, the table that is written for them)."""
    for call in facts.script.calls:
        values = alternatives(call.callee.values)
        if len(values) != 1 or not isinstance(values[0], Helper):
            continue
        name = values[0].name
        parameters = sandbox().signatures[name].parameters
        for parameter, argument in zip(parameters, call.arguments, strict=False):
            tables = alternatives(argument.values)
            if parameter.type not in sandbox().classes or len(tables) != 1:
                continue
            table = tables[0]
            if isinstance(table, TableSite) and table.node is not None:
                yield name.replace(f"{NAMESPACE}.", "circleci."), parameter.type, table.node


def _is_of_type(value: object, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "boolean"
    if type_name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _PYTHON_TYPES[type_name])
