"""Filter expressions of API v3: `pipeline.git.branch == "main" and pipeline.number >= 40`.

    expression  and-terms joined by `or`
    and-term    equalities joined by `and`
    equality    comparisons joined by `==` `!=` `starts-with` `matches`
    comparison  unaries joined by `>=` `>` `<=` `<`
    unary       `not` unary, or a literal, a variable, an expression in parentheses

So `not a == b` compares `not a` with `b`. A variable without a value (None) makes every comparison
false. `matches` takes a pattern, `/main|release-.*/`, that must fit the whole string.

Source: github.com/CircleCI-Public/expr, its README and its corpus of tests.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

Scalar: TypeAlias = "str | int | bool | None"
Environment: TypeAlias = Mapping[str, Scalar]

_Value: TypeAlias = "Scalar | re.Pattern[str]"
_Node: TypeAlias = "Callable[[Environment], _Value]"

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>\d+)
      | "(?P<string>(?:[^"\\]|\\.)*)"
      | /(?P<pattern>(?:[^/\\]|\\.)+)/
      | (?P<name>[A-Za-z][\w-]*(?:\.[\w-]+)*)
      | (?P<symbol>==|!=|>=|<=|>|<|!|\(|\))
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS: Final = {"and": "and", "AND": "and", "or": "or", "OR": "or", "not": "not", "!": "not"}
_EQUALITIES: Final = ("==", "!=", "starts-with", "matches")
_COMPARISONS: Final = (">=", ">", "<=", "<")
_MAX_DEPTH: Final = 100


class ExpressionError(ValueError):
    """The expression cannot be read or evaluated; `offset` is where in its text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


def parse(text: str) -> Callable[[Environment], bool]:
    """Return the expression as a function of the variables' values.

    Both this and the function raise `ExpressionError`: for a text that does not fit the grammar,
    for an unknown variable, for operands that an operator does not take.
    """
    parser = _Parser(text)
    node = parser.expression()
    parser.expect_end()
    return lambda environment: _truth(node(environment))


class _Parser:
    """A recursive descent over the tokens, one method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._depth = 0

    def expression(self) -> _Node:
        node = self._and_term()
        while self._take("or"):
            node = _or(node, self._and_term())
        return node

    def expect_end(self) -> None:
        token = self._tokens[self._place]
        if token.kind != "end":
            raise ExpressionError(f"unexpected {token.text}", token.offset)

    def _and_term(self) -> _Node:
        node = self._equality()
        while self._take("and"):
            node = _and(node, self._equality())
        return node

    def _equality(self) -> _Node:
        node = self._comparison()
        while operator := self._take(*_EQUALITIES):
            node = _binary(_EQUALITY[operator.text], operator, node, self._comparison())
        return node

    def _comparison(self) -> _Node:
        node = self._unary()
        while operator := self._take(*_COMPARISONS):
            node = _binary(_compared, operator, node, self._unary())
        return node

    def _unary(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError("nested too deeply", self._tokens[self._place].offset)
        node = _not(self._unary()) if self._take("not") else self._primary()
        self._depth -= 1
        return node

    def _primary(self) -> _Node:
        token = self._tokens[self._place]
        self._place += 1
        if token.text == "(" and token.kind == "symbol":
            node = self.expression()
            if not self._take(")"):
                raise ExpressionError("expected )", self._tokens[self._place].offset)
            return node
        if token.kind == "name" and token.text not in ("true", "false"):
            return _variable(token)
        if token.kind in ("symbol", "end"):
            raise ExpressionError("expected a value", token.offset)
        value = _literal(token)
        return lambda environment: value

    def _take(self, *texts: str) -> _Token | None:
        token = self._tokens[self._place]
        if token.kind not in ("symbol", "name") or token.text not in texts:
            return None
        self._place += 1
        return token


def _tokens(text: str) -> list[_Token]:
    tokens, offset = [], 0
    while text[offset:].strip():
        match = _TOKEN.match(text, offset)
        if match is None or match.lastgroup is None:
            start = offset + len(text[offset:]) - len(text[offset:].lstrip())
            raise ExpressionError(f"unexpected character {text[start]}", start)
        word = match[match.lastgroup]
        kind, start = match.lastgroup, match.start(match.lastgroup)
        if kind in ("name", "symbol") and word in _WORDS:
            kind, word = "symbol", _WORDS[word]
        elif kind == "name" and word in _EQUALITIES:
            kind = "symbol"
        tokens.append(_Token(kind, word, start))
        offset = match.end()
    return [*tokens, _Token("end", "the end", len(text))]


def _literal(token: _Token) -> _Value:
    if token.kind == "number":
        return int(token.text[:18])
    if token.kind == "string":
        return re.sub(r"\\(.)", r"\1", token.text, flags=re.DOTALL)
    if token.kind == "pattern":
        return _pattern(token)
    return token.text == "true"


def _pattern(token: _Token) -> re.Pattern[str]:
    try:
        return re.compile(token.text)
    except (re.error, RecursionError, OverflowError):
        raise ExpressionError(f"invalid pattern /{token.text}/", token.offset) from None


def _variable(token: _Token) -> _Node:
    def value(environment: Environment) -> _Value:
        if token.text not in environment:
            raise ExpressionError(f"unknown variable {token.text}", token.offset)
        return environment[token.text]

    return value


def _or(left: _Node, right: _Node) -> _Node:
    return lambda environment: _truth(left(environment)) or _truth(right(environment))


def _and(left: _Node, right: _Node) -> _Node:
    return lambda environment: _truth(left(environment)) and _truth(right(environment))


def _not(node: _Node) -> _Node:
    return lambda environment: not _truth(node(environment))


def _binary(
    operation: Callable[[_Token, _Value, _Value], bool], token: _Token, left: _Node, right: _Node
) -> _Node:
    def value(environment: Environment) -> _Value:
        operands = left(environment), right(environment)
        return None if None in operands else operation(token, *operands)

    return value


def _truth(value: _Value) -> bool:
    return value is not None and value is not False


def _is_equal(token: _Token, left: _Value, right: _Value) -> bool:
    return type(left) is type(right) and left == right


def _is_different(token: _Token, left: _Value, right: _Value) -> bool:
    return not _is_equal(token, left, right)


def _starts_with(token: _Token, left: _Value, right: _Value) -> bool:
    return _string(token, left).startswith(_string(token, right))


def _matches(token: _Token, left: _Value, right: _Value) -> bool:
    text = _string(token, left)
    if not isinstance(right, re.Pattern):
        raise ExpressionError("matches takes a pattern, such as /main|dev/", token.offset)
    return right.fullmatch(text) is not None


def _compared(token: _Token, left: _Value, right: _Value) -> bool:
    numbers = [_number(token, each) for each in (left, right)]
    return {
        ">=": numbers[0] >= numbers[1],
        ">": numbers[0] > numbers[1],
        "<=": numbers[0] <= numbers[1],
        "<": numbers[0] < numbers[1],
    }[token.text]


def _string(token: _Token, value: _Value) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"{token.text} takes strings", token.offset)
    return value


def _number(token: _Token, value: _Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError(f"{token.text} takes numbers", token.offset)
    return value


_EQUALITY: Final[Mapping[str, Callable[[_Token, _Value, _Value], bool]]] = {
    "==": _is_equal,
    "!=": _is_different,
    "starts-with": _starts_with,
    "matches": _matches,
}
