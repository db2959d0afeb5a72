"""Arguments that a function refuses: unknown, missing, too many, of the wrong type or value."""

from collections.abc import Iterator
from typing import Any, Final

from kosmo_circleci.call import arguments as call_arguments
from kosmo_circleci.call import types
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.check import tree
from kosmo_circleci.check.calls import Argument
from kosmo_circleci.check.rules.binding import Binding, Bound
from kosmo_circleci.check.rules.facts import Facts, alternatives
from kosmo_circleci.check.tree import Expression, Fault
from kosmo_circleci.check.values import (
    Answer,
    Boolean,
    Number,
    TableSite,
    Text,
    Value,
)
from kosmo_circleci.wording import nearest

_UNKNOWN: Final = object()


def unknown_parameter(facts: Facts) -> Iterator[Fault]:
    """A parameter that the function does not have."""
    for binding in facts.bindings:
        for name, bound in binding.certain.items():
            for sentence in call_arguments.unknown_parameters(binding.function, {name: True}):
                yield Fault(bound.start, f"{binding.function.name}: {sentence}")
            yield from _unknown_parts(binding, name, bound)


def _unknown_parts(binding: Binding, name: str, bound: Bound) -> Iterator[Fault]:
    """Yield the fields of an object that are misspellings of documented ones.

    One that resembles none is left alone: CircleCI may take more than it documents.
    """
    parts = _parts(binding.function, name)
    for key, part in _fields(bound) if parts else ():
        near = None if key in parts else nearest(key, parts)
        if near is not None:
            yield Fault(
                part.start,
                f"{binding.function.name}: Unknown field '{key}' of '{name}'. "
                f"Did you mean '{near}'?",
            )


def _parts(function: Function, name: str) -> dict[str, Parameter]:
    """Return the fields of an object parameter by their wire names, as parameters `owner.type`."""
    return {
        each.body_path[-1]: each._replace(name=f"{name}.{each.body_path[-1]}")
        for each in function.parameters
        if each.part_of == name
    }


def _fields(bound: Bound) -> Iterator[tuple[str, Bound]]:
    """Yield the fields that a table constructor gives to an object."""
    values = alternatives(bound.argument.values)
    site = values[0] if len(values) == 1 else None
    if not isinstance(site, TableSite) or site.node is None:
        return
    for key, value in site.node.entries:
        name = None if key is None else tree.constant_key(key)
        if key is not None and name is not None:
            expression = value if name not in site.stores else None
            yield name, Bound(key.start, Argument(site.fields[name], expression))


def missing_parameter(facts: Facts) -> Iterator[Fault]:
    """A required parameter that is not there, nil or empty."""
    for binding in facts.bindings:
        if binding.is_complete:
            present: dict[str, Any] = dict.fromkeys(binding.possible, True)
            present |= {name: not bound.is_absent or "" for name, bound in binding.certain.items()}
            sentences = list(call_arguments.missing_parameters(binding.function, present))
            if sentences:
                yield Fault(binding.start, f"{binding.function.name}: {'. '.join(sentences)}")


def too_many_arguments(facts: Facts) -> Iterator[Fault]:
    """More positional arguments than the function has parameters."""
    for binding in facts.bindings:
        if binding.too_many is not None:
            positional = (True,) * binding.positional
            for sentence in call_arguments.too_many_arguments(binding.function, positional):
                yield Fault(binding.too_many, f"{binding.function.name}: {sentence}")


def wrong_type(facts: Facts) -> Iterator[Fault]:
    """An argument that is surely of a type the parameter does not take."""
    for function, parameter, bound in _arguments(facts):
        plain = parameter._replace(enum=())
        for start, sentence in _refusals(plain, bound):
            yield Fault(start, f"{function}: {sentence}")


def wrong_whole(facts: Facts) -> Iterator[Fault]:
    """A list, or an answer as it came, where the table of named parameters belongs."""
    for call in facts.api_calls:
        if len(call.arguments.head) != 1 or call.arguments.rest:
            continue
        argument = call.arguments.head[0]
        values = alternatives(argument.values)
        refusals = [_whole_refusal(facts, call.function, each) for each in values]
        if refusals and None not in refusals:
            expression = argument.expression or call.node
            yield Fault(expression.start, f"{call.function}: {refusals[0]}")


def _whole_refusal(facts: Facts, function: str, value: Value) -> str | None:
    names = [each.name for each in facts.heap.catalog[function].parameters]
    match value:
        case TableSite(elements=elements, fields=fields):
            if elements and not fields and not value.has_hidden_fields:
                return f"The arguments are a list; write {function}({{name = value}})."
        case Answer(where=where, shape=shape) if shape.kind == "object":
            certain = [each for each in shape.fields if not (each.optional or each.shape.nullable)]
            if any(each.name not in names for each in certain):
                return f"The argument is a whole answer ({where}); pass one of its fields."
    return None


def wrong_value(facts: Facts) -> Iterator[Fault]:
    """An argument outside the values the parameter takes."""
    for function, parameter, bound in _arguments(facts):
        if parameter.enum and not list(_refusals(parameter._replace(enum=()), bound)):
            for start, sentence in _refusals(parameter, bound):
                yield Fault(start, f"{function}: {sentence}")


