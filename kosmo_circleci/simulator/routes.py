"""From a request to its operation: method and path of the manifest's templates, most literal first.

A route is a list of pieces, each a literal segment or a path parameter. A slug takes as many
segments as it has parts; the templates with one `{project-slug}` also take it as one segment with
encoded slashes (`gh%2Facme%2Fweb`), those with `{provider}/{organization}/{project}` do not.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias
from urllib.parse import unquote

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.missing import missing_route

Pieces: TypeAlias = tuple[str | Parameter, ...]

Route: TypeAlias = tuple[Function, Mapping[str, str]]
"""The operation that a request asks for, and its decoded path parameters by name."""


def find_route(method: str, path: str, version: str = "v2", keys: Collection[str] = ()) -> Route:
    """Return the route of an encoded path below `/api/VERSION`, such as `/me`.

    `keys` are those of the query: where operations share a route, it is the one whose required keys
    are there. Refuses with 404 where no template fits, and with 405 where one fits for another
    method.
    """
    segments = path.removeprefix("/").split("/")
    others: set[str] = set()
    for functions, pieces in _templates(version, unquote(segments[0])):
        arguments = _match(pieces, segments)
        if arguments is None:
            continue
        if functions[0].method == method:
            return _with_keys(functions, keys), arguments
        others.add(functions[0].method)
    missing = missing_route(method, version, path, beside=bool(others))
    if others and missing is None:
        headers = {"allow": ", ".join(sorted(others))}
        raise Refusal(405, "Method not allowed", headers=headers)
    raise Refusal(404, missing or "Not found")


@cache
def _templates(version: str, first: str) -> list[tuple[list[Function], Pieces]]:
    """Return the routes whose first segment is `first`; every template has a literal one."""
    # Building a function takes a while, so only those that can fit are built.
    # A function with a fallback has a route that CircleCI does not document, and answers with 404.
    catalog = load_catalog()
    names = [
        str(entry["name"])
        for entry in catalog.entries()
        if entry.get("version", "v2") == version
        and entry["path"].removeprefix("/").partition("/")[0] == first
        and "fallback" not in entry
    ]
    routes: dict[tuple[str, str], list[Function]] = {}
    for function in map(catalog.__getitem__, names):
        if not function.is_raw:
            routes.setdefault((function.method, function.path), []).append(function)
    templates = [(functions, _pieces(functions[-1])) for functions in routes.values()]
    return sorted(templates, key=lambda each: [not isinstance(p, str) for p in each[1]])


def _with_keys(functions: Sequence[Function], keys: Collection[str]) -> Function:
    # The last function of a route is the one that takes most of its parameters.
    for function in reversed(functions):
        if all(each.wire in keys for each in function.parameters if _is_required_key(each)):
            return function
    return functions[0]


def _is_required_key(parameter: Parameter) -> bool:
    return parameter.place == "query" and parameter.required


def _pieces(function: Function) -> Pieces:
    # A placeholder may hold slashes of its own, so it becomes one word before the path is split.
    template, slots = function.path.removeprefix("/"), {}
    for parameter in function.parameters:
        if parameter.place == "path":
            template = template.replace(parameter.placeholder, f"{{{parameter.name}}}")
            slots[f"{{{parameter.name}}}"] = parameter
    return tuple(slots.get(word, word) for word in template.split("/"))


def _match(pieces: Pieces, segments: Sequence[str]) -> dict[str, str] | None:
    if not pieces:
        return None if segments else {}
    piece = pieces[0]
    if isinstance(piece, str):
        if not segments or unquote(segments[0]) != piece:
            return None
        return _match(pieces[1:], segments[1:])
    for value, width in _readings(piece, segments):
        rest = _match(pieces[1:], segments[width:])
        if rest is not None:
            return {piece.name: value, **rest}
    return None


def _readings(parameter: Parameter, segments: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each value the parameter can take from the first segments, with their number."""
    if parameter.encoding != "slug":
        if segments and segments[0]:
            yield unquote(segments[0]), 1
        return
    widths = set(parameter.segments)
    if not parameter.wire.startswith("{"):
        widths.add(1)
    for width in sorted(widths):
        part = segments[:width]
        value = unquote("/".join(part))
        if all(part) and value.count("/") + 1 in parameter.segments:
            yield value, width
