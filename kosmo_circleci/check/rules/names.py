"""Names that nothing has: globals, members of the sandbox's tables, functions, accounts."""

from collections.abc import Iterator
from typing import Final

from kosmo_circleci.catalog import lookup
from kosmo_circleci.check import tree
from kosmo_circleci.check.heap import CIRCLECI
from kosmo_circleci.check.names import ABSENT, NAMESPACE, OLD_GLOBALS, sandbox
from kosmo_circleci.check.rules.facts import Facts, alternatives, key_name
from kosmo_circleci.check.rules.modules import globals_of_modules
from kosmo_circleci.check.tree import Fault, constant_key
from kosmo_circleci.check.values import Answer, Library, Namespace, Text, Value
from kosmo_circleci.wording import nearest

_MOST_NAMES: Final = 20
_CHILDREN: Final = {"app": ("integrations", "mcp"), "app.integrations": ("circleci",)}


def undefined_global(facts: Facts) -> Iterator[Fault]:
    """A global that is read, and that neither the sandbox has nor the script sets."""
    script, names = facts.script, sandbox()
    of_modules = globals_of_modules(facts)
    if script.has_environment or _sets_hidden_globals(facts) or of_modules is None:
        return
    set_by_path = {
        key
        for index in (*script.stores, *script.indexes)
        if isinstance(index.base, tree.Name) and index.base.text == "_G"
        for key in [constant_key(index.key)]
    }
    optional = {each.text for each in script.reads if id(each) in script.nil_checks}
    predefined = names.globals | of_modules
    visible = sorted(predefined | script.globals.keys() | script.local_names)
    for name in script.reads:
        text = name.text
        if name.variable is not None or text in predefined or text in set_by_path:
            continue
        near = nearest(text, visible)
        is_old = text in ABSENT or text in OLD_GLOBALS
        if text in optional and (is_old or near is None):
            continue  # `unpack or table.unpack`: the script asks whether it is there.
        yield Fault(name.start, f"Undefined global '{text}'{_instead(text, near)}")


def _sets_hidden_globals(facts: Facts) -> bool:
    """Say whether the script may set globals under names that cannot be read here."""
    script = facts.script
    loads = {"load", "loadstring"} & {each.text for each in script.reads}
    plain = [
        each.base
        for each in (*script.stores, *script.indexes)
        if isinstance(each.base, tree.Name) and constant_key(each.key) is not None
    ]
    tables = [each for each in script.reads if each.text == "_G"]
    return bool(loads) or any(each not in plain for each in tables)


def unknown_member(facts: Facts) -> Iterator[Fault]:
    """A member that a table of the sandbox does not have: `flow.eech`, `string.trim`."""
    unknown = list(_unknown_members(facts))
    optional = {
        (library, name) for index, name, library in unknown if id(index) in facts.script.nil_checks
    }
    for index, name, library in unknown:
        full, members = f"{library}.{name}", _members(library)
        near = nearest(name, members)
        if (library, name) in optional and (near is None or full in ABSENT):
            continue
        has = f". It has: {', '.join(sorted(members))}" if len(members) <= _MOST_NAMES else ""
        yield Fault(index.key_start, f"Unknown member: {full}{_instead(full, near) or has}")


def _unknown_members(facts: Facts) -> Iterator[tuple[tree.Index, str, str]]:
    """Yield the reads of the sandbox's tables that find nothing: (node, name, table)."""
    for index, name, values in _constant_reads(facts):
        libraries = [_library(each) for each in values]
        matches = [
            library is None
            or name in _members(library)
            or (library, name) in facts.heap.library_fields
            for library in libraries
        ]
        if libraries[0] is not None and not any(matches):
            yield index, name, libraries[0]


def _library(value: Value) -> str | None:
    """Return the table of the sandbox that a value reads its members from."""
    match value:
        case Library(name=name):
            return name
        case Namespace(path=path) if path in _CHILDREN:
            return path
        case Text():
            return "string"
        case Answer(shape=shape) if shape.kind == "scalar" and shape.type == "string":
            return "string"
    return None


def _members(library: str) -> frozenset[str]:
    if library in _CHILDREN:
        return frozenset(_CHILDREN[library])
    return sandbox().members[library]


def unknown_function(facts: Facts) -> Iterator[Fault]:
    """A function that CircleCI's namespace does not have."""
    for index, name, path in _unknown_names(facts):
        if path != CIRCLECI or not _is_read_from(facts, index):
            others = [
                *sandbox().members[NAMESPACE],
                *(facts.heap.accounts if path == CIRCLECI else ()),
            ]
            near = lookup.suggestions(name, facts.heap.catalog, others)
            message = lookup.unknown_function(f"{path}.{name}", near).message
            yield Fault(index.key_start, message)


def unknown_account(facts: Facts) -> Iterator[Fault]:
    """An account that is not configured: `circleci.wrok.get_pipeline`."""
    for index, name, path in _unknown_names(facts):
        if path == CIRCLECI and _is_read_from(facts, index):
            accounts = facts.heap.accounts
            near = nearest(name, accounts)
            hint = f"Did you mean: {near}?" if near else f"Configured: {', '.join(accounts)}."
            yield Fault(index.key_start, f"Unknown account: {name}. {hint}")


def _unknown_names(facts: Facts) -> Iterator[tuple[tree.Index, str, str]]:
    """Yield the reads of the namespace that find nothing, with the name and the path read from."""
    heap = facts.heap
    for index, name, values in _constant_reads(facts):
        paths = [each.path for each in values if isinstance(each, Namespace)]
        if len(paths) != len(values) or not all(path.startswith(CIRCLECI) for path in paths):
            continue
        is_account = CIRCLECI in paths and name in heap.accounts
        if name not in heap.catalog and name not in sandbox().members[NAMESPACE] and not is_account:
            yield index, name, sorted(paths)[0]


def _is_read_from(facts: Facts, index: tree.Index) -> bool:
    return any(each.base is index for each in facts.script.indexes)


def _constant_reads(facts: Facts) -> Iterator[tuple[tree.Index, str, tuple[Value, ...]]]:
    for index in facts.script.indexes:
        name, values = key_name(index), alternatives(index.base.values)
        if name is not None and values:
            yield index, name, values


def _instead(name: str, near: str | None) -> str:
    if name in ABSENT:
        return f": {ABSENT[name]}"
    return f". Did you mean '{near}'?" if near else ""
