"""Everything the abstract run of a script holds: its tables, functions and answers.

Sets of values only grow; `changed` tells that one did. Where code that is not read here gets hold
of a value (a module, an unknown function), the value is opened: from then on it may be
anything, and a function may be called with anything.
"""

from collections.abc import Sequence
from typing import Final

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import Shape
from kosmo_circleci.check import tree
from kosmo_circleci.check.names import NAMESPACE, sandbox
from kosmo_circleci.check.tree import constant_key
from kosmo_circleci.check.values import (
    ANY,
    FULL,
    NIL,
    NOTHING,
    NUMBER,
    Answer,
    ApiFunction,
    Boolean,
    Closure,
    Helper,
    Library,
    Namespace,
    Nil,
    TableSite,
    Text,
    Unknown,
    Value,
    Values,
    union,
)

CIRCLECI: Final = "app.integrations.circleci"
_CHILDREN: Final = {"app": "integrations", "app.integrations": "circleci"}


class Heap:
    """`mentioned` are the catalog's functions that the script names, to call them or hand them on.

    `names_any`: it may reach any of them under a name made at run time. `extra_fields` and
    `library_fields` are what the script itself adds to answers and to tables of the sandbox;
    `open_answers` the places of answers that may have got fields that cannot be listed.
    """

    def __init__(self, catalog: Catalog, accounts: Sequence[str]) -> None:
        self.catalog = catalog
        self.accounts = tuple(accounts)
        self.changed = False
        self.mentioned: set[str] = set()
        self.names_any = False
        self.extra_fields: dict[tuple[str, str], Values] = {}
        self.library_fields: dict[tuple[str, str], Values] = {}
        self.open_answers: set[str] = set()
        self._sites: dict[tuple[int, str], TableSite] = {}
        self._closures: dict[int, Closure] = {}
        self._fields: dict[tuple[str, str], Values] = {}
        self._whole_answers: dict[str, Values] = {}

    # Sets that grow ---------------------------------------------------------------------------

    def join(self, *sets: Values) -> Values:
        """Return the alternatives of all sets; what becomes too many is opened."""
        whole = union(NOTHING, *sets)
        if whole == FULL:
            self.open(frozenset[Value]().union(*sets))
        return whole

    def widen(self, old: Values, new: Values) -> Values:
        """Return both sets' alternatives, taking note of a change."""
        if new <= old:
            return old
        whole = self.join(old, new)
        self.changed = self.changed or whole != old
        return whole

    def grow(self, variable: tree.Variable | None, values: Values) -> None:
        """Let a variable hold further values."""
        if variable is not None:
            variable.values = self.widen(variable.values, values)

    def open(self, values: Values, *, to_module: bool = False) -> None:
        """Give values to code that is not read here; a module may add fields to answers, too."""
        for value in values:
            match value:
                case Closure(is_open=False):
                    value.is_open = self.changed = True
                case TableSite(is_open=False):
                    value.is_open = self.changed = True
                    for each in (value.elements, *value.fields.values()):
                        self.open(each, to_module=to_module)
                case Namespace():
                    self.names_any = True
                case Answer(where=where) if to_module:
                    self.open_answers.add(where)

    def may_run_after(self, values: Values) -> bool:
        """Say whether code of the script may run once it has returned `values`.

        A function may that they lead to, or that was given away before.
        """
        return any(each.is_open for each in self._closures.values()) or _leads_to_function(values)

    # Tables and functions ---------------------------------------------------------------------

    def site(self, node: tree.Expression, part: str = "") -> TableSite:
        """Return the tables that a node makes; `part` tells several of one node apart."""
        key = (id(node), part)
        if key not in self._sites:
            constructor = node if isinstance(node, tree.Table) else None
            self._sites[key] = TableSite(constructor)
        return self._sites[key]

    def closure(self, function: tree.Function) -> Closure:
        """Return the functions that a node makes."""
        return self._closures.setdefault(id(function), Closure(function))

    def list_of(self, node: tree.Expression, values: Values) -> Values:
        """Return a list of `values` that a node makes."""
        site = self.site(node, "list")
        self.put(site, NUMBER, values)
        return frozenset([site])

    def put(self, site: TableSite, keys: Values, values: Values) -> None:
        """Keep values in a table, under keys that are not constant strings."""
        site.keys = self.widen(site.keys, keys)
        site.elements = self.widen(site.elements, values)
        if site.is_open:
            self.open(values)

    def put_field(self, site: TableSite, name: str, values: Values) -> None:
        """Keep values in a field of a table."""
        site.fields[name] = self.widen(site.fields.get(name, NOTHING), values)
        if site.is_open:
            self.open(values)

    def store(
        self, base: Values, keys: Values, values: Values, target: tree.Index | None = None
    ) -> None:
        """Carry out `base[keys] = values`; `target` is where it is written."""
        name = None if target is None else constant_key(target.key)
        for value in base:
            match value:
                case TableSite() if name is not None and target is not None:
                    places = value.stores.setdefault(name, [])
                    if target not in places:
                        places.append(target)
                    self.put_field(value, name, values)
                case TableSite():
                    self.put(value, keys, values)
                case Answer(where=where) if name is not None:
                    self._add(self.extra_fields, (where, name), values)
                case Answer(where=where):
                    self.open_answers.add(where)
                case Library(name=library) if name is not None:
                    self._add(self.library_fields, (library, name), values)
                    self.open(values)
                case _:
                    self.open(values)

    def _add(
        self, fields: dict[tuple[str, str], Values], key: tuple[str, str], values: Values
    ) -> None:
        fields[key] = self.widen(fields.get(key, NOTHING), values)

    # Index ------------------------------------------------------------------------------------

    def index(self, base: Values, keys: Values) -> Values:
        """Return what `base[keys]` may be."""
        if len(base) == 1:
            (value,) = base
            return self._index(value, keys)
        return self.join(*(self._index(value, keys) for value in base))

    def _index(self, value: Value, keys: Values) -> Values:
        names = [key.value for key in keys if isinstance(key, Text) and key.value is not None]
        constant = names if keys and len(names) == len(keys) else None
        match value:
            case TableSite():
                return self._table_index(value, constant)
            case Answer():
                return self._answer_index(value, keys, constant)
            case Namespace(path=path):
                if constant is None:
                    self.names_any = self.names_any or bool(keys)
                    return ANY
                return self.join(*(self._member(path, name) for name in constant))
            case Library(name=library) if constant is not None:
                return self.join(*(self._library_member(library, name) for name in constant))
            case Text() if constant is not None:
                return self.join(*(self._library_member("string", name) for name in constant))
            case Unknown(is_external=True):
                return frozenset([value])
            case Nil() | Boolean():
                return NOTHING
        return ANY

    def _table_index(self, site: TableSite, names: list[str] | None) -> Values:
        hidden = ANY if site.is_open else NOTHING
        if names is None:
            return self.join(NIL, hidden, site.elements, *site.fields.values())
        if site.has_hidden_fields:
            hidden = self.join(hidden, site.elements)
        return self.join(NIL, hidden, *(site.fields.get(name, NOTHING) for name in names))

    def _answer_index(self, answer: Answer, keys: Values, names: list[str] | None) -> Values:
        shape = answer.shape
        if answer.where in self.open_answers:
            return ANY
        if shape.kind in ("array", "map"):
            is_text = bool(keys) and all(isinstance(key, Text) for key in keys)
            if shape.item is None or (shape.kind == "array" and is_text):
                return ANY
            return self.answer(f"{answer.where}[]", shape.item)
        if shape.kind == "scalar" and shape.type == "string" and names is not None:
            return self.join(*(self._library_member("string", name) for name in names))
        if shape.kind != "object" or names is None:
            return ANY
        return self.join(*(self._field(answer, name) for name in names))

    def _field(self, answer: Answer, name: str) -> Values:
        key = (answer.where, name)
        if key not in self._fields:
            shape = next((each.shape for each in answer.shape.fields if each.name == name), None)
            where = f"{answer.where}.{name}"
            self._fields[key] = NOTHING if shape is None else self.answer(where, shape)
        return union(self._fields[key], self.extra_fields.get(key, NOTHING)) or ANY

    def answer(self, where: str, shape: Shape) -> Values:
        """Return a part of an answer; what its documentation leaves open may be anything."""
        if shape.kind in ("any", "nothing"):
            return ANY
        return frozenset([Answer(where, shape)])

    def answer_of(self, name: str) -> Values:
        """Return what a function of the catalog answers."""
        if name not in self._whole_answers:
            shape = self.catalog.result_shape(self.catalog[name])
            self._whole_answers[name] = self.answer(name, shape)
        return self._whole_answers[name]

    def _member(self, path: str, name: str) -> Values:
        if path in _CHILDREN:
            return frozenset([Namespace(f"{path}.{name}")]) if name == _CHILDREN[path] else ANY
        if name in self.catalog:
            self.mentioned.add(name)
            return frozenset([ApiFunction(name)])
        if path == CIRCLECI and name in self.accounts:
            return frozenset([Namespace(f"{path}.{name}")])
        if name in sandbox().members[NAMESPACE]:
            return frozenset([Helper(f"{NAMESPACE}.{name}")])
        return ANY

    def _library_member(self, library: str, name: str) -> Values:
        added = self.library_fields.get((library, name), NOTHING)
        full, names = f"{library}.{name}", sandbox()
        if full in names.signatures:
            return union(added, frozenset([Helper(full)]))
        if library == "math" and full in names.constants:
            return NUMBER
        return added or ANY

    def elements(self, values: Values) -> Values:
        """Return what a list of these values holds, as `ipairs` sees it."""
        return self.join(*(self._elements(value) for value in values))

    def _elements(self, value: Value) -> Values:
        match value:
            case TableSite(elements=elements, is_open=is_open):
                return union(elements, ANY if is_open else NOTHING)
            case Answer():
                return self._answer_index(value, NUMBER, None)
            case Nil() | Boolean():
                return NOTHING
        return ANY


def _leads_to_function(values: Values) -> bool:
    """Say whether a function is among the values, or anywhere in their tables."""
    seen: set[int] = set()
    pending = [*values]
    while pending:
        value = pending.pop()
        if isinstance(value, Closure):
            return True
        if isinstance(value, TableSite) and id(value) not in seen:
            seen.add(id(value))
            for each in (value.elements, *value.fields.values()):
                pending += each
    return False
