"""The parser's nodes -> tree; refuses keywords as names, malformed numbers and strings."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kosmo_circleci.check import literals, tree
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.script.names import is_lua_name

if TYPE_CHECKING:
    from tree_sitter import Node


class Reader:
    """Turns the nodes of one source into a tree."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._expressions: dict[str, Callable[[Node], tree.Expression]] = {
            "identifier": self._name,
            "number": self._number,
            "string": self._string,
            "nil": lambda node: tree.Literal(node.start_byte, None),
            "true": lambda node: tree.Literal(node.start_byte, True),
            "false": lambda node: tree.Literal(node.start_byte, False),
            "vararg_expression": lambda node: tree.Varargs(node.start_byte),
            "parenthesized_expression": self._parenthesized,
            "dot_index_expression": self._dot,
            "bracket_index_expression": self._bracket,
            "method_index_expression": self._method,
            "function_call": self._call,
            "function_definition": self._function,
            "table_constructor": self._table,
            "binary_expression": self._binary,
            "unary_expression": self._unary,
        }
        self._statements: dict[str, Callable[[Node], tree.Statement]] = {
            "variable_declaration": self._local,
            "assignment_statement": self._assignment,
            "function_declaration": self._function_statement,
            "function_call": lambda node: tree.CallStatement(node.start_byte, self._call(node)),
            "do_statement": lambda node: tree.Do(node.start_byte, self._body(node)),
            "while_statement": self._loop,
            "repeat_statement": self._loop,
            "if_statement": self._if,
            "for_statement": self._for,
            "return_statement": self._return,
            "goto_statement": lambda node: tree.Jump(
                node.start_byte, self._name(node.named_children[0]).text
            ),
            "break_statement": lambda node: tree.Jump(node.start_byte, None),
            "label_statement": lambda node: tree.Label(
                node.start_byte, self._name(node.named_children[0]).text
            ),
        }

    def block(self, node: "Node") -> list[tree.Statement]:
        """Return the statements among a node's children."""
        read = self._statements
        return [read[each.type](each) for each in node.named_children if each.type in read]

    def _body(self, node: "Node", field: str = "body") -> list[tree.Statement]:
        body = node.child_by_field_name(field)
        return [] if body is None else self.block(body)

    def _field(self, node: "Node", field: str) -> tree.Expression:
        child = node.child_by_field_name(field)
        assert child is not None, f"{node.type} without {field}"
        return self._expression(child)

    def _expression(self, node: "Node") -> tree.Expression:
        return self._expressions[node.type](node)

    def _list(self, node: "Node | None") -> list[tree.Expression]:
        if node is None:
            return []
        return [self._expression(each) for each in _without_comments(node)]

    def _text(self, node: "Node") -> str:
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")

    # Expressions ------------------------------------------------------------------------------

    def _name(self, node: "Node") -> tree.Name:
        text = self._text(node)
        if not is_lua_name(text):
            raise Fault(node.start_byte, f"'{text}' cannot be a name")
        return tree.Name(node.start_byte, text)

    def _number(self, node: "Node") -> tree.Literal:
        text, end = self._text(node), node.end_byte
        if self._source[end : end + 1].isalnum():  # The grammar reads `1return` as two words.
            raise Fault(node.start_byte, f"malformed number near '{text}'")
        return tree.Literal(node.start_byte, literals.number(text, node.start_byte))

    def _string(self, node: "Node") -> tree.Literal:
        raw = self._source[node.start_byte : node.end_byte]
        return tree.Literal(node.start_byte, literals.string(raw, node.start_byte))

    def _parenthesized(self, node: "Node") -> tree.Parenthesized:
        (inner,) = _without_comments(node)
        return tree.Parenthesized(node.start_byte, self._expression(inner))

    def _dot(self, node: "Node", field: str = "field") -> tree.Index:
        base = self._field(node, "table")
        member = node.child_by_field_name(field)
        assert member is not None
        key = tree.Literal(member.start_byte, self._name(member).text)
        return tree.Index(node.start_byte, base, key, member.start_byte, field == "method")

    def _method(self, node: "Node") -> tree.Index:
        return self._dot(node, "method")

    def _bracket(self, node: "Node") -> tree.Index:
        key = self._field(node, "field")
        return tree.Index(node.start_byte, self._field(node, "table"), key, key.start)

    def _call(self, node: "Node") -> tree.Call:
        arguments = self._list(node.child_by_field_name("arguments"))
        return tree.Call(node.start_byte, self._field(node, "name"), arguments)

    def _function(self, node: "Node", *, is_method: bool = False) -> tree.Function:
        parameters = [tree.Name(node.start_byte, "self")] if is_method else []
        has_varargs = False
        names = node.child_by_field_name("parameters")
        for each in [] if names is None else _without_comments(names):
            if each.type == "vararg_expression":
                has_varargs = True
            else:
                parameters.append(self._name(each))
        return tree.Function(node.start_byte, parameters, has_varargs, self._body(node))

    def _table(self, node: "Node") -> tree.Table:
        entries: list[tuple[tree.Expression | None, tree.Expression]] = []
        for each in _without_comments(node):
            name = each.child_by_field_name("name")
            key: tree.Expression | None = None
            if name is not None:
                # `[name]` is an expression, `name` in front of `=` a word.
                in_brackets = self._source[each.start_byte] == ord("[")
                key = self._expression(name)
                if isinstance(key, tree.Name) and not in_brackets:
                    key = tree.Literal(key.start, key.text)
            entries.append((key, self._field(each, "value")))
        return tree.Table(node.start_byte, entries)

    def _binary(self, node: "Node") -> tree.Operation:
        first = self._operator(node)
        side, other = ("right", "left") if first == ".." else ("left", "right")
        operators: list[str] = []
        operands: list[tree.Expression] = []
        inner: Node | None = node
        while inner is not None and inner.type == "binary_expression":
            operator = self._operator(inner)
            if (operator == "..") != (first == ".."):
                break
            operators.append(operator)
            operands.append(self._field(inner, other))
            inner = inner.child_by_field_name(side)
        assert inner is not None
        operands.append(self._expression(inner))
        if side == "left":
            operators.reverse()
            operands.reverse()
        return tree.Operation(node.start_byte, operators, operands)

    def _operator(self, node: "Node") -> str:
        operator = node.child_by_field_name("operator")
        assert operator is not None
        return operator.type

    def _unary(self, node: "Node") -> tree.Operation:
        return tree.Operation(
            node.start_byte, [self._operator(node)], [self._field(node, "operand")]
        )

    # Statements -------------------------------------------------------------------------------

    def _local(self, node: "Node") -> tree.Assignment:
        (inner,) = _without_comments(node)
        if inner.type == "assignment_statement":
            statement = self._assignment(inner)
            statement.start, statement.is_local = node.start_byte, True
            return statement
        return tree.Assignment(node.start_byte, self._targets(inner), [], is_local=True)

    def _assignment(self, node: "Node") -> tree.Assignment:
        children = {each.type: each for each in node.named_children}
        return tree.Assignment(
            node.start_byte,
            self._targets(children["variable_list"]),
            self._list(children["expression_list"]),
        )

    def _targets(self, node: "Node") -> list[tree.Name | tree.Index]:
        targets: list[tree.Name | tree.Index] = []
        for each in _without_comments(node):
            if each.type == "attribute":
                if not targets or not isinstance(targets[-1], tree.Name):
                    raise Fault(each.start_byte, "an attribute stands behind the name of a local")
                targets[-1].attribute = self._attribute(each.named_children[0])
                continue
            target = self._expression(each)
            assert isinstance(target, tree.Name | tree.Index)
            targets.append(target)
        return targets

    def _attribute(self, node: "Node") -> str:
        text = self._text(node)
        if text not in ("const", "close"):
            raise Fault(node.start_byte, f"unknown attribute '{text}'; Lua has const and close")
        return text

    def _function_statement(self, node: "Node") -> tree.Statement:
        name = node.child_by_field_name("name")
        assert name is not None
        target = self._expression(name)
        assert isinstance(target, tree.Name | tree.Index)
        is_method = isinstance(target, tree.Index) and target.is_method
        function = self._function(node, is_method=is_method)
        if node.children[0].type == "local" and isinstance(target, tree.Name):
            return tree.LocalFunction(node.start_byte, target, function)
        return tree.Assignment(node.start_byte, [target], [function])

    def _loop(self, node: "Node") -> tree.Loop:
        return tree.Loop(
            node.start_byte,
            self._field(node, "condition"),
            self._body(node),
            node.type == "repeat_statement",
        )

    def _if(self, node: "Node") -> tree.If:
        branches: list[tuple[tree.Expression | None, list[tree.Statement]]] = [
            (self._field(node, "condition"), self._body(node, "consequence"))
        ]
        for each in node.children_by_field_name("alternative"):
            if each.type == "else_statement":
                branches.append((None, self._body(each)))
            else:
                branches.append((self._field(each, "condition"), self._body(each, "consequence")))
        return tree.If(node.start_byte, branches)

    def _for(self, node: "Node") -> tree.For:
        clause = node.child_by_field_name("clause")
        assert clause is not None
        body = self._body(node)
        if clause.type == "for_generic_clause":
            names, expressions = _without_comments(clause)
            return tree.For(
                node.start_byte,
                [self._name(each) for each in _without_comments(names)],
                self._list(expressions),
                body,
            )
        name, *bounds = _without_comments(clause)
        return tree.For(
            node.start_byte,
            [self._name(name)],
            [self._expression(each) for each in bounds],
            body,
            is_numeric=True,
        )

    def _return(self, node: "Node") -> tree.Return:
        children = next(
            (each for each in node.named_children if each.type == "expression_list"), None
        )
        return tree.Return(node.start_byte, self._list(children))


def _without_comments(node: "Node") -> Iterator["Node"]:
    return (each for each in node.named_children if each.type != "comment")
