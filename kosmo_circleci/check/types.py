"""Catalog -> LuaCATS definitions: what an editor's language server completes and checks.

Deterministic: the same catalog and accounts give the same text.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from kosmo_circleci.catalog import shapes
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import UNITS, Function, Parameter
from kosmo_circleci.catalog.schema import parameters_schema
from kosmo_circleci.check.names import HELPERS
from kosmo_circleci.script.names import is_lua_name

_HEAD: Final = """---@meta
-- Written by `kosmo integrations:types` from the list of functions; not to be edited.
"""
_TYPES: Final = {"object": "table", "integer": "integer", "boolean": "boolean", "string": "string"}


def definitions(catalog: Catalog, accounts: Sequence[str]) -> dict[str, str]:
    """Return the text of each file by its name: the helpers, and CircleCI's functions."""
    return {
        "functions.lua": "\n\n".join([_HEAD.rstrip(), *_circleci(catalog, accounts)]) + "\n",
        "helpers.lua": HELPERS.read_text("utf-8"),
    }


def _circleci(catalog: Catalog, accounts: Sequence[str]) -> Iterator[str]:
    classes = _Classes(catalog.shared_shapes)
    for name, notation in catalog.shared_shapes.items():
        classes.declare(f"circleci.{name}", notation)
    functions = [_function(each, classes, catalog) for each in catalog.functions()]
    yield from classes.texts
    yield "---@class kosmo.Functions\nlocal functions = {}"
    yield from functions
    yield from _app(accounts)


def _app(accounts: Sequence[str]) -> Iterator[str]:
    fields = [f"---@field {name} kosmo.Functions" for name in accounts]
    yield "\n".join(["---@class kosmo.Namespace : kosmo.Functions", *fields])
    yield "---@class kosmo.Integrations\n---@field circleci kosmo.Namespace"
    yield "\n".join(
        [
            "---@class kosmo.App",
            "---@field integrations kosmo.Integrations",
            "---@field mcp table<string, table<string, fun(args?: table): any>>",
            "app = {}",
        ]
    )


def _function(function: Function, classes: "_Classes", catalog: Catalog) -> str:
    title = f"circleci.{_camel(function.name)}"
    answer = _answer(function, catalog.notation(function), classes, f"{title}.Answer")
    lines = [
        f"---{function.summary}",
        "---",
        f"---{function.kind.capitalize()}. {_route(function)}",
    ]
    if function.note:
        lines += ["---", f"---{function.note}"]
    positional = ", ".join(
        f"{_positional_name(each)}{'' if each.required else '?'}: {_parameter_type(each)}"
        for each in function.parameters
    )
    needs_arguments = any(_is_required(function, each) for each in function.parameters)
    classes.texts.append(_arguments_class(function, title))
    return "\n".join(
        [
            *lines,
            f"---@overload fun({positional}): {answer}",
            f"---@param args{'' if needs_arguments else '?'} {title}.Arguments",
            f"---@return {answer}",
            f"function functions.{function.name}(args) end",
        ]
    )


def _answer(function: Function, notation: Any, classes: "_Classes", name: str) -> str:
    """Return the type of an answer; a page is one of its items' type, which `flow.each` gives."""
    key = function.paging.items[0] if function.paging else "items"
    items = notation.get(key, notation.get(f"{key}?")) if isinstance(notation, dict) else None
    if not isinstance(items, list):
        return classes.type_of(notation, name)
    item = classes.type_of(items, f"{name}.{_camel(key)}").removesuffix("[]")
    classes.declare(name, notation, base=f"kosmo.Page<{item}>")
    return name


def _route(function: Function) -> str:
    return f"`{function.method} {function.api_path}`"


def _arguments_class(function: Function, title: str) -> str:
    lines = [f"---@class {title}.Arguments"]
    for each in function.parameters:
        type_name = _parameter_type(each) + ("" if _is_required(function, each) else "?")
        lines.append(f"---@field {_field_name(each.name)} {type_name} {each.description}")
    properties: Any = parameters_schema(function)["properties"]
    lines += [
        f"---@field {name} table? {each['description']}"
        for name, each in properties.items()
        if function.parameter(name) is None
    ]
    return "\n".join(lines)


def _is_required(function: Function, parameter: Parameter) -> bool:
    """Say whether the parameter itself must be there: no other one fills it."""
    return parameter.required and all(
        each.part_of != parameter.name for each in function.parameters
    )


def _parameter_type(parameter: Parameter) -> str:
    enum = "|".join(f'"{value}"' for value in parameter.enum)
    if parameter.type != "array":
        return enum or _TYPES[parameter.type]
    item = f"({enum})" if enum else _TYPES[parameter.items]
    return f"{item}[]" + (f"|{enum or _TYPES[parameter.items]}" if parameter.repeated else "")


def _positional_name(parameter: Parameter) -> str:
    return parameter.name if is_lua_name(parameter.name) else f"{parameter.name}_"


def _field_name(name: str) -> str:
    return name if is_lua_name(name) else f'["{name}"]'


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.replace("-", "_").split("_"))


class _Classes:
    """The classes of answers; `texts` are their declarations, in the order they are needed."""

    def __init__(self, shared: dict[str, Any]) -> None:
        self.texts: list[str] = []
        self._names: set[str] = set()
        self._shared = shared

    def declare(self, name: str, notation: Any, *, base: str = "") -> None:
        """Declare a class once, or an alias where the notation is not an object."""
        if name in self._names:
            return
        self._names.add(name)
        if not isinstance(notation, dict):
            self.texts.append(f"---@alias {name} {self.type_of(notation, name)}")
            return
        fields = [self._field(key, value, name) for key, value in notation.items()]
        head = f"---@class {name}" + (f" : {base}" if base else "")
        self.texts.append("\n".join([head, *fields]))

    def type_of(self, notation: Any, name: str) -> str:
        """Return the type of a notation; an object without a name gets the class `name`."""
        if isinstance(notation, list):
            item = self.type_of(notation[0], name)
            return f"({item})[]" if "|" in item or item.endswith("?") else f"{item}[]"
        if isinstance(notation, dict):
            self.declare(name, notation)
            return name
        return self._word(notation)

    def _field(self, key: str, notation: Any, owner: str) -> str:
        name = key.removesuffix("?")
        type_name = self.type_of(notation, f"{owner}.{_camel(name)}")
        if key.endswith("?") and not type_name.endswith("?"):
            type_name = f"({type_name})?" if "|" in type_name else f"{type_name}?"
        return f"---@field {_field_name(name)} {type_name}{self._unit(notation)}"

    def _unit(self, notation: Any) -> str:
        if not isinstance(notation, str):
            return ""
        shape = shapes.parse(notation, self._shared)
        return f" In {UNITS[shape.unit]}." if shape.unit else ""

    def _word(self, word: str) -> str:
        if word.endswith("|null"):
            inner = self._word(word.removesuffix("|null"))
            return f"({inner})?" if "|" in inner else f"{inner}?"
        if word in self._shared:
            return f"circleci.{word}"
        if word.startswith("map("):
            return f"table<string, {self._word(word[4:-1])}>"
        shape = shapes.parse(word, self._shared)
        if shape.enum:
            return "|".join(f'"{value}"' for value in shape.enum)
        return {"any": "any", "nothing": "table"}.get(shape.kind, shape.type)
