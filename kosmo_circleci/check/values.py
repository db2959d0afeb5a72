"""What an expression may be at run time, as far as it can be told without running anything.

An expression has a set of values: every alternative that some path of the script can bring. The
empty set is "not reached yet"; a set with an `Unknown` in it allows everything, and no rule reports
on it.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from kosmo_circleci.catalog.model import Shape

if TYPE_CHECKING:
    from kosmo_circleci.check import tree


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything.

    `is_external` marks what comes out of a module, whose code is not read here; `is_full` a set
    that got too many alternatives to keep them.
    """

    is_external: bool = False
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Nil:
    """nil"""


@dataclass(frozen=True, slots=True)
class Boolean:
    """A boolean; `value` is None where it may be either."""

    value: bool | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `value` is None unless it is written in the script."""

    value: int | float | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A string; `value` is None unless it is written in the script."""

    value: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A part of what a function of CircleCI answers.

    `where` is its place: `list_workflow_jobs.items[].status`. The same place has the same shape.
    """

    where: str
    shape: Shape = field(compare=False)


@dataclass(frozen=True, slots=True)
class ApiFunction:
    """A function of the catalog."""

    name: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """`app` or one of the tables below it, by its path."""

    path: str


@dataclass(frozen=True, slots=True)
class Library:
    """A table of the sandbox: `flow`, `string`, …"""

    name: str


@dataclass(frozen=True, slots=True)
class Helper:
    """A function of the sandbox by its full name: `print`, `flow.each`."""

    name: str


@dataclass(frozen=True, slots=True)
class Iterator:
    """What a `for` loop calls: `values` are the values of one round."""

    values: tuple["Values", ...]


@dataclass(eq=False, slots=True)
class TableSite:
    """All tables that one place of the script makes; `node` is their constructor, if it is one.

    `fields` have constant names, `elements` are kept under the other `keys`. `stores` are the
    places where a field is set behind the constructor. `is_open`: code that is not read here may
    change the table.
    """

    node: "tree.Table | None" = None
    fields: dict[str, "Values"] = field(default_factory=dict)
    keys: "Values" = frozenset()
    elements: "Values" = frozenset()
    stores: "dict[str, list[tree.Index]]" = field(default_factory=dict)
    is_open: bool = False

    @property
    def has_hidden_fields(self) -> bool:
        """True if it may have fields that are not in `fields`."""
        return self.is_open or any(not isinstance(key, Number) for key in self.keys)


@dataclass(eq=False, slots=True)
class Closure:
    """All functions that one place of the script makes.

    `returns` are the values by position, `rest` those behind the last; `varargs` what `...` holds.
    `is_open`: code that is not read here may call it.
    """

    function: "tree.Function"
    returns: list["Values"] = field(default_factory=list)
    rest: "Values" = frozenset()
    varargs: "Values" = frozenset()
    is_open: bool = False


Value: TypeAlias = (
    Unknown
    | Nil
    | Boolean
    | Number
    | Text
    | Answer
    | ApiFunction
    | Namespace
    | Library
    | Helper
    | Iterator
    | TableSite
    | Closure
)
Values: TypeAlias = frozenset[Value]

NOTHING: Final[Values] = frozenset()
ANY: Final[Values] = frozenset([Unknown()])
EXTERNAL: Final[Values] = frozenset([Unknown(is_external=True)])
FULL: Final[Values] = frozenset([Unknown(is_full=True)])
NIL: Final[Values] = frozenset([Nil()])
BOOLEAN: Final[Values] = frozenset([Boolean()])
NUMBER: Final[Values] = frozenset([Number()])
TEXT: Final[Values] = frozenset([Text()])

MOST_ALTERNATIVES: Final = 24
"""Past it a set is `FULL`, and stays so: the value comes from too many places to say more."""


def union(*sets: Values) -> Values:
    """Return the alternatives of all sets, or `FULL`."""
    whole = sets[0].union(*sets[1:])
    return whole if len(whole) <= MOST_ALTERNATIVES and not whole >= FULL else FULL


def is_known(values: Values) -> bool:
    """Say whether the set lists every alternative, and there is one."""
    return bool(values) and not any(isinstance(each, Unknown) for each in values)


def only_text(values: Values) -> str | None:
    """Return the string that the value must be, or None."""
    if len(values) != 1:
        return None
    (value,) = values
    return value.value if isinstance(value, Text) else None
