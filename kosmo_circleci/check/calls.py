"""What goes into a call and what comes out of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kosmo_circleci.check import tree
from kosmo_circleci.check.tree import Expression
from kosmo_circleci.check.values import ANY, NIL, NOTHING, Values, union


class Argument(NamedTuple):
    """One argument: what it may be, and how it is written, where it is written at all."""

    values: Values
    expression: Expression | None = None


class Arguments(NamedTuple):
    """The arguments of a call: those that are certain, and what may stand behind them."""

    head: tuple[Argument, ...] = ()
    rest: Values = NOTHING

    def at(self, position: int) -> Argument:
        """Return the argument at a position from 0, nil behind the last one."""
        if position < len(self.head):
            return self.head[position]
        return Argument(self.rest or NIL)

    def behind(self, count: int) -> "Arguments":
        """Return the arguments without the first `count`."""
        return Arguments(self.head[count:], self.rest)

    def all(self) -> Values:
        """Return what any of them may be."""
        return union(NOTHING, self.rest, *(each.values for each in self.head))


class Results(NamedTuple):
    """What a call answers: the values that are certain, and what may stand behind them."""

    head: tuple[Values, ...] = ()
    rest: Values = NOTHING

    def at(self, position: int) -> Values:
        """Return the value at a position from 0; nothing is known of one behind the last."""
        return self.head[position] if position < len(self.head) else self.rest


ANYTHING: Final = Results(rest=ANY)


class ApiCall(NamedTuple):
    """A call of a function of the catalog, directly or by a helper such as `flow.each`."""

    node: tree.Call
    function: str
    arguments: Arguments


def merge_results(results: Sequence[Results]) -> Results:
    """Return what any of several calls may answer."""
    if len(results) == 1:
        return results[0]
    most = max((len(each.head) for each in results), default=0)
    head = tuple(
        union(NOTHING, *(each.at(position) or NIL for each in results)) for position in range(most)
    )
    return Results(head, union(NOTHING, *(each.rest for each in results)))
