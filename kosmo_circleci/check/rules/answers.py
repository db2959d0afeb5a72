"""Answers read wrongly: fields they do not have, values they never are."""

from collections.abc import Iterator

from kosmo_circleci.check import tree
from kosmo_circleci.check.rules.facts import Facts, alternatives, key_name, name_start
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.check.values import Answer, ApiFunction, Helper, Value
from kosmo_circleci.wording import nearest

_MOST_NAMES = 12


def unknown_field(facts: Facts) -> Iterator[Fault]:
    """A field that the documented shape of an answer does not have."""
    for index in facts.script.indexes:
        name = key_name(index)
        values = alternatives(index.base.values)
        if name is None or index.is_method or not values:
            continue
        answers = [each for each in values if isinstance(each, Answer)]
        if len(answers) == len(values) and not any(_has(facts, each, name) for each in answers):
            yield Fault(index.key_start, _unknown_field(name, answers))


def _has(facts: Facts, answer: Answer, name: str) -> bool:
    heap, shape = facts.heap, answer.shape
    if answer.where in heap.open_answers or (answer.where, name) in heap.extra_fields:
        return True
    if shape.kind == "object":
        return any(each.name == name for each in shape.fields)
    return shape.kind != "array"


def _unknown_field(name: str, answers: list[Answer]) -> str:
    ordered = sorted(answers, key=lambda each: each.where)
    for answer in ordered:
        near = nearest(name, [each.name for each in answer.shape.fields])
        if near:
            return f"Unknown field '{name}' ({answer.where}). Did you mean '{near}'?"
    answer = ordered[0]
    if answer.shape.kind == "array":
        return f"Unknown field '{name}': {answer.where} is a list; take an item, or loop over it."
    names = [each.name for each in answer.shape.fields]
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return f"Unknown field '{name}' ({answer.where}). It has: {shown}."


def impossible_comparison(facts: Facts) -> Iterator[Fault]:
    """A comparison with a misspelling of one of the values a field can have.

    A value that resembles none of them is left alone: CircleCI may have more than it documents.
    """
    for operation in facts.script.operations:
        if operation.operators[0] not in ("==", "~="):
            continue
        for literal, other in (operation.operands[:2], operation.operands[1::-1]):
            if not isinstance(literal, tree.Literal) or not isinstance(literal.value, str):
                continue
            values = alternatives(other.values)
            answers = [each for each in values if isinstance(each, Answer) and each.shape.enum]
            allowed = [value for each in answers for value in each.shape.enum]
            near = nearest(literal.value, allowed)
            if answers and len(answers) == len(values) and near and literal.value not in allowed:
                where = min(each.where for each in answers)
                message = f"{where} is never '{literal.value}'. Did you mean '{near}'?"
                yield Fault(literal.start, message)


def not_a_list(facts: Facts) -> Iterator[Fault]:
    """An object where a list is looped over, and a function without pages where pages are."""
    for call in facts.script.calls:
        callee = alternatives(call.callee.values)
        if len(callee) != 1 or not isinstance(callee[0], Helper) or not call.arguments:
            continue
        helper, argument = callee[0].name, call.arguments[0]
        for value in alternatives(argument.values)[:1]:
            if helper in ("ipairs", "flow.map") and _is_object(value):
                hint = _list_in(value)
                yield Fault(argument.start, f"{helper}: this is an object, not a list{hint}")
            if helper in ("flow.each", "flow.all") and isinstance(value, ApiFunction):
                function = facts.heap.catalog[value.name]
                shape = facts.heap.catalog.result_shape(function)
                has_shape = shape.kind in ("object", "array") and function.paging is None
                if has_shape and not _list_in(Answer(value.name, shape)):
                    yield Fault(name_start(argument), f"{helper}: {value.name} answers no pages")


def _is_object(value: Value) -> bool:
    return isinstance(value, Answer) and value.shape.kind == "object"


def _list_in(value: Value) -> str:
    """Return the hint that names an answer's items, if it has any."""
    fields = value.shape.fields if isinstance(value, Answer) else ()
    return "; take its items" if any(each.name == "items" for each in fields) else ""
