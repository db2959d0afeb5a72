"""Names -> variables, and the rules of Lua about scopes: `break`, `goto`, constants, `...`.

Also collects, in the order of the text, the nodes that the rules look at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kosmo_circleci.check import tree
from kosmo_circleci.check.tree import Expression, Fault, Statement, Variable, constant_key


@dataclass(slots=True)
class Script:
    """A resolved script.

    `reads` are the names that no local has, `globals` those among them that the script sets itself;
    `local_names` are the names of all locals. `indexes` are read, `stores` assigned to.
    `nil_checks` are the ids of names and indexes that the script asks whether they are nil
    (`x or y`, `x == nil`, `if x then`, `type(x)`). `blocks` are those of calls and stores, by id.
    `has_environment`: the script replaces its globals (`_ENV`), so that no name means anything.
    """

    body: list[Statement]
    faults: list[Fault] = field(default_factory=list)
    reads: list[tree.Name] = field(default_factory=list)
    globals: dict[str, Variable] = field(default_factory=dict)
    local_names: set[str] = field(default_factory=set)
    indexes: list[tree.Index] = field(default_factory=list)
    stores: list[tree.Index] = field(default_factory=list)
    calls: list[tree.Call] = field(default_factory=list)
    operations: list[tree.Operation] = field(default_factory=list)
    nil_checks: set[int] = field(default_factory=set)
    blocks: "dict[int, Block]" = field(default_factory=dict)
    has_environment: bool = False

    def reaches_anything(self) -> bool:
        """Say whether the script may reach a function without its name being read here.

        A text that is loaded may, and so may a global that is read by another way than its name.
        """
        if self.has_environment or any(each.text == "load" for each in self.reads):
            return True
        plain = [
            id(each.base)
            for each in (*self.stores, *self.indexes)
            if constant_key(each.key) not in (None, "_G", "app", "load")
        ]
        return any(each.text == "_G" and id(each) not in plain for each in self.reads)

    def surely_precedes(self, store: tree.Index, call: tree.Call) -> bool:
        """Say whether a call is made only after an assignment that comes before it."""
        block: Block | None = self.blocks[id(call)]
        while block is not None and block is not self.blocks[id(store)]:
            block = block.parent
        return block is not None and store.start < call.start


def resolve(body: list[Statement]) -> Script:
    """Return the script of these statements; what breaks a rule of Lua is in its `faults`."""
    script = Script(body)
    _Resolver(script).chunk()
    for name in script.reads:
        name.variable = script.globals.get(name.text)
    return script


@dataclass(eq=False, slots=True)
class Block:
    """A block. `size` counts the locals declared so far; `gotos` wait for their label."""

    parent: "Block | None"
    is_function: bool = False
    is_loop: bool = False
    is_repeat: bool = False
    has_varargs: bool = False
    variables: dict[str, Variable] = field(default_factory=dict)
    size: int = 0
    labels: set[str] = field(default_factory=set)
    gotos: list[tuple[tree.Jump, int]] = field(default_factory=list)


class _Resolver:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._block = Block(None, is_function=True, has_varargs=True)
        self._statement_of: dict[type, Callable[[Any], None]] = {
            tree.Assignment: self._assignment,
            tree.LocalFunction: self._local_function,
            tree.CallStatement: lambda statement: self._call(statement.call),
            tree.Do: lambda statement: self._inner(statement.body),
            tree.Loop: self._loop,
            tree.If: self._if,
            tree.For: self._for,
            tree.Return: lambda statement: self._expressions(statement.expressions),
            tree.Jump: self._jump,
        }
        self._expression_of: dict[type, Callable[[Any], None]] = {
            tree.Name: self._read,
            tree.Index: self._index,
            tree.Call: self._call,
            tree.Function: self._function,
            tree.Table: self._table,
            tree.Operation: self._operation,
            tree.Varargs: self._varargs,
            tree.Parenthesized: lambda expression: self._expression(expression.inner),
        }

    def chunk(self) -> None:
        self._statements(self._script.body)
        self._leave()

    # Blocks -----------------------------------------------------------------------------------

    def _enter(self, block: Block) -> None:
        self._block = block

    def _leave(self) -> None:
        block = self._block
        for jump, _ in block.gotos:
            if block.is_function or block.parent is None:
                self._fault(jump.start, f"no visible label '{jump.label}' for this goto")
            else:
                block.parent.gotos.append((jump, block.parent.size))
        if block.parent is not None:
            self._block = block.parent

    def _inner(self, body: Sequence[Statement], *, is_loop: bool = False) -> None:
        self._enter(Block(self._block, is_loop=is_loop))
        self._statements(body)
        self._leave()

    def _fault(self, start: int, message: str) -> None:
        self._script.faults.append(Fault(start, message))

    def _declare(self, name: tree.Name) -> Variable:
        block, variable = self._block, Variable(name.text, name.attribute)
        block.variables[name.text] = name.variable = variable
        self._script.local_names.add(name.text)
        self._script.has_environment |= name.text == "_ENV"
        block.size += 1
        return variable

    def _local(self, text: str) -> Variable | None:
        block: Block | None = self._block
        while block is not None:
            variable = block.variables.get(text)
            if variable is not None:
                return variable
            block = block.parent
        return None

    # Statements -------------------------------------------------------------------------------

    def _statements(self, body: Sequence[Statement]) -> None:
        for index, statement in enumerate(body):
            if isinstance(statement, tree.Label):
                self._label(statement, body[index + 1 :])
            else:
                self._statement_of[type(statement)](statement)

    def _local_function(self, statement: tree.LocalFunction) -> None:
        self._declare(statement.target).is_function = True
        self._function(statement.function)

    def _if(self, statement: tree.If) -> None:
        for condition, body in statement.branches:
            if condition is not None:
                self._condition(condition)
            self._inner(body)

    def _for(self, statement: tree.For) -> None:
        self._expressions(statement.expressions)
        self._enter(Block(self._block, is_loop=True))
        for target in statement.targets:
            self._declare(target)
        self._inner(statement.body)
        self._leave()

    def _assignment(self, statement: tree.Assignment) -> None:
        self._expressions(statement.expressions)
        closes = [
            each
            for each in statement.targets
            if isinstance(each, tree.Name) and each.attribute == "close"
        ]
        if len(closes) > 1:
            self._fault(closes[1].start, "multiple to-be-closed variables in one local statement")
        for position, target in enumerate(statement.targets):
            if isinstance(target, tree.Index):
                self._expression(target.base)
                self._expression(target.key)
                self._script.stores.append(target)
                self._script.blocks[id(target)] = self._block
                continue
            variable = self._declare(target) if statement.is_local else self._set(target)
            values = statement.expressions[position : position + 1]
            variable.is_function |= any(isinstance(each, tree.Function) for each in values)

    def _set(self, target: tree.Name) -> Variable:
        variable = self._local(target.text)
        if variable is None:
            self._script.has_environment |= target.text == "_ENV"
            variable = self._script.globals.setdefault(target.text, Variable(target.text))
        elif variable.attribute:
            self._fault(target.start, f"attempt to assign to const variable '{target.text}'")
        target.variable = variable
        return variable

    def _loop(self, statement: tree.Loop) -> None:
        if not statement.is_repeat:
            self._condition(statement.condition)
            self._inner(statement.body, is_loop=True)
            return
        self._enter(Block(self._block, is_loop=True, is_repeat=True))
        self._statements(statement.body)
        self._condition(statement.condition)
        self._leave()

    # Jumps ------------------------------------------------------------------------------------

    def _jump(self, jump: tree.Jump) -> None:
        block: Block | None = self._block
        while block is not None:
            if block.is_loop if jump.label is None else jump.label in block.labels:
                return
            block = None if block.is_function else block.parent
        if jump.label is None:
            self._fault(jump.start, "break outside a loop")
        else:
            self._block.gotos.append((jump, self._block.size))

    def _label(self, label: tree.Label, rest: Sequence[Statement]) -> None:
        block: Block | None = self._block
        while block is not None:
            if label.name in block.labels:
                self._fault(label.start, f"label '{label.name}' is already defined")
                return
            block = None if block.is_function else block.parent
        own = self._block
        own.labels.add(label.name)
        # A label at the end of its block is outside the scope of the block's locals.
        is_last = not own.is_repeat and all(isinstance(each, tree.Label) for each in rest)
        for jump, size in own.gotos:
            if jump.label == label.name and size < own.size and not is_last:
                self._fault(jump.start, f"this goto jumps over a local into '{label.name}'")
        own.gotos = [each for each in own.gotos if each[0].label != label.name]

    # Expressions ------------------------------------------------------------------------------

    def _expressions(self, expressions: Sequence[Expression]) -> None:
        for each in expressions:
            self._expression(each)

    def _expression(self, expression: Expression) -> None:
        if not isinstance(expression, tree.Literal):
            self._expression_of[type(expression)](expression)

    def _index(self, index: tree.Index) -> None:
        self._expression(index.base)
        self._expression(index.key)
        self._script.indexes.append(index)

    def _call(self, call: tree.Call) -> None:
        self._expression(call.callee)
        self._expressions(call.arguments)
        self._script.calls.append(call)
        self._script.blocks[id(call)] = self._block
        if call.arguments and isinstance(call.callee, tree.Name) and call.callee.text == "type":
            self._test(call.arguments[0])

    def _table(self, table: tree.Table) -> None:
        for key, value in table.entries:
            if key is not None:
                self._expression(key)
            self._expression(value)

    def _read(self, name: tree.Name) -> None:
        name.variable = self._local(name.text)
        if name.variable is None:
            self._script.has_environment |= name.text == "_ENV"
            self._script.reads.append(name)

    def _operation(self, operation: tree.Operation) -> None:
        operators, operands = operation.operators, operation.operands
        self._expressions(operands)
        self._script.operations.append(operation)
        for index, operand in enumerate(operands):
            around = operators[max(index - 1, 0) : index + 1]
            if {"and", "or", "not"} & set(around):
                self._test(operand)
        if operators[0] in ("==", "~="):
            if _is_nil(operands[1]):
                self._test(operands[0])
            if _is_nil(operands[0]):
                self._test(operands[1])

    def _condition(self, condition: Expression) -> None:
        self._expression(condition)
        self._test(condition)

    def _test(self, expression: Expression) -> None:
        while isinstance(expression, tree.Parenthesized):
            expression = expression.inner
        if isinstance(expression, tree.Name | tree.Index):
            self._script.nil_checks.add(id(expression))

    def _function(self, function: tree.Function) -> None:
        outer = self._block
        self._enter(Block(outer, is_function=True, has_varargs=function.has_varargs))
        for parameter in function.parameters:
            self._declare(parameter)
        self._statements(function.body)
        self._leave()

    def _varargs(self, varargs: tree.Varargs) -> None:
        block = self._block
        while not block.is_function and block.parent is not None:
            block = block.parent
        if not block.has_varargs:
            self._fault(varargs.start, "cannot use '...' outside a vararg function")


def _is_nil(expression: Expression) -> bool:
    return isinstance(expression, tree.Literal) and expression.value is None