def _arguments(facts: Facts) -> Iterator[tuple[str, Parameter, Bound]]:
    for binding in facts.bindings:
        for name, bound in binding.certain.items():
            parameter = binding.function.parameter(name)
            if parameter is None or bound.is_absent:
                continue
            yield binding.function.name, parameter, bound
            parts = _parts(binding.function, name)
            for key, part in _fields(bound) if parts else ():
                if key in parts and not part.is_absent:
                    yield binding.function.name, parts[key], part


def _refusals(parameter: Parameter, bound: Bound) -> Iterator[tuple[int, str]]:
    """Yield where and why the argument is refused."""
    expression = bound.argument.expression
    if expression is not None:
        operands = list(_operands(expression))
        if any(_constant(each) is not _UNKNOWN for each in operands):
            for each in operands:
                yield from _constant_refusals(parameter, each)
            return
    if parameter.type == "array":
        yield from _listed_refusals(parameter, bound)
    yield from _value_refusals(parameter, bound)


def _operands(expression: Expression) -> Iterator[Expression]:
    """Yield the operands that `a and b or c` may give."""
    if isinstance(expression, tree.Parenthesized):
        yield from _operands(expression.inner)
    elif isinstance(expression, tree.Operation) and {*expression.operators} <= {"and", "or"}:
        last = len(expression.operands) - 1
        for index, operand in enumerate(expression.operands):
            if index == last or expression.operators[index] == "or":
                yield from _operands(operand)
    else:
        yield expression


def _constant(expression: Expression) -> Any:
    """Return the value of a literal, or `_UNKNOWN`."""
    if isinstance(expression, tree.Literal):
        return expression.value
    if isinstance(expression, tree.Operation) and expression.operators == ["-"]:
        operand = _constant(expression.operands[0])
        if len(expression.operands) == 1 and type(operand) in (int, float):
            return -operand
    return _UNKNOWN


def _constant_refusals(parameter: Parameter, expression: Expression) -> Iterator[tuple[int, str]]:
    value = _constant(expression)
    if value is not _UNKNOWN and value is not None:
        yield from _converted(parameter, value, expression.start)


def _item_refusals(parameter: Parameter, table: tree.Table) -> Iterator[tuple[int, str]]:
    filler: Any = parameter.enum[0] if parameter.enum else {"integer": 0}.get(parameter.items, "")
    for index, (key, item) in enumerate(table.entries):
        value = _constant(item)
        if key is None and value is not _UNKNOWN and value is not None:
            yield from _converted(parameter, [filler] * index + [value], item.start)


def _listed_refusals(parameter: Parameter, bound: Bound) -> Iterator[tuple[int, str]]:
    """Yield the items that a list was made with, here or elsewhere in the script."""
    if isinstance(bound.argument.expression, tree.Table):
        yield from _item_refusals(parameter, bound.argument.expression)
        return
    values = alternatives(bound.argument.values)
    site = values[0] if len(values) == 1 else None
    if isinstance(site, TableSite) and site.node is not None and not site.is_open:
        yield from _item_refusals(parameter, site.node)


def _converted(parameter: Parameter, value: Any, start: int) -> Iterator[tuple[int, str]]:
    try:
        types.convert(parameter, value)
    except types.TypeFault as fault:
        yield start, str(fault)


def _value_refusals(parameter: Parameter, bound: Bound) -> Iterator[tuple[int, str]]:
    values = alternatives(bound.argument.values)
    start = _start(bound.argument, bound.start)
    refusals = [_refusal(parameter, each) for each in values]
    if refusals and None not in refusals:
        yield start, str(refusals[0])


def _start(argument: Argument, start: int) -> int:
    return start if argument.expression is None else argument.expression.start


def _refusal(parameter: Parameter, value: Value) -> str | None:
    """Return why a parameter refuses a value, None if it may take it."""
    match value:
        case Text(value=text) if text is not None:
            return next((sentence for _, sentence in _converted(parameter, text, 0)), None)
        case Number(value=number) if number is not None:
            return next((sentence for _, sentence in _converted(parameter, number, 0)), None)
    form = _form(value)
    is_single = parameter.repeated and form in ("a string", "a number")
    if form in _FITTING[parameter.type] or is_single:
        return None
    if parameter.type == "array" and isinstance(value, TableSite):
        may_be_list = value.elements or value.is_open or not value.fields
        return None if may_be_list else _got(parameter, form)
    return _got(parameter, form)


def _got(parameter: Parameter, form: str) -> str:
    return f"Parameter '{parameter.name}' takes {types.describe_taken(parameter)}, got {form}."


_FITTING: Final = {
    "string": ("a string", "a UUID", "a number"),
    "integer": ("a string", "a number"),
    "boolean": ("a boolean",),
    "object": ("an object", "an array"),
    "array": ("an array",),
}


def _form(value: Value) -> str:
    match value:
        case Text():
            return "a string"
        case Number():
            return "a number"
        case Boolean():
            return "a boolean"
        case TableSite():
            return "an object"
        case Answer(shape=shape):
            if shape.kind == "scalar":
                kind = "a UUID" if shape.format == "uuid" else f"a {shape.type}"
                return "a number" if kind == "a integer" else kind
            return "an array" if shape.kind == "array" else "an object"
    return "a function"
