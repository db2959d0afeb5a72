"""`require`: modules that are not there, and what those that are do to the script's globals."""

from collections.abc import Iterator

from kosmo_circleci.check import parse, scope, tree
from kosmo_circleci.check.rules.facts import Facts, alternatives
from kosmo_circleci.check.scope import Script
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.check.values import Helper, only_text
from kosmo_circleci.errors import KosmoError

_REQUIRE = Helper("require")


def unknown_module(facts: Facts) -> Iterator[Fault]:
    """A module that is not there, or cannot be loaded."""
    if facts.modules is None:
        return
    for call in facts.script.calls:
        if not call.arguments or alternatives(call.callee.values) != (_REQUIRE,):
            continue
        name = only_text(call.arguments[0].values)
        if name is None:
            continue
        try:
            facts.modules.find(name)
        except KosmoError as error:
            message = error.message.removeprefix("require: ")
            yield Fault(call.arguments[0].start, message[0].upper() + message[1:])


def globals_of_modules(facts: Facts) -> frozenset[str] | None:
    """Return the globals that the script's modules set, None where they may set any.

    A module that cannot be read sets whatever it likes, as does one whose name is computed.
    """
    names: set[str] = set()
    seen: set[str] = set()
    todo: list[str | None] = _names(facts)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        script = None if name is None else _script_of(facts, name)
        if name is None or script is None:
            return None
        seen.add(name)
        names |= script.globals.keys()
        todo += _required_by(script)
    return frozenset(names)


def _names(facts: Facts) -> list[str | None]:
    """Return the names that the script requires; None for one that cannot be told."""
    names: list[str | None] = []
    calls = {id(call.callee): call for call in facts.script.calls}
    for read in facts.script.reads:
        if read.text == "require" and read.variable is None:
            call = calls.get(id(read))
            names.append(only_text(call.arguments[0].values) if call and call.arguments else None)
    return names


def _required_by(script: Script) -> Iterator[str | None]:
    calls = {id(call.callee): call for call in script.calls}
    for read in script.reads:
        if read.text == "require":
            call = calls.get(id(read))
            argument = call.arguments[0] if call and call.arguments else None
            value = argument.value if isinstance(argument, tree.Literal) else None
            yield value if isinstance(value, str) else None


def _script_of(facts: Facts, name: str) -> Script | None:
    if facts.modules is None:
        return None
    try:
        text = facts.modules.find(name).text
        script = scope.resolve(parse.parse(text.encode()))
    except (KosmoError, Fault, RecursionError):
        return None
    return None if script.has_environment else script
