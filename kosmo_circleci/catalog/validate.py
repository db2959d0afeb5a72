"""A manifest -> its catalog, or every contradiction in it at once.

Only `scripts/build_manifest.py` and tests run this: the packaged manifest has passed it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, get_args

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import (
    UNITS,
    AnswerForm,
    Function,
    Kind,
    Method,
    Parameter,
    ParameterType,
    PathEncoding,
    Place,
    Version,
)

_FUNCTION_KEYS: Final = frozenset(
    [
        "name",
        "kind",
        "method",
        "path",
        "operation",
        "group",
        "summary",
        "params",
        "result",
        "paginated",
        "has_body",
        "status",
        "example",
        "related",
        "note",
        "keywords",
        "fails",
        "fallback",
        "stores_nothing",
        "version",
        "answer",
        "empty_on",
        "fixed",
        "public",
        "secret_answers",
        "exactly_one_of",
        "at_most_one_of",
    ]
)
_PARAMETER_KEYS: Final = frozenset(
    [
        "name",
        "wire",
        "in",
        "type",
        "required",
        "enum",
        "items",
        "repeated",
        "secret",
        "format",
        "default",
        "part_of",
        "encode",
        "segments",
        "template",
        "omit",
        "absent",
        "maximum",
        "unit",
        "first_page_only",
        "description",
    ]
)


class ManifestError(ValueError):
    """The manifest contradicts itself; the message lists every contradiction."""


def parse(raw: Any) -> Catalog:
    """Return the catalog of a manifest, or raise `ManifestError` with every contradiction in it."""
    try:
        catalog = Catalog(raw)
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"the manifest lacks {error}") from None
    validate(catalog)
    return catalog


def validate(catalog: Catalog) -> None:
    """Raise `ManifestError` if any entry contradicts itself or another."""
    faults: list[str] = []
    for entry in catalog.entries():
        faults += _key_faults(entry)
    if not faults:
        faults += _duplicates("function", [entry["name"] for entry in catalog.entries()])
        for function in catalog.functions():
            faults += [f"{function.name}: {fault}" for fault in _function_faults(function, catalog)]
        faults += _operation_faults(catalog)
    if faults:
        raise ManifestError("the manifest contradicts itself:\n  " + "\n  ".join(faults))


def _key_faults(entry: dict[str, Any]) -> Iterator[str]:
    name = entry.get("name", "a function without a name")
    needed = ("name", "kind", "method", "path", "operation", "group", "summary", "params", "result")
    for key in (*needed, "example", "related"):
        if key not in entry:
            yield f"{name}: '{key}' is missing"
    for key in entry.keys() - _FUNCTION_KEYS:
        yield f"{name}: unknown key '{key}'"
    writes = entry.get("method") in ("POST", "PUT", "PATCH", "DELETE")
    if writes and entry.get("kind") == "read" and not entry.get("stores_nothing"):
        yield f"{name}: only a GET can be a read, unless it says stores_nothing"
    for parameter in entry.get("params", ()):
        for key in ("name", "wire", "in", "type", "description"):
            if key not in parameter:
                yield f"{name}.{parameter.get('name', '?')}: '{key}' is missing"
        for key in parameter.keys() - _PARAMETER_KEYS:
            yield f"{name}.{parameter.get('name', '?')}: unknown key '{key}'"


def _function_faults(function: Function, catalog: Catalog) -> Iterator[str]:
    parameters = function.parameters
    yield from _duplicates("parameter", [each.name for each in parameters])
    places = [f"{each.place} {each.wire}" for each in parameters]
    places += [f"{each.place} {each.wire}" for each in function.fixed]
    yield from _duplicates("wire place", places)
    yield from _path_faults(function)
    yield from _page_faults(function)
    for rule, says in _FUNCTION_RULES:
        if rule(function):
            yield says
    for related in function.related:
        if related not in catalog:
            yield f"related function '{related}' does not exist"
    try:
        catalog.result_shape(function)
    except ValueError as error:
        yield str(error)
    for parameter in parameters:
        for fault in _parameter_faults(parameter, function):
            yield f"parameter '{parameter.name}' {fault}"


_FUNCTION_RULES: Final[tuple[tuple[Callable[[Function], bool], str], ...]] = (
    (lambda f: f.kind not in get_args(Kind), "kind is neither read nor write"),
    (lambda f: f.method not in get_args(Method), "the method is none of the five"),
    (lambda f: f.version not in get_args(Version), "the version is neither v2, v3 nor v1.1"),
    (lambda f: f.answer not in get_args(AnswerForm), "the answer is neither json, text nor jsonl"),
    (
        lambda f: not {*f.exactly_one_of, *f.at_most_one_of} <= {p.name for p in f.parameters},
        "a rule between parameters names one that does not exist",
    ),
    (lambda f: f.kind == "write" and f.method == "GET", "a GET cannot be a write"),
    (lambda f: f.has_body and f.method in ("GET", "DELETE"), "a GET or DELETE has no body"),
    (
        lambda f: not f.has_body and any(p.place == "body" for p in f.parameters),
        "has body parameters but no has_body",
    ),
    (lambda f: not f.summary.endswith("."), "the summary is not a sentence"),
    (lambda f: f.name not in f.example, "the example does not call the function"),
    (
        lambda f: f.fallback is not None and f.parameter(f.fallback.rows.keep_where) is None,
        "the fallback keeps rows by an unknown parameter",
    ),
)


def _path_faults(function: Function) -> Iterator[str]:
    rest = function.path
    for parameter in function.parameters:
        if parameter.place != "path":
            continue
        if parameter.placeholder not in rest:
            yield f"parameter '{parameter.name}' is not in the path: {parameter.placeholder}"
        if not parameter.required:
            yield f"path parameter '{parameter.name}' must be required"
        rest = rest.replace(parameter.placeholder, "", 1)
    if "{" in rest:
        yield f"the path has a placeholder without a parameter: {function.path}"


def _page_faults(function: Function) -> Iterator[str]:
    names = [each.name for each in function.parameters]
    if function.paginated and names[-1:] != ["page_token"]:
        yield "is paginated, so its last parameter must be page_token"
    if not function.paginated and "page_token" in names:
        yield "takes a page_token but is not paginated"


def _parameter_faults(parameter: Parameter, function: Function) -> Iterator[str]:
    yield from _word_faults(parameter)
    for rule, says in _PARAMETER_RULES:
        if rule(parameter):
            yield says
    if parameter.enum and parameter.default is not None and parameter.default not in parameter.enum:
        yield f"has a default outside its enum: {parameter.default}"
    if parameter.part_of is None:
        return
    whole = function.parameter(parameter.part_of)
    if whole is None or whole.type != "object":
        yield f"is part of '{parameter.part_of}', which is not an object parameter"
    elif not parameter.wire.startswith(whole.wire + "."):
        yield f"has the wire name '{parameter.wire}', which is not inside '{whole.wire}'"


_PARAMETER_RULES: Final[tuple[tuple[Callable[[Parameter], bool], str], ...]] = (
    (lambda p: not p.description, "has no description"),
    (
        lambda p: bool(p.enum) and p.type not in ("string", "array"),
        "has an enum but is neither a string nor an array",
    ),
    (
        lambda p: p.repeated and (p.type, p.place) != ("array", "query"),
        "is repeated, so it must be an array in the query",
    ),
    (
        lambda p: (p.encoding == "slug") != bool(p.segments),
        "is a slug without its number of segments, or has one without being a slug",
    ),
    (
        lambda p: (p.place == "header") != bool(p.template),
        "is a header without a template, or has a template without being a header",
    ),
    (lambda p: bool(p.template) and "{value}" not in p.template, "has a template without {value}"),
    (
        lambda p: p.absent is not None and (p.place != "body" or p.required),
        "has a value for its absence, so it must be an optional body field",
    ),
    (
        lambda p: p.maximum is not None and p.type != "integer",
        "has a maximum but is not an integer",
    ),
    (lambda p: bool(p.unit) and p.unit not in UNITS, "has an unknown unit"),
    (
        lambda p: p.encoding != "segment" and p.place != "path",
        "is encoded for a path, and not in the path",
    ),
)


def _word_faults(parameter: Parameter) -> Iterator[str]:
    for what, value, words in (
        ("type", parameter.type, ParameterType),
        ("place", parameter.place, Place),
        ("encoding", parameter.encoding, PathEncoding),
    ):
        if value not in get_args(words):
            yield f"has the {what} '{value}', which is not one of {', '.join(get_args(words))}"


def _operation_faults(catalog: Catalog) -> Iterator[str]:
    by_route: dict[tuple[str, str], str] = {}
    by_operation: dict[str, tuple[str, str]] = {}
    for function in catalog.functions():
        route = (function.method, function.path if function.is_raw else function.api_path)
        operation = by_route.setdefault(route, function.operation)
        if operation != function.operation:
            yield f"{function.name}: {' '.join(route)} is the operation '{operation}' elsewhere"
        other = by_operation.setdefault(function.operation, route)
        if other != route and not function.is_raw:
            yield f"{function.name}: the operation '{function.operation}' is {' '.join(other)}"


def _duplicates(what: str, names: list[str]) -> Iterator[str]:
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"duplicate {what} '{name}'"
