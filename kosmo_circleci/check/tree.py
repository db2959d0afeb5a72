"""A parsed script: expressions and statements of Lua 5.4, without punctuation.

`start` is a byte offset into the source. What the evaluation finds out is kept on the nodes:
`Name.variable` by `scope`, `values` by `evaluate`. Nodes are compared by identity.
"""

from dataclasses import dataclass
from typing import TypeAlias

from kosmo_circleci.check.values import NOTHING, Values


class Fault(ValueError):
    """The text is not Lua, or too deep to be read. `start` is where, in bytes."""

    def __init__(self, start: int, message: str) -> None:
        super().__init__(message)
        self.start = start
        self.message = message


@dataclass(eq=False, slots=True)
class Variable:
    """A local, a parameter, or a global that the script itself sets.

    `attribute` is "const", "close" or "". `values` is what it may hold, over the whole run.
    `is_function`: it is set to a function where it is declared.
    """

    name: str
    attribute: str = ""
    is_function: bool = False
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Name:
    """A name that is read or assigned to; `variable` is None for a global of the sandbox."""

    start: int
    text: str
    attribute: str = ""
    variable: Variable | None = None
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Literal:
    """nil, a boolean, a number or a string."""

    start: int
    value: bool | int | float | str | None
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Index:
    """`base.key`, `base[key]`, or the callee `base:key`; `key_start` is where the key begins."""

    start: int
    base: "Expression"
    key: "Expression"
    key_start: int
    is_method: bool = False
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Call:
    """A call; with a method, `callee` is the `Index` and the object is not among the arguments."""

    start: int
    callee: "Expression"
    arguments: list["Expression"]
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Function:
    """A function, `self` of a method among the parameters."""

    start: int
    parameters: list[Name]
    has_varargs: bool
    body: list["Statement"]
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Table:
    """A table constructor: (None, value) for items, (key, value) for fields."""

    start: int
    entries: list[tuple["Expression | None", "Expression"]]
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Operation:
    """`a op b op c`, applied from left to right, or one operand with a unary operator.

    A chain is flat, so that a long sum needs no recursion. All operators of `..` are in one chain.
    """

    start: int
    operators: list[str]
    operands: list["Expression"]
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Varargs:
    """`...`"""

    start: int
    values: Values = NOTHING


@dataclass(eq=False, slots=True)
class Parenthesized:
    """`(a)`: exactly one value."""

    start: int
    inner: "Expression"
    values: Values = NOTHING


Expression: TypeAlias = (
    Name | Literal | Index | Call | Function | Table | Operation | Varargs | Parenthesized
)


@dataclass(eq=False, slots=True)
class Assignment:
    """`a, b = x, y`, also `local` and `function name() end`."""

    start: int
    targets: list[Name | Index]
    expressions: list[Expression]
    is_local: bool = False


@dataclass(eq=False, slots=True)
class LocalFunction:
    """`local function name() end`: the name is visible inside."""

    start: int
    target: Name
    function: Function


@dataclass(eq=False, slots=True)
class CallStatement:
    """A call whose values are not used."""

    start: int
    call: Call


@dataclass(eq=False, slots=True)
class Do:
    """`do … end`"""

    start: int
    body: list["Statement"]


@dataclass(eq=False, slots=True)
class Loop:
    """`while`, or with `is_repeat` `repeat`, whose condition sees the locals of the body."""

    start: int
    condition: Expression
    body: list["Statement"]
    is_repeat: bool = False


@dataclass(eq=False, slots=True)
class If:
    """The branches, `else` last with no condition."""

    start: int
    branches: list[tuple[Expression | None, list["Statement"]]]


@dataclass(eq=False, slots=True)
class For:
    """`for a, b in x do`, or with `is_numeric` `for a = x, y do`."""

    start: int
    targets: list[Name]
    expressions: list[Expression]
    body: list["Statement"]
    is_numeric: bool = False


@dataclass(eq=False, slots=True)
class Return:
    """`return a, b`"""

    start: int
    expressions: list[Expression]


@dataclass(eq=False, slots=True)
class Jump:
    """`goto label`; `break` is a jump without a label."""

    start: int
    label: str | None


@dataclass(eq=False, slots=True)
class Label:
    """`::name::`"""

    start: int
    name: str


Statement: TypeAlias = (
    Assignment | LocalFunction | CallStatement | Do | Loop | If | For | Return | Jump | Label
)


def constant_key(key: "Expression") -> str | None:
    """Return the name that `t.name` and `t["name"]` read, None for any other key."""
    return key.value if isinstance(key, Literal) and isinstance(key.value, str) else None
