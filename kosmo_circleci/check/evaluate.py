"""What every expression of a script may be: an abstract run, repeated until nothing changes.

Each pass goes through the statements once, in the order of the text, and collects alternatives:
a variable holds all values that any assignment brings, a parameter all arguments of all calls, a
table all that is put into it. Sets only grow, so the passes come to an end (a points-to analysis
without order: Andersen's, over a lattice of finite height). The order is lost on purpose: what is
left holds on whatever path the script takes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from kosmo_circleci.check import tree
from kosmo_circleci.check.calls import (
    ANYTHING,
    ApiCall,
    Argument,
    Arguments,
    Results,
    merge_results,
)
from kosmo_circleci.check.heap import Heap
from kosmo_circleci.check.helper_calls import call_helper
from kosmo_circleci.check.names import NAMESPACE, sandbox
from kosmo_circleci.check.scope import Script
from kosmo_circleci.check.tree import Expression, Statement, constant_key
from kosmo_circleci.check.values import (
    ANY,
    BOOLEAN,
    NIL,
    NOTHING,
    NUMBER,
    TEXT,
    ApiFunction,
    Boolean,
    Closure,
    Helper,
    Iterator,
    Library,
    Namespace,
    Nil,
    Number,
    Text,
    Unknown,
    Values,
)

_MOST_PASSES: Final = 20
_FALSY: Final[Values] = frozenset([Nil(), Boolean(False)])
_RESULT_OF: Final = {
    "..": TEXT,
    **dict.fromkeys(("==", "~=", "<", ">", "<=", ">="), BOOLEAN),
}


class Evaluation:
    """One abstract run. What an expression may be is on its node, the rest in `heap`.

    `api_calls` are the calls of the catalog's functions.
    """

    def __init__(self, script: Script, heap: Heap) -> None:
        self.heap = heap
        self.api_calls: dict[tuple[int, str, int], ApiCall] = {}
        self._script = script
        self._functions: list[Closure] = []
        self._statement_of: dict[type, Callable[[Any], object]] = {
            tree.Assignment: self._assignment,
            tree.LocalFunction: self._local_function,
            tree.CallStatement: lambda statement: self._results(statement.call),
            tree.Do: lambda statement: self._statements(statement.body),
            tree.Loop: self._loop,
            tree.If: self._if,
            tree.For: self._for,
            tree.Return: lambda statement: self._return(self.arguments(statement.expressions)),
        }

    def run(self) -> bool:
        """Evaluate until nothing changes; False if that does not happen, then nothing is known."""
        for variable in self._script.globals.values():
            variable.values = (
                _builtin(variable.name) if variable.name in sandbox().globals else NOTHING
            )
        for _ in range(_MOST_PASSES):
            self.heap.changed = False
            self._statements(self._script.body)
            if not self.heap.changed:
                return True
        return False

    # Statements -------------------------------------------------------------------------------

    def _statements(self, body: Sequence[Statement]) -> None:
        for statement in body:
            carry_out = self._statement_of.get(type(statement))
            if carry_out is not None:  # Jumps and labels change no value.
                carry_out(statement)

    def _assignment(self, statement: tree.Assignment) -> None:
        arguments = self.arguments(statement.expressions)
        for position, target in enumerate(statement.targets):
            self._store(target, arguments.at(position).values)

    def _local_function(self, statement: tree.LocalFunction) -> None:
        self.heap.grow(statement.target.variable, self.value(statement.function))

    def _loop(self, statement: tree.Loop) -> None:
        self.value(statement.condition)
        self._statements(statement.body)

    def _if(self, statement: tree.If) -> None:
        for condition, body in statement.branches:
            if condition is not None:
                self.value(condition)
            self._statements(body)

    def _store(self, target: tree.Name | tree.Index, values: Values) -> None:
        if isinstance(target, tree.Name):
            self.heap.grow(target.variable, values)
        else:
            base, keys = self.value(target.base), self.value(target.key)
            self.heap.store(base, keys, values, target)

    def _for(self, statement: tree.For) -> None:
        arguments = self.arguments(statement.expressions)
        if statement.is_numeric:
            self.heap.grow(statement.targets[0].variable, NUMBER)
        else:
            step = statement.expressions[0]
            results = self.call(step, arguments.at(0).values, arguments.behind(1))
            for position, target in enumerate(statement.targets):
                self.heap.grow(target.variable, results.at(position))
        self._statements(statement.body)

    def _return(self, arguments: Arguments) -> None:
        if not self._functions:
            # A module's user may change what it returns; a script that has ended sees none of it.
            if self._script.globals or self.heap.may_run_after(arguments.all()):
                self.heap.open(arguments.all())
            return
        closure, heap = self._functions[-1], self.heap
        for position, argument in enumerate(arguments.head):
            if position == len(closure.returns):
                closure.returns.append(NOTHING)
            closure.returns[position] = heap.widen(closure.returns[position], argument.values)
        closure.rest = heap.widen(closure.rest, arguments.rest)

    # Expressions ------------------------------------------------------------------------------

    def arguments(self, expressions: Sequence[Expression]) -> Arguments:
        """Evaluate a list of expressions, the last one with all its values."""
        if not expressions:
            return Arguments()
        *first, last = expressions
        head = [Argument(self.value(each), each) for each in first]
        if not isinstance(last, tree.Call | tree.Varargs):
            return Arguments((*head, Argument(self.value(last), last)))
        results = self._results(last)
        if results.head:
            head.append(Argument(results.head[0], last))
            head += [Argument(values) for values in results.head[1:]]
            return Arguments(tuple(head), results.rest)
        return Arguments(tuple(head), results.rest or NIL)

    def value(self, expression: Expression) -> Values:
        """Return what an expression may be, and keep it on the node."""
        expression.values = values = self._value(expression)
        return values

    def _value(self, expression: Expression) -> Values:
        match expression:
            case tree.Name(variable=None, text=text):
                return ANY if self._script.has_environment else _builtin(text)
            case tree.Name(variable=variable):
                return ANY if variable is None else variable.values
            case tree.Literal(value=value):
                return _literal(value)
            case tree.Index(base=base, key=key):
                return self.heap.index(self.value(base), self.value(key))
            case tree.Call() | tree.Varargs():
                return self._results(expression).at(0)
            case tree.Operation():
                return self._operation(expression)
            case tree.Table():
                return self._table(expression)
            case tree.Function():
                return self._function(expression)
            case tree.Parenthesized(inner=inner):
                return self.value(inner)

    def _results(self, expression: tree.Call | tree.Varargs) -> Results:
        if isinstance(expression, tree.Varargs):
            results = Results(rest=self._functions[-1].varargs if self._functions else ANY)
        else:
            callee = self.value(expression.callee)
            arguments = self.arguments(expression.arguments)
            results = self.call(expression, callee, _with_self(expression, arguments))
        expression.values = results.at(0)
        return results

    def _operation(self, operation: tree.Operation) -> Values:
        operators, operands = operation.operators, operation.operands
        values = self.value(operands[0])
        if len(operands) == 1:
            return BOOLEAN if operators[0] == "not" else NUMBER
        for operator, operand in zip(operators, operands[1:], strict=True):
            right = self.value(operand)
            if operator == "and":
                is_unknown = any(isinstance(each, Unknown) for each in values)
                left = _FALSY if is_unknown else values & (_FALSY | BOOLEAN)
                values = self.heap.join(left, right)
            elif operator == "or":
                values = self.heap.join(values - _FALSY, right)
            else:
                values = _RESULT_OF.get(operator, NUMBER)
        return values

    def _table(self, table: tree.Table) -> Values:
        heap, site = self.heap, self.heap.site(table)
        for position, (key, value) in enumerate(table.entries, start=1):
            name = None if key is None else constant_key(key)
            if key is None and position == len(table.entries):
                heap.put(site, NUMBER, self.arguments([value]).all())
            elif key is None:
                heap.put(site, NUMBER, self.value(value))
            elif name is None:
                heap.put(site, self.value(key), self.value(value))
            else:
                self.value(key)
                heap.put_field(site, name, self.value(value))
        return frozenset([site])

    def _function(self, function: tree.Function) -> Values:
        heap, closure = self.heap, self.heap.closure(function)
        if closure.is_open:
            for parameter in function.parameters:
                heap.grow(parameter.variable, ANY)
            closure.varargs = heap.widen(closure.varargs, ANY)
            heap.open(heap.join(closure.rest, *closure.returns))
        self._functions.append(closure)
        self._statements(function.body)
        self._functions.pop()
        return frozenset([closure])

    # Calls ------------------------------------------------------------------------------------

    def call(self, node: Expression, callee: Values, arguments: Arguments) -> Results:
        """Return what a call of any of these values answers; `node` is where it is made."""
        results: list[Results] = []
        for value in callee:
            match value:
                case Closure():
                    results.append(self._call_closure(value, arguments))
                case ApiFunction(name=name):
                    results.append(self._call_api(node, name, arguments))
                case Helper(name=name):
                    results.append(call_helper(self, node, name, arguments))
                case Iterator(values=values):
                    results.append(Results(values))
                case Nil() | Boolean():
                    pass
                case Unknown(is_external=True):
                    self.heap.open(arguments.all(), to_module=True)
                    results.append(Results(rest=frozenset([value])))
                case _:
                    self.heap.open(arguments.all())
                    results.append(ANYTHING)
        return merge_results(results)

    def _call_closure(self, closure: Closure, arguments: Arguments) -> Results:
        parameters = closure.function.parameters
        for position, parameter in enumerate(parameters):
            self.heap.grow(parameter.variable, arguments.at(position).values)
        if closure.function.has_varargs:
            further = arguments.behind(len(parameters)).all()
            closure.varargs = self.heap.widen(closure.varargs, further)
        return Results(tuple(closure.returns), closure.rest)

    def _call_api(self, node: Expression, name: str, arguments: Arguments) -> Results:
        if isinstance(node, tree.Call):
            key = (id(node), name, len(arguments.head))
            self.api_calls[key] = ApiCall(node, name, arguments)
        return Results((self.heap.answer_of(name),))


def _with_self(call: tree.Call, arguments: Arguments) -> Arguments:
    if not isinstance(call.callee, tree.Index) or not call.callee.is_method:
        return arguments
    base = call.callee.base
    return Arguments((Argument(base.values, base), *arguments.head), arguments.rest)


def _builtin(name: str) -> Values:
    """Return the value of a global of the sandbox; anything for a name it does not have."""
    names = sandbox()
    if name == "app":
        return frozenset([Namespace("app")])
    if name in names.members and name != NAMESPACE:
        return frozenset([Library(name)])
    if name in names.signatures:
        return frozenset([Helper(name)])
    return ANY


def _literal(value: bool | int | float | str | None) -> Values:
    if value is None:
        return NIL
    if isinstance(value, bool):
        return frozenset([Boolean(value)])
    return frozenset([Text(value) if isinstance(value, str) else Number(value)])
